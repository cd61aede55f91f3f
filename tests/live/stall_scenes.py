#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections stuck at, or because of, a peer in another namespace, and in this host's own
queues. Tells what there is as JSON; a line on stdin cures it, the end ends it."""
import errno
import json
import os
import socket
import struct
import subprocess
import sys

HERE, THERE = "10.98.0.1", "10.98.0.2"
SERVICES = {"drops": 81, "refused": 82, "orphan": 84, "keepalive": 85, "window": 86, "open": 87}
STRICT = "10.98.1.1"	# ours, too
QUEUED = "10.98.2.2"
KEPT_BACK = {"out": 91, "in": 92, "strict": 93, "data": 94, "queue": 95}


def sh(*command):
    subprocess.run(command, check=True)


class Peer:
    """A namespace at the other end of a cable, which a process keeps."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", __file__, "peer"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.say()
        self.pid = self.process.pid

    def say(self, *words):
        """Something to do; its answer."""
        if words:
            print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def inside(self, *command):
        sh("nsenter", "-t", str(self.pid), "-n", *command)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def peer():
    """Listens, accepts, reads nothing, closes nothing; connects when it is told to."""
    listeners, kept = [], []
    print("ready", flush=True)
    for line in sys.stdin:
        word, *args = line.split()
        if word == "listen":
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.bind((THERE, int(args[0])))
            s.listen(8)
            listeners.append(s)
        elif word == "accept":
            kept.append(listeners[-1].accept()[0])
        elif word == "connect":
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex((HERE, int(args[0])))
            kept.append(c)
        elif word == "forget":
            kept.pop().close()
        elif word == "close":
            for s in kept:		# by RST: at once
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
            kept.clear()
        print("done", flush=True)


def cable(other):
    for command in ("ip link set lo up", "ip link add v0 type veth peer name v1",
                    f"ip link set v1 netns {other.pid}", "ip link set v0 up",
                    f"ip addr add {HERE}/24 dev v0"):
        sh(*command.split())
    for command in ("ip link set lo up", "ip link set v1 up", f"ip addr add {THERE}/24 dev v1",
                    "nft add table t", "nft add chain t in { type filter hook input priority 0; }"):
        other.inside(*command.split(maxsplit=4 if "chain" in command else -1))
    sh("nft", "add table t")
    sh("nft", "add chain t out { type filter hook output priority 0; }")
    sh("nft", "add chain t in { type filter hook input priority 0; }")


def connecting(address, port, source=None):
    c = socket.socket()
    c.setblocking(False)
    if source:
        c.bind((source, 0))
    assert c.connect_ex((address, port)) == errno.EINPROGRESS
    return c


def connected(other, name):
    port = SERVICES.get(name) or KEPT_BACK[name]
    other.say("listen", port)
    c = socket.socket()
    c.connect((THERE, port))
    other.say("accept")
    return c


def listen(backlog):
    s = socket.socket()
    s.bind((HERE, 0))
    s.listen(backlog)
    return s


def overflowing():
    """A full accept queue, and two clients whose final ACKs came too late for it."""
    listener = listen(1)
    port = listener.getsockname()[1]
    sh("nft", f"add rule t in tcp dport {port} tcp flags & (syn | ack) == ack drop")
    late = [socket.create_connection((HERE, port)) for _ in range(2)]
    sh("nft", "flush chain t in")
    early = [socket.create_connection((HERE, port)) for _ in range(2)]
    return listener, late + early


def given_up():
    """What the kernel ends in some seconds, each by another of its timers."""
    other = Peer()
    cable(other)
    for name, value in ("tcp_synack_retries", "2"), ("tcp_orphan_retries", "4"):
        with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
            f.write(value)
    asked = listen(8)		# by a client that sends its SYN once
    other.inside("nft", f"add rule t in tcp sport {asked.getsockname()[1]} drop")
    window = connected(other, "window")
    window.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9000)
    stuck = [unread(window), silent(other, 9)]
    orphan(other)
    for word in "connect", "forget":
        other.say(word, asked.getsockname()[1])
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino}), flush=True)
    sys.stdin.readline()
    for c in stuck:
        c.close()
    other.end()


def crowd():
    """A full accept queue, and a client whose SYN it refuses."""
    sh("ip", "link", "set", "lo", "up")
    full = socket.create_server(("127.0.0.1", 0), backlog=1)
    early = [socket.create_connection(full.getsockname()) for _ in range(2)]
    late = connecting(*full.getsockname())
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino,
                      "full": full.getsockname()[1]}), flush=True)
    sys.stdin.readline()
    for c in early + [late, full]:
        c.close()


def unread(c):
    c.setblocking(False)
    try:
        while True:
            c.send(b"x" * 65536)
    except BlockingIOError:
        return c


