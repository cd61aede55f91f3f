#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Three services and a refused one in a namespace of its own; each line on standard input
is a round of N connections to each, from a process of another name."""
import ctypes
import json
import os
import socket
import subprocess
import sys

N = 10
SERVICES = (("10.1.0.1", 7001), ("10.2.0.1", 7002), ("fd00::1", 7003))
REFUSED = ("10.1.0.1", 7009)
PR_SET_NAME = 15


def call_myself(name):
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def client(orders, done):
    """The client closes first: its end goes to TIME-WAIT, the service's to CLOSE-WAIT."""
    call_myself("tt-client")
    for _ in orders:
        for at in SERVICES:
            for _ in range(N):
                s = socket.socket(family(at[0]))
                s.connect(at)
                s.close()
        for _ in range(N):
            with socket.socket() as s:
                assert s.connect_ex(REFUSED)
        done.write("done\n")
        done.flush()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in ("10.1.0.1/32", "10.2.0.1/32", "fd00::1/128"):
        subprocess.run(["ip", "addr", "add", address, "dev", "lo"] +
                       (["nodad"] if ":" in address else []), check=True)
    call_myself("tt-server")
    listeners = [socket.create_server(at, family=family(at[0]), backlog=N) for at in SERVICES]
    order_r, order_w = os.pipe()
    done_r, done_w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(order_w)
        with os.fdopen(order_r) as orders, os.fdopen(done_w, "w") as done:
            client(orders, done)
        os._exit(0)
    os.close(order_r)
    print(json.dumps({"netns": os.stat("/proc/self/ns/net").st_ino, "server": os.getpid(), "client": pid}),
          flush=True)
    for _ in sys.stdin:
        os.write(order_w, b"go\n")
        for listener in listeners:
            for _ in range(N):
                connection, _peer = listener.accept()
                assert connection.recv(1) == b""
                connection.close()
        assert os.read(done_r, 5)
        print("done", flush=True)


main()
