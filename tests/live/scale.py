#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A big machine: 100,000 open sockets, 50 namespaces, 1,000 processes; and many
connections a second for long."""
import os
import subprocess
import sys
import time

from tracer import TOP, Tracer, load, of, run

OPEN = os.path.join(TOP, "build/tests/open")
SOCKETS = int(os.environ.get("SOCKETS", "100000"))
SECONDS = float(os.environ.get("FLAT_SECONDS", "30"))
RING_KB = 16 * 1024


def rss_kb(pid, part="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(part))


def test_many_open_sockets():
    holder = subprocess.Popen([OPEN, "50", "1000", str(SOCKETS)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        count = int(holder.stdout.readline().split()[1])
        begun = time.monotonic()
        tracer = Tracer("-o", "json", "-e", "state")
        seconds = time.monotonic() - begun
        rss = rss_kb(tracer.process.pid)
        # One of each process's connections, at its end: all have an owner.
        holder.stdin.close()
        holder.wait()
        time.sleep(3)
        tracer.end()
        states = of(tracer.records(), "state")
        snapshot = [r for r in states if r["tcptrail"].get("owner_source") == "snapshot"]
        bounds = [r for r in snapshot if r["tcptrail"].get("duration_lower_bound")]
        assert len(snapshot) >= count * 0.99, (len(snapshot), len(states), count)
        assert bounds, "no lower bound"
        assert seconds < 2, seconds
        assert rss < 64 * 1024 + RING_KB, rss
        return f"{count} sockets: started in {seconds:.2f} s, {rss // 1024} MiB with the ring"
    finally:
        holder.kill()
        holder.wait()


def test_memory_stays_flat():
    tracer = Tracer("-o", "json", "-e", "state", stdout=subprocess.DEVNULL, wait=False)
    time.sleep(2)
    anon, rss = [], []
    begun = time.monotonic()
    while time.monotonic() - begun < SECONDS:
        load("-s", 3, "-n", 10000000, "-a", 64)
        # The ring is mapped twice (ring_buffer__new()), so that each page in use
        # counts twice in VmRSS, and never in RssAnon.
        anon.append(rss_kb(tracer.process.pid, "RssAnon"))
        rss.append(rss_kb(tracer.process.pid))
    tracer.end()
    # What this kernel never called a program for is not ours; the ring is.
    assert "0 lost" in tracer.stderr() or "ring buffer 0" in tracer.stderr(), tracer.stderr()
    assert max(rss) < 64 * 1024 + 2 * RING_KB, rss
    # It grows in steps: the table of TIME-WAITs, the buffers; then no more, but for
    # a huge page or two of what was there. A leak of a byte a record would be more.
    assert max(anon) < 64 * 1024 and anon[-1] <= max(anon[:len(anon) * 2 // 3]) + 4096, anon
    return f"{anon[0] // 1024} to {anon[-1] // 1024} MiB and the ring; {tracer.stderr().strip()}"


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
