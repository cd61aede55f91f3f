#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""In a namespace of its own: at a line on stdin a connection is made and closed with data
that its peer never gets; at the next one they arrive. Tells what there is as JSON."""
import json
import os
import socket
import subprocess
import sys


def nft(rule):
    subprocess.run(["nft", rule], check=True)


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    nft("add table t")
    nft("add chain t in { type filter hook input priority 0; }")
    listener = socket.create_server(("127.0.0.1", 7000))
    print(json.dumps({"netns": os.stat("/proc/self/ns/net").st_ino, "pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    nft("add rule t in tcp dport 7000 drop")
    client.send(b"x")
    client.close()
    print("closed", flush=True)
    sys.stdin.readline()
    nft("flush chain t in")
    server.close()
    print("cured", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
