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


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


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
    sizes = []
    begun = time.monotonic()
    while time.monotonic() - begun < SECONDS:
        load("-s", 3, "-n", 10000000, "-a", 64)
        sizes.append(rss_kb(tracer.process.pid))
    tracer.end()
    # What this kernel never called a program for is not ours; the ring is.
    assert "0 lost" in tracer.stderr() or "ring buffer 0" in tracer.stderr(), tracer.stderr()
    # After the first third nothing grows but what the table of TIME-WAITs may hold.
    early = max(sizes[:max(1, len(sizes) // 3)])
    assert max(sizes) < 64 * 1024 + RING_KB, sizes
    assert sizes[-1] <= early + 4096, sizes
    return f"{sizes[0] // 1024} to {sizes[-1] // 1024} MiB; {tracer.stderr().strip()}"


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
