#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections stuck in every way that a host can be made to show, and healthy ones, in a
namespace of its own. Tells what there is as JSON; a line on stdin cures it, the end ends it."""
import json
import os
import socket
import subprocess
import sys

LEAK = 12


def ip(command):
    subprocess.run(command.split(), check=True)


def sysctl(name, value):
    with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
        f.write(value)


def nft(rule):
    subprocess.run(["nft", rule], check=True)


class Pair:
    """Both ends of a connection."""

    def __init__(self, listener, sndbuf=0):
        self.client = socket.socket()
        if sndbuf:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
        self.client.connect(listener.getsockname())
        self.server, _ = listener.accept()
        self.port = self.client.getsockname()[1]

    def close(self):
        self.client.close()
        self.server.close()


def listen(rcvbuf=0):
    s = socket.socket()
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.bind(("127.0.0.1", 0))
    s.listen(64)
    return s


def unanswered():
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(("10.99.0.2", 80))
    return client


def wedged(listener):
    """Nobody reads: our own window closes, and the peer's is, seen from the other end."""
    pair = Pair(listener, 1 << 20)
    pair.client.setblocking(False)
    try:
        while True:
            pair.client.send(b"x" * 65536)
    except BlockingIOError:
        return pair


def drain(pair):
    pair.server.setblocking(False)
    pair.client.setblocking(True)
    pair.client.close()
    try:
        while pair.server.recv(1 << 20):
            pass
    except BlockingIOError:
        pass


def cut_off(listener):
    """What it sends is dropped here, from now on."""
    pair = Pair(listener)
    nft(f"add rule t out tcp sport {pair.port} drop")
    pair.client.send(b"lost")
    return pair


def fin_lost(listener):
    pair = Pair(listener)
    nft(f"add rule t out tcp sport {pair.port} drop")
    pair.client.shutdown(socket.SHUT_WR)
    return pair


def main():
    for command in ("ip link set lo up", "ip link add v0 type veth peer name v1",
                    "ip link set v0 up", "ip link set v1 up", "ip addr add 10.99.0.1/24 dev v0",
                    "ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0"):
        ip(command)
    nft("add table t")
    nft("add chain t out { type filter hook output priority 0; }")
    sysctl("tcp_rmem", "4096 131072 131072")
    listener, small = listen(), listen(8192)
    idle, half = Pair(listener), Pair(listener)
    leak = [Pair(listener) for _ in range(LEAK)]
    for pair in leak:		# the client's FIN is read, and not answered
        pair.client.shutdown(socket.SHUT_WR)
        assert pair.server.recv(1) == b""
    eof = Pair(listener)
    eof.client.send(b"bye")
    eof.client.shutdown(socket.SHUT_WR)
    stuck = {"syn-no-answer": unanswered(), "full": wedged(small), "cut": cut_off(listener),
             "fin": fin_lost(listener)}
    print(json.dumps({
        "pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino,
        "listener": listener.getsockname()[1], "small": small.getsockname()[1],
        "idle": idle.port, "half": half.port, "eof": eof.port,
        "leak": [p.port for p in leak], "cut": stuck["cut"].port, "fin": stuck["fin"].port,
        "full": stuck["full"].port}), flush=True)
    sys.stdin.readline()
    nft("flush chain t out")
    for pair in leak + [eof, stuck["cut"], stuck["fin"]]:
        pair.close()
    drain(stuck["full"])
    stuck["full"].server.close()
    stuck["syn-no-answer"].close()
    print("cured", flush=True)
    sys.stdin.readline()
    idle.close()
    half.close()


if __name__ == "__main__":
    main()
