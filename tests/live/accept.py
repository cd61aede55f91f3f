#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The wait for accept(): against the clock of who waited."""
import json
import os
import subprocess
import sys
import time

from tracer import TOP, Tracer, of, run

STAGE = os.path.join(TOP, "tests/live/accept_stage.py")
NEAR_NS = 5_000_000
SLOW_NS = 10_000_000


def stage():
    out = subprocess.run(["unshare", "-n", sys.executable, STAGE], check=True, capture_output=True,
                         text=True)
    return json.loads(out.stdout)


def test_accept_wait():
    tracer = Tracer("-o", "json")
    truth = stage()
    time.sleep(0.5)
    assert tracer.end() == 0, tracer.stderr()
    told = {r["source"]["port"]: r for r in of(tracer.records(), "accept", truth["netns"])}
    assert len(told) == len(truth["accepts"]), (told, truth)
    worst = 0
    for t in truth["accepts"]:
        r = told[t["port"]]
        worst = max(worst, abs(r["event"]["duration"] - t["waited_ns"]))
        assert worst < NEAR_NS, (r, t)
        assert r["process"]["pid"] == truth["pid"], (r, truth)
        assert r["tcptrail"]["accept_queue"] == {"length": t["left"], "limit": truth["backlog"]}, (r, t)
    return f"{len(told)} connections, at most {worst / 1e6:.2f} ms from the test's clock"


def test_text_tells_slow_accepts_alone():
    slow, every = Tracer("--utc"), Tracer("--utc", "-e", "accept")
    truth = stage()
    time.sleep(0.5)
    for tracer in slow, every:
        assert tracer.end() == 0, tracer.stderr()
    ports = {t["port"]: t["waited_ns"] for t in truth["accepts"]}
    assert sum(line.count("ACCEPT") for line in every.text().splitlines()
               if any(f":{p} " in line for p in ports)) == len(ports), every.text()
    lines = [line for line in slow.text().splitlines()
             if "ACCEPT" in line and any(f":{p} " in line for p in ports)]
    clear = [w for w in ports.values() if abs(w - SLOW_NS) > NEAR_NS]
    assert len(lines) >= sum(w > SLOW_NS for w in clear), slow.text()
    assert len(lines) <= sum(w > SLOW_NS - NEAR_NS for w in ports.values()), slow.text()


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
