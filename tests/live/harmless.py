#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""First, do no harm: a tracer without memory, sockets without storage, a sender
that sleeps with its socket locked. The traced must not notice."""
import ctypes
import os
import socket
import subprocess
import sys
import threading
import time

from tracer import TOP, Skip, Tracer, load, of, run

CGROUPS = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
CONNECTIONS = 3000
FAULTY = os.path.join(TOP, "build/tests/faulty")


def netstat(name):
    with open("/proc/net/netstat", encoding="ascii") as f:
        lines = f.read().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        if name in names.split():
            return int(values.split()[names.split().index(name)])
    raise Skip("no counter " + name)


def served(records, truth):
    return len([r for r in of(records, "state", truth["netns"])
                if r["tcptrail"].get("from") == "syn_sent"])


def test_tracer_at_its_memory_limit():
    base = next((c for c in CGROUPS if os.path.exists(c + "/cgroup.controllers")), None)
    if not base:
        raise Skip("no cgroup2")
    v1 = "/sys/fs/cgroup/memory"
    directory = None
    with open(base + "/cgroup.controllers", encoding="ascii") as f:
        if "memory" in f.read().split():
            with open(base + "/cgroup.subtree_control", "w", encoding="ascii") as control:
                control.write("+memory")
            directory, limit = base + "/tcptrail-test", "memory.max"
    if not directory and os.path.exists(v1 + "/cgroup.procs"):
        directory, limit = v1 + "/tcptrail-test", "memory.limit_in_bytes"
    if not directory:
        raise Skip("no memory controller")
    os.mkdir(directory)
    tracer = None
    try:
        tracer = Tracer("-o", "json", "-e", "state", preexec_fn=lambda: open(
            directory + "/cgroup.procs", "w", encoding="ascii").write("0"))
        # All that is charged from now on is refused: storage, hash elements.
        usage = "memory.current" if limit == "memory.max" else "memory.usage_in_bytes"
        with open(f"{directory}/{usage}", encoding="ascii") as f:
            now = int(f.read())
        with open(f"{directory}/{limit}", "w", encoding="ascii") as f:
            f.write(str(now))
        truth = load("-n", CONNECTIONS)
        with open(f"{directory}/{limit}", "w", encoding="ascii") as f:
            f.write("-1" if limit != "memory.max" else "max")
        time.sleep(0.5)
        assert tracer.end() == 0, tracer.stderr()
        assert truth["connections"] == CONNECTIONS
        records = tracer.records()
        totals = of(records, "stop")[0]["tcptrail"]["totals"]
        told = served(records, truth)
        assert told == CONNECTIONS, (told, totals)
        return f"all {told} told, {totals.get('poorer', 0)} with less"
    finally:
        if tracer and tracer.process.poll() is None:
            tracer.process.kill()
            tracer.process.wait()
        time.sleep(0.1)
        os.rmdir(directory)


def test_no_room_for_storage():
    path = "/proc/sys/net/core/optmem_max"
    with open(path, encoding="ascii") as f:
        old = f.read()
    before = netstat("ListenDrops")
    with open(path, "w", encoding="ascii") as f:
        f.write("100")
    try:
        tracer = Tracer("-o", "json", "-e", "state")
        # The limit is each namespace's own since 6.12 or so: set it inside too.
        truth = load("-n", CONNECTIONS)
        time.sleep(0.5)
        tracer.end()
    finally:
        with open(path, "w", encoding="ascii") as f:
            f.write(old)
    records = tracer.records()
    totals = of(records, "stop")[0]["tcptrail"]["totals"]
    assert truth["connections"] == CONNECTIONS
    assert served(records, truth) == CONNECTIONS, (served(records, truth), totals)
    assert netstat("ListenDrops") == before
    return f"{totals.get('poorer', 0)} with less"


def test_sender_asleep_with_its_socket_locked():
    """userfaultfd: sendmsg() of a page that nobody provides holds the lock."""
    sleeper = subprocess.Popen([FAULTY], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        line = sleeper.stdout.readline()
        if not line.startswith("locked"):
            raise Skip(line.strip() or "the helper gave up")
        tracer = Tracer("-o", "json", "-e", "state")
        assert tracer.seconds_to_start < 5, tracer.seconds_to_start
        truth = load("-n", 100)
        time.sleep(1.5)  # a poll of mini-sockets is among it
        begun = time.monotonic()
        assert tracer.end() == 0
        assert time.monotonic() - begun < 5
        assert served(tracer.records(), truth) == 100
        return f"started in {tracer.seconds_to_start:.1f} s"
    finally:
        sleeper.kill()
        sleeper.wait()


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
