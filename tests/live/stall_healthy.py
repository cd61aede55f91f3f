#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Busy, slow and idle connections that are not stuck, in a namespace of its own, until stdin
ends: an idle pool, a half-close that still sends, a window that closes and opens, one with a
low rate of its own, short connections that end in TIME-WAIT, with "many" some 50,000 of those
at a time; 300 ms away where the kernel has netem."""
import json
import os
import select
import socket
import subprocess
import sys
import threading

from stall_stage import Pair, listen, sysctl

BEAT = 0.25
SO_MAX_PACING_RATE = 47		# <asm-generic/socket.h>; Python has no name for it
stop = threading.Event()


def half_closed(listener):
    """The client is done, the server sends on: neither end is a leak."""
    pair = Pair(listener)
    pair.client.shutdown(socket.SHUT_WR)
    assert pair.server.recv(1) == b""
    while not stop.wait(BEAT):
        pair.server.send(b"more")
        pair.client.recv(65536)


def flapping(listener):
    """Reads everything now and then, in between the window is closed."""
    pair = Pair(listener, 1 << 20)
    pair.client.setblocking(False)
    pair.server.setblocking(False)
    while not stop.wait(BEAT):
        try:
            while True:
                pair.client.send(b"x" * 65536)
        except BlockingIOError:
            pass
        try:
            while pair.server.recv(1 << 20):
                pass
        except BlockingIOError:
            pass


def paced(listener):
    """Always has more to send than its rate, at which a segment of loopback takes many seconds."""
    pair = Pair(listener, 1 << 16)
    pair.client.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, 2000)
    pair.client.setblocking(False)
    pair.server.setblocking(False)
    while not stop.wait(BEAT):
        for step in (lambda: pair.client.send(b"x" * 65536)), (lambda: pair.server.recv(1 << 20)):
            try:
                step()
            except BlockingIOError:
                pass


def short(listener):
    while not stop.wait(0.01):
        Pair(listener).close()


def many():
    """1,000 a second, which are in TIME-WAIT for 60 s each; as the server closes first, its side is."""
    listener = socket.create_server(("", 0), backlog=4096)
    turn = 0
    while not stop.wait(0.02):
        clients = []
        for _ in range(20):
            turn += 1
            clients.append(socket.create_connection((f"127.0.1.{1 + turn % 250}", listener.getsockname()[1])))
        for client in clients:
            server, _ = listener.accept()
            server.close()
            client.close()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    far = "many" not in sys.argv and subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "150ms"],
                         capture_output=True, check=False).returncode == 0
    sysctl("tcp_rmem", "4096 131072 131072")
    listener, small, busy = listen(), listen(8192), listen()
    pool = [Pair(listener) for _ in range(20)]
    threads = [threading.Thread(target=half_closed, args=(listener,)),
               threading.Thread(target=flapping, args=(small,)),
               threading.Thread(target=paced, args=(listener,)),
               threading.Thread(target=short, args=(busy,))]
    if "many" in sys.argv:
        threads.append(threading.Thread(target=many))
    for t in threads:
        t.start()
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino, "far": far}),
          flush=True)
    select.select([sys.stdin], [], [])
    stop.set()
    for t in threads:
        t.join()
    for pair in pool:
        pair.close()


if __name__ == "__main__":
    main()
