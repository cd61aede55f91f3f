#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes calls fail at a limit, in the namespace that it is started in, and tells what it
did as JSON: failed_calls_stage.py WHAT."""
import errno
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time

HARD = 4096
LOW, HIGH = 40000, 40009
KEPT = []		# open until the end


def sysctl(name, value):
    with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as f:
        f.write(value)


def listener(backlog=5):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(backlog)
    return sock


def code(call, *args):
    """The errno's name of a call that has to fail."""
    try:
        call(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    raise AssertionError(f"{call} {args} did not fail")


def no_more_descriptors():
    free = os.open("/dev/null", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, HARD))
    return free


def accept_loop():
    sock = listener()
    client = socket.create_connection(sock.getsockname())
    soft, failed, end = no_more_descriptors(), 0, time.monotonic() + 3
    while time.monotonic() < end:
        assert code(sock.accept) == "EMFILE"
        failed += 1
    client.close()
    return {"failed": failed, "soft": soft, "hard": HARD, "port": sock.getsockname()[1]}


def ports():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 7000))
    sock.listen(64)
    sysctl("ipv4/ip_local_port_range", f"{LOW} {HIGH}")
    sysctl("ipv4/ip_local_reserved_ports", "40009,50000")
    sysctl("ipv4/tcp_tw_reuse", "0")
    held = [socket.create_connection(sock.getsockname()) for _ in range(HIGH - LOW)]
    servers = [sock.accept()[0] for _ in held]
    for client, server in list(zip(held, servers))[5:]:
        client.close()
        server.close()
    time.sleep(0.1)
    for _ in range(50):
        assert code(socket.create_connection, sock.getsockname()) == "EADDRNOTAVAIL"
    # Both its ends are another's: the same error, and no port that is missing.
    assert code(socket.create_connection, sock.getsockname(), None, held[0].getsockname()) in (
        "EADDRNOTAVAIL", "EADDRINUSE")
    another = socket.socket()
    assert code(another.bind, ("127.0.0.1", 0)) == "EADDRINUSE"
    assert code(another.bind, ("127.0.0.1", 7000)) == "EADDRINUSE"
    KEPT.extend((sock, held, servers, another))
    return {"connect": 50, "bind": 1, "ports": HIGH - LOW, "range": [LOW, HIGH], "port": 7000,
            "time_wait": len(held) - 5}


def connect_from(port, to):
    """Of a connection from there: the socket, or why not."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.connect(to)
    return sock


def foreign():
    """EADDRNOTAVAIL of bind() to an address that is not ours, and of connect() from a port
    to where that has a connection already."""
    sock = listener()
    to = sock.getsockname()
    errnos = [code(socket.socket().bind, ("10.1.2.3", 0)),
              code(socket.socket(socket.AF_INET6).bind, ("2001:db8::1", 0))]
    first = connect_from(42000, to)
    errnos.append(code(connect_from, 42000, to))
    first.close()
    return {"errnos": errnos}


def somaxconn():
    sysctl("core/somaxconn", "16")
    sock = listener(511)
    sock.listen(16)
    sock.listen(100)
    KEPT.append(sock)
    return {"port": sock.getsockname()[1]}


def emfile_then_full():
    """A queue that fills up as accept() fails; SYNs that it refuses, until a line on stdin."""
    sock = listener(1)
    clients = [socket.create_connection(sock.getsockname()) for _ in range(2)]
    late = socket.socket()
    late.setblocking(False)
    no_more_descriptors()
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino}), flush=True)
    failed = 0
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        assert code(sock.accept) == "EMFILE"
        failed += 1
        if failed == 2:
            assert late.connect_ex(sock.getsockname()) == errno.EINPROGRESS
    for client in clients:
        client.close()
    print(failed, flush=True)


def until_told():
    """accept(), connect() and bind() that fail, some hundreds a second each, until a line
    on stdin; then none, until its end."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 7000))
    sock.listen(64)
    sysctl("ipv4/ip_local_port_range", f"{LOW} {HIGH}")
    held = [socket.create_connection(sock.getsockname()) for _ in range(HIGH - LOW + 1)]
    client, other = socket.socket(), socket.socket()
    no_more_descriptors()
    print(json.dumps({"ports": len(held), "pid": os.getpid(),
                      "netns": os.stat("/proc/self/ns/net").st_ino}), flush=True)
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        assert code(sock.accept) == "EMFILE"
        assert code(client.connect, sock.getsockname()) == "EADDRNOTAVAIL"
        assert code(other.bind, ("127.0.0.1", 0)) == "EADDRINUSE"
    sys.stdin.readline()
    resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))
    sysctl("ipv4/ip_local_port_range", "32768 60999")
    print("cured", flush=True)
    sys.stdin.readline()


def until_none():
    """The same of accept() and connect(), until neither fails."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 7000))
    sock.listen(64)
    sysctl("ipv4/ip_local_port_range", f"{LOW} {HIGH}")
    held = [socket.create_connection(sock.getsockname()) for _ in range(HIGH - LOW + 1)]
    client = socket.socket()
    no_more_descriptors()
    calls = {sock.accept: (), client.connect: (sock.getsockname(),)}
    print(json.dumps({"pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino}), flush=True)
    while calls:
        for call, args in list(calls.items()):
            try:
                held.append(call(*args))
                del calls[call]
            except OSError as e:
                assert e.errno in (errno.EMFILE, errno.EADDRNOTAVAIL), e
        time.sleep(0.005)
    print("none fails", flush=True)
    sys.stdin.readline()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    stages = {"until-told": until_told, "until-none": until_none, "emfile-then-full": emfile_then_full}
    if sys.argv[1] in stages:
        stages[sys.argv[1]]()
        return
    made = {"accept-loop": accept_loop, "ports": ports, "foreign": foreign,
            "somaxconn": somaxconn}[sys.argv[1]]()
    print(json.dumps({**made, "pid": os.getpid(), "netns": os.stat("/proc/self/ns/net").st_ino}), flush=True)
    sys.stdin.readline()	# what is looked up is looked up here


if __name__ == "__main__":
    main()
