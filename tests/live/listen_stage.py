#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A listener that bursts of connections meet; tells what /proc and ss say of it."""
import argparse
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time


def counters(port):
    with open("/proc/self/net/netstat", encoding="ascii") as f:
        names, values = [line.split() for line in f][:2]
    out = {k: int(v) for k, v in zip(names[1:], values[1:]) if k.startswith("Listen")}
    ss = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], check=True, capture_output=True, text=True)
    out["recv_q"], out["send_q"] = map(int, ss.stdout.split()[1:3])
    return out


def sysctl(setting):
    name, value = setting.split("=")
    with open("/proc/sys/net/" + name.replace(".", "/"), "w", encoding="ascii") as f:
        f.write(value)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backlog", type=int)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--bursts", type=int, default=-1, help="so many, then silence")
    parser.add_argument("--every", type=float, default=1)
    parser.add_argument("--accept-after", type=float, default=0)
    parser.add_argument("--accept-every", type=float, help="one at a time, however many wait")
    parser.add_argument("--never-accept", action="store_true")
    parser.add_argument("--forks", type=int, default=0, help="processes that hold it, too")
    parser.add_argument("--group", type=int, default=0, help="SO_REUSEPORT: sockets on one port")
    parser.add_argument("--more", type=int, default=0, help="listeners beside")
    parser.add_argument("--defer", action="store_true", help="who says nothing stays in the SYN queue")
    parser.add_argument("--sysctl", action="append", default=[], help="core.somaxconn=2")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for setting in args.sysctl:
        sysctl(setting)
    listener = socket.create_server(("127.0.0.1", 0), backlog=args.backlog)
    if args.defer:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    listener.setblocking(False)
    port = listener.getsockname()[1]
    more = [socket.create_server(("127.0.0.1", 0), backlog=1) for _ in range(args.more)]
    for _ in range(args.forks):
        if not os.fork():
            sys.stdin.read()
            os._exit(0)
    for _ in range(args.group):
        more.append(socket.create_server(("127.0.0.1", more[-1].getsockname()[1] if more else 0),
                                         backlog=1, reuse_port=True))
    with open("/proc/self/comm", encoding="ascii") as f:
        comm = f.read().rstrip("\n")
    print(json.dumps({"pid": os.getpid(), "comm": comm, "port": port, "more": len(more),
                      "netns": os.stat("/proc/self/ns/net").st_ino}), flush=True)
    clients, accept_at, burst_at = [], 0, time.monotonic()
    while True:
        now = time.monotonic()
        if args.burst and args.bursts == 0:     # nobody comes again: the counters stand
            for client in clients:
                client.close()
            args.burst = 0
        if args.burst and now >= burst_at:
            args.bursts -= 1
            burst_at = now + args.every
            if not args.accept_every:
                accept_at = now + args.accept_after
            for _ in range(args.burst):
                clients.append(socket.socket())
                clients[-1].setblocking(False)
                clients[-1].connect_ex(("127.0.0.1", port))
            if not args.never_accept:
                del clients[:-200]
        while not args.never_accept and now >= accept_at:
            if args.accept_every:
                accept_at = now + args.accept_every
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                break
        if not select.select([sys.stdin], [], [], 0.01)[0]:
            continue
        line = sys.stdin.readline().split()
        if not line:
            return
        if line[0] == "listen":
            listener.listen(int(line[1]))
        print(json.dumps(counters(port)), flush=True)


if __name__ == "__main__":
    main()
