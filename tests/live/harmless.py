#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""First, do no harm: a tracer without memory, sockets without storage, a sender
that sleeps with its socket locked. The traced must not notice."""
import json
import os
import signal
import subprocess
import sys
import time

from tracer import TCPTRAIL, TOP, Skip, Tracer, load, of, run

CGROUPS = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
SOCKETS = 8000
OPEN = os.path.join(TOP, "build/tests/open")
FAULTY = os.path.join(TOP, "build/tests/faulty")


def put(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(str(text))


def get(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def netstat(name, pid="self"):
    lines = get(f"/proc/{pid}/net/netstat").splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        if name in names.split():
            return int(values.split()[names.split().index(name)])
    raise Skip("no counter " + name)


class Sockets:
    """SOCKETS open ones in a namespace of their own, both ends."""

    def __init__(self, **env):
        self.process = subprocess.Popen([OPEN, "1", "4", str(SOCKETS)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=dict(os.environ, **env))
        pid = self.process.pid
        self.said = self.process.stdout.readline()
        self.house = get(f"/proc/{pid}/task/{pid}/children").split()[0]
        self.netns = os.stat(f"/proc/{self.house}/ns/net").st_ino

    def check(self):
        """All connected, none was refused."""
        assert self.said == b"open %d\n" % SOCKETS, self.said
        assert netstat("ListenDrops", self.house) == 0
        assert netstat("ListenOverflows", self.house) == 0

    def end(self):
        self.process.kill()
        self.process.wait()


def every_connection(records, netns):
    """All were told, each one's two ends; how many with less than there is."""
    states = [r["network"]["connection"]["state"] for r in of(records, "state", netns)]
    assert states.count("established") == SOCKETS, (states.count("established"), SOCKETS)
    return of(records, "stop")[0]["tcptrail"]["totals"]["poorer"]


def refused(directory):
    """How often the cgroup was at its limit."""
    for name, key in ("memory.events", "max"), ("memory.failcnt", None):
        if os.path.exists(f"{directory}/{name}"):
            text = get(f"{directory}/{name}")
            return int(text if not key else text.split(key)[1].split()[0])
    raise Skip("no count of refused charges")


def memory_cgroup():
    """A directory for a cgroup with a memory controller, and its file of the limit."""
    base = next((c for c in CGROUPS if os.path.exists(c + "/cgroup.controllers")), None)
    if base and "memory" in get(base + "/cgroup.controllers").split():
        put(base + "/cgroup.subtree_control", "+memory")
        return base + "/tcptrail-test", "memory.max", "memory.current"
    if os.path.exists("/sys/fs/cgroup/memory/cgroup.procs"):
        return "/sys/fs/cgroup/memory/tcptrail-test", "memory.limit_in_bytes", "memory.usage_in_bytes"
    raise Skip("no memory controller")


def test_tracer_at_its_memory_limit():
    directory, limit, usage = memory_cgroup()
    tracer = sockets = None
    os.mkdir(directory)
    try:
        tracer = Tracer("-o", "json", "-e", "state",
                        preexec_fn=lambda: put(directory + "/cgroup.procs", "0"))
        # Stopped it allocates nothing itself, so nothing of it is killed; what its maps
        # would allocate is refused. The ring keeps the events.
        tracer.process.send_signal(signal.SIGSTOP)
        put(f"{directory}/{limit}", get(f"{directory}/{usage}"))
        sockets = Sockets()
        put(f"{directory}/{limit}", "-1" if limit != "memory.max" else "max")
        tracer.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        assert tracer.end() == 0, tracer.stderr()
        sockets.check()
        poorer = every_connection(tracer.records(), sockets.netns)
        # What is known of a socket is preallocated: mostly nothing is asked for.
        return (f"{SOCKETS} sockets told, {poorer} times with less, memory refused "
                f"{refused(directory)} times")
    finally:
        if sockets:
            sockets.end()
        if tracer and tracer.process.poll() is None:
            tracer.process.kill()
            tracer.process.wait()
        time.sleep(0.1)
        os.rmdir(directory)


def test_no_room_for_storage():
    """The hooks ask for none; the snapshot does, for the owners of what was open before."""
    path = "/proc/sys/net/core/optmem_max"
    old = get(path)
    sockets = []
    put(path, "100")
    try:
        sockets.append(Sockets(OPTMEM_MAX="100"))
        tracer = Tracer("-o", "json", "-e", "state")
        sockets.append(Sockets(OPTMEM_MAX="100"))
        time.sleep(0.5)
        assert tracer.end() == 0, tracer.stderr()
        for s in sockets:
            s.check()
        poorer = every_connection(tracer.records(), sockets[1].netns)
        assert SOCKETS <= poorer <= 2 * SOCKETS + 100, poorer	# both ends, and the host's own
        return f"{SOCKETS} sockets told, {SOCKETS} open before, {poorer} times with less"
    finally:
        put(path, old)
        for s in sockets:
            s.end()


def test_more_sockets_than_followed():
    tracer = Tracer("-o", "json", "-e", "state", "--sockets", "1000")
    sockets = Sockets()
    try:
        time.sleep(0.5)
        assert tracer.end() == 0, tracer.stderr()
        sockets.check()
        poorer = every_connection(tracer.records(), sockets.netns)
        assert poorer >= SOCKETS, poorer
        return f"{SOCKETS} sockets told, {poorer} times with less"
    finally:
        sockets.end()


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
        opened = [r for r in of(tracer.records(), "state", truth["netns"])
                  if r["tcptrail"].get("from") == "syn_sent"]
        assert len(opened) == 100, len(opened)
        begun = time.monotonic()
        out = subprocess.run([TCPTRAIL, "stalls", "--over", "1s", "-o", "json"], check=True, text=True,
                             capture_output=True, timeout=30).stdout
        assert time.monotonic() - begun < 2
        rows = [r for r in map(json.loads, out.splitlines()) if r["verdict"] == "socket-locked"]
        assert [r["process"]["pid"] for r in rows] == [sleeper.pid], out
        return f"started in {tracer.seconds_to_start:.1f} s"
    finally:
        sleeper.kill()
        sleeper.wait()


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
