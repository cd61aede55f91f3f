#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""In a namespace of its own: a receiver with SO_RCVBUF set that does not read, a sender
whose buffer may not grow far, a full accept queue, a full SYN queue. Tells what there is as JSON; a line on
stdin cures it, the end ends it."""
import json
import os
import socket
import subprocess
import sys
import time

RCVBUF = 65536


def sysctl(name, value):
    with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
        f.write(value)


def fill(sock):
    """Until nothing goes any more, also after the receiver took what it can."""
    sock.setblocking(False)
    sent, waits = 0, 0
    while waits < 5:
        try:
            sent += sock.send(b"x" * 65536)
            waits = 0
        except BlockingIOError:
            waits += 1
            time.sleep(0.05)
    return sent


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    sysctl("tcp_wmem", "4096 16384 131072")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RCVBUF)
    listener.bind(("127.0.0.1", 7000))
    listener.listen(5)
    sender = socket.create_connection(("127.0.0.1", 7000))
    receiver, _ = listener.accept()
    sent = fill(sender)
    full = socket.socket()
    full.bind(("127.0.0.1", 7001))
    full.listen(1)
    waiting = [socket.create_connection(("127.0.0.1", 7001)) for _ in range(2)]
    sysctl("tcp_syncookies", "0")
    sysctl("tcp_max_syn_backlog", "4")
    deferred = socket.socket()		# a connection without data stays in the SYN queue
    deferred.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    deferred.bind(("127.0.0.1", 7002))
    deferred.listen(8)
    silent = [socket.create_connection(("127.0.0.1", 7002)) for _ in range(3)]
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino,
                      "port": sender.getsockname()[1], "rcvbuf": 2 * RCVBUF, "sndbuf": 131072}), flush=True)
    sys.stdin.readline()
    while sent:
        sent -= len(receiver.recv(65536))
    for _ in waiting:
        full.accept()
    for client in silent:
        client.send(b"x")
        deferred.accept()
    print("cured", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
