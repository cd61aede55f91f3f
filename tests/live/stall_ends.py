#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections of which two processes have an end each, in one namespace or in two with a
cable: `deaf`, what one end sends is dropped where it arrives; `full`, an accept queue
ignores final ACKs; `timed`, one and the other begin when they are told to. Tells what there
is as JSON; a line on stdin is the next step, the end ends it."""
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

HERE, THERE = "10.98.0.1", "10.98.0.2"
PATIENT = "10.98.0.3"	# there, too; what is lost on the way to it is sent again late
SERVICES = {"sends": 81, "fills": 82, "closes": 83, "full": 84, "asked": 85}
LATE = (7001, 7002)
AT_MOST = 120	# seconds for anything: nobody waits for ever


def sh(command):
    subprocess.run(command.split(), check=True)


def nft(rule):
    """Of this namespace; of the peer's: Peer.nft()."""
    subprocess.run(["nft", rule], check=True)


def netns(pid):
    return os.stat(f"/proc/{pid}/ns/net").st_ino


class Peer:
    """The process that has the other ends, in this namespace or in one of its own."""

    def __init__(self, apart):
        self.process = subprocess.Popen([*(["unshare", "-n"] if apart else []), "/usr/bin/python3", __file__, "peer"],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        assert self.process.stdout.readline() == "ready\n"
        (self.cable if apart else self.loopback)()
        nft("add table t")
        nft("add chain t in { type filter hook input priority 0; }")

    def say(self, *words):
        """Something to do; returns when it is done."""
        print(*words, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n", words

    def inside(self, *command):
        subprocess.run(["nsenter", "-t", str(self.pid), "-n", *command], check=True)

    def nft(self, rule):
        self.inside("nft", rule)

    def loopback(self):
        for command in ("ip link set lo up", f"ip addr add {HERE}/24 dev lo",
                        f"ip route add local {PATIENT} dev lo rto_min 6s"):
            sh(command)

    def cable(self):
        for command in ("ip link add v0 type veth peer name v1", f"ip link set v1 netns {self.pid}",
                        "ip link set v0 up", f"ip addr add {HERE}/24 dev v0"):
            sh(command)
        for command in ("ip link set v1 up", f"ip addr add {THERE}/24 dev v1", f"ip addr add {PATIENT}/32 dev v1"):
            self.inside(*command.split())
        sh(f"ip route add {PATIENT} dev v0 rto_min 6s")
        self.nft("add table t")
        self.nft("add chain t in { type filter hook input priority 0; }")

    def tell(self, **more):
        """The first line of the stage."""
        print(json.dumps({"pid": os.getpid(), "peer": self.pid, "netns": netns(os.getpid()),
                          "peer_netns": netns(self.pid), **SERVICES, **more}), flush=True)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def read_all(c):
    """A healthy reader, which closes when the other end has."""
    while c.recv(65536):
        pass
    c.close()


def peer():
    listeners, kept = {}, {}
    print("ready", flush=True)
    for line in sys.stdin:
        word, port, *args = line.split()
        if word == "listen":
            listeners[port] = socket.create_server(("", int(port)), backlog=int(args[0]))
        elif word == "accept":
            kept[port] = listeners[port].accept()[0]
            threading.Thread(target=read_all, args=(kept[port],), daemon=True).start()
        elif word == "send":
            kept[port].send(b"x")
        print("done", flush=True)


def connected(other, address, service):
    port = SERVICES[service]
    other.say("listen", port, 8)
    c = socket.create_connection((address, port))
    other.say("accept", port)
    return c


def fill(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    c.setblocking(False)
    try:
        while True:
            c.send(b"x" * 65536)
    except BlockingIOError:
        pass


def wait_until_acknowledged(c):
    begun = time.monotonic()
    while struct.unpack("i", fcntl.ioctl(c, termios.TIOCOUTQ, bytes(4)))[0]:
        assert time.monotonic() - begun < AT_MOST
        time.sleep(0.05)


def deaf(other):
    """One end is the peer's that sends, the others are ours: a listing has to tell them apart."""
    hears, fills, closes = (connected(other, THERE, "sends"), connected(other, PATIENT, "fills"),
                            connected(other, THERE, "closes"))
    nft(f"add rule t in tcp sport {SERVICES['sends']} drop")
    other.nft(f"add rule t in tcp dport {SERVICES['fills']} drop")
    other.nft(f"add rule t in tcp dport {SERVICES['closes']} tcp flags & fin == fin drop")
    other.say("send", SERVICES["sends"])
    fill(fills)
    closes.shutdown(socket.SHUT_WR)
    other.tell()
    sys.stdin.readline()
    nft("flush chain t in")
    other.nft("flush chain t in")
    assert hears.recv(1) == b"x"
    wait_until_acknowledged(fills)
    assert closes.recv(1) == b""
    print("cured", flush=True)
    sys.stdin.readline()


def ignored(other):
    """Two clients whose final ACKs come when others have filled the queue. The first sends, as it
    thinks that it is connected."""
    late = [socket.create_connection((THERE, SERVICES["full"]), source_address=(HERE, port)) for port in LATE]
    early = [socket.create_connection((THERE, SERVICES["full"])) for _ in range(2)]
    other.nft("flush chain t in")
    late[0].send(b"x")
    return late, early


def full(other):
    rule = (f"add rule t in tcp dport {SERVICES['full']} tcp sport {{ {LATE[0]}, {LATE[1]} }} "
            "tcp flags & (syn | ack) == ack drop")
    other.say("listen", SERVICES["full"], 1)
    other.nft(rule)
    clients = ignored(other)
    other.tell()
    sys.stdin.readline()
    # Else they get in as soon as they are asked once more, which may be at once.
    other.nft(rule)
    for _ in range(2):
        other.say("accept", SERVICES["full"])
    print("accepted", flush=True)
    sys.stdin.readline()
    other.nft("flush chain t in")
    for _ in range(2):
        other.say("accept", SERVICES["full"])
    wait_until_acknowledged(clients[0][0])
    print("cured", flush=True)
    sys.stdin.readline()


def timed(other):
    """When, by this clock, is the answer to each line: a SYN that is not answered, and when it was; a
    connection that nobody accepts, and when somebody did."""
    other.say("listen", SERVICES["asked"], 8)
    other.say("listen", SERVICES["full"], 8)
    other.nft(f"add rule t in tcp dport {SERVICES['asked']} drop")
    other.tell()
    sys.stdin.readline()
    asks = socket.socket()
    asks.setblocking(False)
    begun = time.time()
    asks.connect_ex((THERE, SERVICES["asked"]))
    print(begun, flush=True)
    sys.stdin.readline()
    other.nft("flush chain t in")
    assert select.select([], [asks], [], AT_MOST)[1] and not asks.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    print(time.time(), flush=True)
    other.say("accept", SERVICES["asked"])
    sys.stdin.readline()
    begun = time.time()
    waits = socket.create_connection((THERE, SERVICES["full"]))
    print(begun, flush=True)
    sys.stdin.readline()
    other.say("accept", SERVICES["full"])
    print(time.time(), flush=True)
    sys.stdin.readline()
    waits.close()


def main(scene, place):
    socket.setdefaulttimeout(AT_MOST)
    other = Peer(place == "two")
    {"deaf": deaf, "full": full, "timed": timed}[scene](other)
    other.end()


if __name__ == "__main__":
    peer() if sys.argv[1] == "peer" else main(*sys.argv[1:])
