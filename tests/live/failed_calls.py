#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Limit events: calls that fail at a limit, each provoked in a namespace of its own."""
import collections
import json
import os
import subprocess
import sys
import time

from tracer import TCPTRAIL, Tracer, of, run

STAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failed_calls_stage.py")


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        ticks = f.read().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def complete(text):
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def play(what, *args, calls=0):
    """(the stage's own truth, the limit and drop records of its namespace, seconds of the
    tracer's CPU and of the clock). The stage stays until so many calls are told."""
    tracer = Tracer("-o", "json", "-e", "limit,drop", *args)
    before, begun = cpu_of(tracer.process.pid), time.monotonic()
    stage = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", STAGE, what], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    here = json.loads(stage.stdout.readline())

    def told():
        seen = of(complete(tracer.text()), "limit", here["netns"])
        return sum(r["tcptrail"]["count"] for r in seen) >= calls
    try:
        tracer.wait_for(told)
        seconds, cpu = time.monotonic() - begun, cpu_of(tracer.process.pid) - before
    finally:
        stage.communicate("\n")
    tracer.end()
    records = tracer.records()
    lost = records[-1]["tcptrail"]["totals"]["lost"]	# of others' traffic the kernel may miss some
    assert lost["ring"] + lost["output"] + lost["malformed"] == 0, lost
    for r in of(records, "limit", here["netns"]):
        assert (r["process"]["pid"], r["tcptrail"]["owner_source"]) == (here["pid"], "call"), r
    return here, of(records, "limit", here["netns"]), of(records, "drop", here["netns"]), cpu, seconds


def counts(limits):
    n = collections.Counter()
    for r in limits:
        own = r["tcptrail"]
        n[own["call"], r.get("error", {}).get("code"), own["limit"]["name"]] += own["count"]
    return dict(n)


def test_accept_loop_at_emfile():
    here, limits, _, cpu, seconds = play("accept-loop", calls=1000)
    assert counts(limits) == {("accept4", "EMFILE", "open-files"): here["failed"]}, (counts(limits), here)
    for r in limits:
        limit = r["tcptrail"]["limit"]
        assert (limit["use"], limit["value"], limit["hard"]) == (here["soft"], here["soft"], here["hard"]), r
        assert r["destination"]["port"] == here["port"], r
        assert r["tcptrail"]["accept_queue"] == {"length": 1, "limit": 5}, r
    each = collections.Counter(r["@timestamp"][:19] for r in limits)
    assert max(each.values()) <= 20, each
    assert cpu < 0.05 * seconds, (cpu, seconds)
    return f"{here['failed']} failed calls, {len(limits)} records, {cpu:.2f} s of CPU in {seconds:.1f} s"


def test_local_ports():
    here, limits, *_ = play("ports", calls=51)
    assert counts(limits) == {("connect", "EADDRNOTAVAIL", "local-ports"): here["connect"],
                              ("bind", "EADDRINUSE", "local-ports"): here["bind"]}, (counts(limits), here)
    for r in limits:
        limit = r["tcptrail"]["limit"]
        assert (limit["use"], limit["value"], limit["range"]) == (here["ports"], here["ports"], here["range"]), r
        if r["tcptrail"]["call"] == "connect":
            assert (limit["connections"], limit["time_wait"]) == (here["ports"], here["time_wait"]), r
            assert r["destination"] == {"ip": "127.0.0.1", "port": here["port"]} and r["source"]["ip"] == "127.0.0.1", r
    assert sum(r["tcptrail"]["count"] for r in limits if "window_ns" in r["tcptrail"]), "no sum"


def test_text_has_no_more_than_the_limit():
    """The kernel's CLOSED -> SYN-SENT -> CLOSED of a connect() without a port is folded."""
    tracer = Tracer()
    stage = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", STAGE, "ports"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    here = json.loads(stage.stdout.readline())
    try:
        tracer.wait_for(lambda: f" {here['pid']} python3" in tracer.text() and "local-ports 9/9" in tracer.text())
    finally:
        stage.communicate("\n")
    tracer.end()
    mine = [line for line in tracer.text().splitlines() if f" {here['pid']} " in line]
    limits = [line for line in mine if "LIMIT connect EADDRNOTAVAIL local-ports 9/9" in line]
    assert limits and f"to it {here['time_wait']} TIME-WAIT + 5 others" in limits[0], mine
    assert not [line for line in mine if "connect-failed" in line], mine
    assert len([line for line in mine if "SYN-SENT" in line]) == 2 * here["ports"], mine


def test_addresses_that_are_not_ours():
    here, limits, *_ = play("foreign")
    assert here["errnos"] == ["EADDRNOTAVAIL"] * 3 and not limits, (here, limits)


def test_somaxconn():
    here, limits, *_ = play("somaxconn", calls=2)
    assert counts(limits) == {("listen", None, "somaxconn"): 2}, limits
    for r, asked in zip(limits, (511, 100)):
        assert r["tcptrail"]["limit"] == {"name": "somaxconn", "value": 16, "asked": asked,
                                          "set_by": "net.core.somaxconn"}, r
        assert "outcome" not in r["event"] and r["destination"]["port"] == here["port"], r


def test_full_queue_because_of_emfile():
    tracer = Tracer("-o", "json", "-e", "limit,drop", "--poll", "200ms")
    stage = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", STAGE, "emfile-then-full"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    here = json.loads(stage.stdout.readline())

    def named():
        return [r for r in of(complete(tracer.text()), "drop", here["netns"]) if r["tcptrail"].get("cookie")]
    try:
        tracer.wait_for(named)		# polled where no hook sees a refused SYN
    finally:
        failed = int(stage.communicate("\n")[0])
        tracer.end()
    assert counts(of(tracer.records(), "limit", here["netns"])) == {("accept4", "EMFILE", "open-files"): failed}
    assert all(r["tcptrail"]["because"] == "accept4 fails with EMFILE" for r in named()), named()


def test_without_syscalls():
    here, limits, *_ = play("somaxconn", "--no-syscalls", "--probe", "tracepoint")
    assert here and not limits, limits
    doctor = json.loads(subprocess.run([TCPTRAIL, "doctor", "--no-syscalls", "--probe", "tracepoint", "-o", "json"],
                                       check=True, capture_output=True, text=True).stdout)
    methods = {fact["fact"]: fact["method"] for fact in doctor["facts"]}
    assert {methods[fact] for fact in methods if "without descriptors" in fact} == {"none"}, methods
    assert methods["owner by accept()"] == "none", methods


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
