#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs into limits in a namespace of its own: local ports, TIME-WAIT buckets, descriptors.
Tells what there is as JSON; a line on stdin cures it, the end ends it."""
import errno
import json
import os
import resource
import socket
import subprocess
import sys

LOW, HIGH, RESERVED = 40000, 40029, 10
HELD = 8		# connections that stay open; the rest become TIME-WAIT
BUCKETS = 8


def sysctl(name, value):
    with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
        f.write(value)


def connect(listener):
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    return client, server


def exhaust(listener):
    """Every port of the range to one service; the errno of the next connect()."""
    held, failed = [], 0
    while True:
        try:
            pair = connect(listener)
        except OSError as e:
            failed = e.errno
            break
        held.append(pair)
        assert len(held) <= HIGH - LOW + 1
    for client, server in held[HELD:]:
        client.close()
        server.close()
    return held[:HELD], len(held) - HELD, failed


def fill_descriptors():
    """Up to the limit; the errno of the next open()."""
    soft = len(os.listdir("/proc/self/fd")) + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, 4096))
    held = []
    while True:
        try:
            held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as e:
            return held, e.errno, soft


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    sysctl("ip_local_port_range", f"{LOW} {HIGH}")
    sysctl("ip_local_reserved_ports", f"{LOW}-{LOW + RESERVED - 1},50000")
    sysctl("tcp_max_tw_buckets", "1000")
    sysctl("tcp_tw_reuse", "0")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 7000))
    listener.listen(64)
    pairs, time_wait, ports_errno = exhaust(listener)
    files, files_errno, soft = fill_descriptors()
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino,
                      "ports": HIGH - LOW + 1 - RESERVED, "time_wait": time_wait,
                      "ports_errno": errno.errorcode.get(ports_errno), "soft": soft,
                      "files_errno": errno.errorcode.get(files_errno)}), flush=True)
    sys.stdin.readline()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    for fd in files:
        os.close(fd)
    sysctl("ip_local_port_range", "1024 65535")
    sysctl("tcp_max_tw_buckets", str(BUCKETS))
    more = [connect(listener) for _ in range(2 * BUCKETS)]	# and now they are enough
    print("cured", flush=True)
    sys.stdin.readline()
    for client, server in more:		# while somebody samples
        client.close()
        server.close()
    print("closed", flush=True)
    sys.stdin.readline()
    for client, server in pairs:
        client.close()
        server.close()


if __name__ == "__main__":
    main()