def orphan(other):
    c = connected(other, "orphan")
    other.inside("nft", f"add rule t in tcp dport {SERVICES['orphan']} drop")
    c.close()


def silent(other, probes=20):
    c = connected(other, "keepalive")
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, probes)):
        c.setsockopt(socket.IPPROTO_TCP, option, value)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    other.inside("nft", f"add rule t in tcp dport {SERVICES['keepalive']} drop")
    return c


def half_closed(other):
    c = connected(other, "open")
    c.shutdown(socket.SHUT_WR)
    return c


def no_neighbour():
    """Nobody has that address. The kernel would ask for 3 s, and then fail connect()."""
    for command in ("ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up",
                    f"ip addr add {HERE}/24 dev v0"):
        sh(*command.split())
    with open("/proc/sys/net/ipv4/neigh/v0/mcast_solicit", "w", encoding="ascii") as f:
        f.write("60")
    client = connecting("10.98.0.77", SERVICES["drops"])
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino, **SERVICES}), flush=True)
    sys.stdin.readline()
    client.close()


def second_cable(other):
    """By which the peer answers one address of ours, while ours to it go by the first."""
    for command in ("ip link add w0 address 02:00:00:00:00:01 type veth peer name w1", f"ip link set w1 netns {other.pid}",
                    "ip link set w0 up", f"ip addr add {STRICT}/32 dev w0"):
        sh(*command.split())
    for command in ("ip link set w1 up", f"ip route add {STRICT}/32 dev w1 src {THERE}",
                    f"ip neigh add {STRICT} lladdr 02:00:00:00:00:01 dev w1"):	# ARP is filtered, too
        other.inside(*command.split())
    with open("/proc/sys/net/ipv4/conf/w0/rp_filter", "w", encoding="ascii") as f:
        f.write("1")


def short_queue():
    """Whose bucket is too small for any packet."""
    for command in ("ip link add x0 type veth peer name x1", "ip link set x0 up", "ip link set x1 up",
                    f"ip route add {QUEUED}/32 dev x0",
                    f"ip neigh add {QUEUED} lladdr 02:00:00:00:00:02 dev x0",
                    "tc qdisc add dev x0 root tbf rate 8kbit burst 10 limit 10"):
        sh(*command.split())


def kept_back():
    """Each segment that is waited for is dropped by this host itself, in another way."""
    other = Peer()
    cable(other)
    second_cable(other)
    short_queue()
    looped = listen(8)
    for where, what in (("out", f"tcp dport {KEPT_BACK['out']}"), ("in", f"tcp sport {KEPT_BACK['in']}"),
                        ("in", f"iif lo tcp dport {looped.getsockname()[1]}")):
        sh("nft", f"add rule t {where} {what} drop")
    data = connected(other, "data")
    for name in "in", "strict":
        other.say("listen", KEPT_BACK[name])
    stuck = [connecting(THERE, KEPT_BACK["out"]), connecting(THERE, KEPT_BACK["in"]),
             connecting(THERE, KEPT_BACK["strict"], STRICT), connecting(HERE, looped.getsockname()[1]),
             connecting(QUEUED, KEPT_BACK["queue"])]
    sh("nft", f"add rule t out tcp dport {KEPT_BACK['data']} drop")
    data.send(b"x")
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino, **KEPT_BACK,
                      "looped": looped.getsockname()[1]}), flush=True)
    sys.stdin.readline()
    for c in stuck:
        c.close()
    other.end()


def main():
    other = Peer()
    cable(other)
    asked = listen(8)		# by clients that do not hear its answer
    other.inside("nft", f"add rule t in tcp sport {asked.getsockname()[1]} drop")
    other.say("connect", asked.getsockname()[1])
    other.inside("nft", f"add rule t in tcp dport {SERVICES['drops']} drop")
    sh("nft", f"add rule t out tcp dport {SERVICES['refused']} drop")
    stuck = [connecting(THERE, SERVICES["drops"]), connecting(THERE, SERVICES["refused"])]
    orphan(other)
    full, clients = overflowing()
    stuck += clients + [unread(connected(other, "window")), silent(other), half_closed(other)]
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino,
                      "asked": asked.getsockname()[1], "full": full.getsockname()[1], **SERVICES}),
          flush=True)
    sys.stdin.readline()
    other.inside("nft", "flush chain t in")
    sh("nft", "flush chain t out")
    other.say("close")
    for c in stuck:
        c.close()
    asked.close()
    full.close()
    print("cured", flush=True)
    sys.stdin.readline()
    other.end()


if __name__ == "__main__":
    {"peer": peer, "neighbour": no_neighbour, "kept-back": kept_back, "crowd": crowd, "given-up": given_up}.get(sys.argv[-1], main)()
