#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections whose life is known: how many bytes each way, how long in which state, what
ss(8) said of them. In a namespace of its own; prints what it did as JSON."""
import json
import os
import re
import socket
import subprocess
import time

REQUEST, ANSWER = 300_000, 12_345
STALLED = 0.6

TCP_CLOSE = 7	# include/net/tcp_states.h


def receive(conn, n):
    while n:
        n -= len(conn.recv(min(n, 65536)))


def ss(port, role):
    """bytes_sent (less what was sent again), bytes_received of one end."""
    side = "sport" if role == "client" else "dport"
    out = subprocess.run(["ss", "-tinH", side, "=", f":{port}"], check=True, capture_output=True,
                         text=True).stdout
    figures = {k: int(v) for k, v in re.findall(r"(bytes_\w+):(\d+)", out)}
    return figures["bytes_sent"] - figures.get("bytes_retrans", 0), figures["bytes_received"]


def exchange(listener):
    client = socket.create_connection(listener.getsockname())
    opened = time.monotonic_ns()
    time.sleep(0.05)
    server, _ = listener.accept()
    accepted = time.monotonic_ns()
    client.sendall(b"q" * REQUEST)
    receive(server, REQUEST)
    server.sendall(b"a" * ANSWER)
    receive(client, ANSWER)
    time.sleep(0.1)		# the last ACK
    port = client.getsockname()[1]
    said = {role: ss(port, role) for role in ("client", "server")}
    closing = time.monotonic_ns()
    client.close()
    time.sleep(0.15)
    server.close()
    return {"port": port, "sent": REQUEST, "received": ANSWER, "ss": said,
            "accept_wait_ns": accepted - opened, "established_ns": closing - opened,
            "close_wait_ns": time.monotonic_ns() - closing}


def window_closed(listener):
    """The peer's window keeps us from sending."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    client.connect(listener.getsockname())
    server, (_, port) = listener.accept()
    client.setblocking(False)
    sent = client.send(b"x" * 1_000_000)
    time.sleep(STALLED)
    receive(server, sent)
    client.close()
    server.close()
    return {"port": port, "sent": sent, "stalled_ns": int(STALLED * 1e9)}


def refused():
    client = socket.socket()
    client.bind(("127.0.0.1", 0))
    port = client.getsockname()[1]
    try:
        client.connect(("127.0.0.1", 9))
    except ConnectionRefusedError:
        pass
    client.close()
    return {"port": port}


def unanswered():
    """A cable to a card that is not the one addressed."""
    for command in ("ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up",
                    "ip addr add 10.99.0.1/24 dev v0",
                    "ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0"):
        subprocess.run(command.split(), check=True)
    for name, value in ("tcp_syn_retries", "1"), ("tcp_syn_linear_timeouts", "0"):
        path = f"/proc/sys/net/ipv4/{name}"
        if os.path.exists(path):
            with open(path, "w", encoding="ascii") as f:
                f.write(value)
    client = socket.socket()
    client.bind(("10.99.0.1", 0))
    port = client.getsockname()[1]
    client.setblocking(False)
    begun = time.monotonic_ns()
    client.connect_ex(("10.99.0.2", 80))
    # Awake when it ends: an idle virtual machine takes 6 to 10 ms to wake who waits for it.
    time.sleep(2.5)
    while client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_CLOSE:
        pass
    took = time.monotonic_ns() - begun
    client.close()
    return {"port": port, "took_ns": took}


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(json.dumps({"netns": os.stat("/proc/self/ns/net").st_ino, "pid": os.getpid(),
                      "exchange": exchange(listener), "window": window_closed(listener),
                      "refused": refused(), "unanswered": unanswered()}))


if __name__ == "__main__":
    main()
