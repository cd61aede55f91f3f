#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcptrail limits: those of the whole host, met and cured. They are lowered for it, so this
runs in a guest alone (tests/e2e/vm_live.sh)."""
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

from limits import limits
from tracer import Skip, run

NEIGHBOURS = 64
ORPHANS = 20


def sysctl(name, value=None):
    path = "/proc/sys/" + name.replace(".", "/")
    with open(path, "r" if value is None else "w", encoding="ascii") as f:
        return f.read().strip() if value is None else f.write(value)


@contextlib.contextmanager
def lowered(**values):
    """Sysctls, `__` for the dot; as before afterwards."""
    if "TCPTRAIL_TEST_GUEST" not in os.environ:
        raise Skip("it is of the whole host")
    names = {name.replace("__", "."): str(value) for name, value in values.items()}
    before = {name: sysctl(name) for name in names}
    try:
        for name, value in names.items():
            sysctl(name, value)
        yield
    finally:
        for name, value in before.items():
            sysctl(name, value)


def sh(*command):
    subprocess.run(command, check=True)


def row(name, *args, scope="host"):
    return next((r for r in limits(*args) if r["limit"] == name and r["scope"].startswith(scope)), None)


def sockstat(name):
    with open("/proc/net/sockstat", encoding="ascii") as f:
        words = next(line for line in f if line.startswith("TCP:")).split()
    return int(words[words.index(name) + 1])


def connect_to_many(stop):
    """To hosts that are not there: each takes a place in the neighbour table."""
    while not stop.is_set():
        for i in range(4 * NEIGHBOURS):
            with socket.socket() as s:
                s.setblocking(False)
                with contextlib.suppress(OSError):
                    s.connect((f"10.77.{i // 250}.{i % 250 + 2}", 80))
        stop.wait(0.2)


def test_neighbour_table():
    with lowered(net__ipv4__neigh__default__gc_thresh1=1, net__ipv4__neigh__default__gc_thresh2=NEIGHBOURS // 2,
                 net__ipv4__neigh__default__gc_thresh3=NEIGHBOURS):
        sh("ip", "link", "add", "n0", "type", "veth", "peer", "name", "n1")
        sh("ip", "addr", "add", "10.77.0.1/16", "dev", "n0")
        sh("ip", "link", "set", "n0", "up")
        sh("ip", "link", "set", "n1", "up")
        stop = threading.Event()
        thread = threading.Thread(target=connect_to_many, args=(stop,))
        thread.start()
        try:
            found = row("neighbours", scope="host, IPv4")
        finally:
            stop.set()
            thread.join()
            sh("ip", "link", "del", "n0")
        assert found and found["max"] == NEIGHBOURS and found["failed"] > 0, found
        assert found["use"] >= NEIGHBOURS // 2 and found["set_by"].endswith("gc_thresh3"), found
        assert f"gc_thresh2={NEIGHBOURS} net.ipv4.neigh.default.gc_thresh3={2 * NEIGHBOURS};" in found["try"], found
    assert not row("neighbours", scope="host, IPv4"), limits()


def test_orphans():
    with lowered(net__ipv4__tcp_max_orphans=ORPHANS):
        listener = socket.create_server(("127.0.0.1", 7000), backlog=ORPHANS)
        clients = [socket.create_connection(listener.getsockname()) for _ in range(ORPHANS - 3)]
        servers = [listener.accept()[0] for _ in clients]
        sh("nft", "add table h")
        sh("nft", "add chain h in { type filter hook input priority 0; }")
        sh("nft", "add rule h in tcp dport 7000 drop")
        try:
            for client in clients:
                client.send(b"x")
                client.close()
            found = row("orphans")
            assert found and (found["use"], found["max"]) == (sockstat("orphan"), ORPHANS), found
            assert found["use"] >= ORPHANS - 3 and found["set_by"] == "net.ipv4.tcp_max_orphans", found
        finally:
            sh("nft", "delete table h")
        for server in servers:
            server.close()
        deadline = time.monotonic() + 60
        while sockstat("orphan") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not row("orphans"), limits()


def test_tcp_mem():
    with lowered(net__ipv4__tcp_mem="128 192 256"):
        listener = socket.create_server(("127.0.0.1", 7000))
        pairs = []
        for _ in range(8):
            client = socket.create_connection(listener.getsockname())
            client.setblocking(False)
            pairs += [client, listener.accept()[0]]
            with contextlib.suppress(BlockingIOError):
                while True:
                    client.send(b"x" * 65536)
        found, now = row("tcp-mem"), sockstat("mem")
        assert found and found["max"] == 256 and abs(found["use"] - now) <= 64, (found, now)
        assert 'sysctl -w net.ipv4.tcp_mem="256 384 512";' in found["try"], found
        for s in (*pairs, listener):
            s.close()
    assert not row("tcp-mem"), limits()


def test_file_max():
    used = int(sysctl("fs.file-nr").split()[0])
    with lowered(**{"fs__file-max": used + 8}):
        found = row("file-max")
        assert found and found["max"] == used + 8 and found["percent"] >= 90, found
        assert f"sysctl -w fs.file-max={2 * found['max']};" in found["try"], found
    assert not row("file-max"), limits()


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
