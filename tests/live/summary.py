#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""--rollup: sums that are exact beside the connections themselves; --sample: one in N,
and every failure."""
import socket
import sys
from collections import Counter

from tracer import Tracer, load, of, run


def refused_connect():
    try:
        socket.create_connection(("127.0.0.1", 1))
    except ConnectionRefusedError:
        pass


def outcome(record):
    return record["event"].get("outcome")


def test_sums_are_those_of_the_connections():
    tracer = Tracer("-o", "json", "-e", "connection", "--rollup", "1s")
    truth = load("-n", 600)
    refused_connect()
    tracer.wait_for(lambda: '"action":"summary"' in tracer.text())
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    # Of the namespace alone: another program's connection may end between two windows' ends.
    ends = of(records, "connection", truth["netns"])
    sums = of(records, "summary", truth["netns"])
    assert len(ends) >= 1200, len(ends)
    counts = Counter()
    for r in sums:
        counts[r["tcptrail"]["role"], outcome(r)] += r["tcptrail"]["count"]
        assert r["tcptrail"]["window_ns"] > 0 and "pid" not in r["process"]
    assert counts == Counter((r["tcptrail"]["role"], outcome(r)) for r in ends)
    sent = sum(r["tcptrail"]["sent_bytes"] for r in sums)
    assert sent == sum((r["source"] if r["tcptrail"]["role"] == "client" else r["destination"])["bytes"] for r in ends)
    waits = [r["tcptrail"]["accept_wait_ns"] for r in ends if "accept_wait_ns" in r["tcptrail"]]
    told = [r["tcptrail"]["accept_wait"] for r in sums if "accept_wait" in r["tcptrail"]]
    assert sum(t["count"] for t in told) == len(waits)
    assert max(t["max_ns"] for t in told) == max(waits)
    shakes = sorted(r["tcptrail"]["time_in_ns"]["syn_sent"] for r in ends if r["tcptrail"]["role"] == "client")
    told = [r["tcptrail"]["handshake"] for r in sums if "handshake" in r["tcptrail"]]
    assert sum(t["count"] for t in told) == len(shakes)
    if len(told) == 1:
        median = shakes[(len(shakes) + 1) // 2 - 1]
        assert median <= told[0]["p50_ns"] <= max(1024, median * 17 // 16), (median, told)
    failed = [r for r in of(records, "summary") if outcome(r) == "failure" and r["destination"].get("port") == 1]
    assert failed and failed[0]["destination"]["ip"] == "127.0.0.1", failed


def test_rollup_alone_tells_no_connection():
    tracer = Tracer("-o", "json", "-e", "problems,summary")
    truth = load("-n", 50)
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    assert not of(records, "connection", truth["netns"])
    assert sum(r["tcptrail"]["count"] for r in of(records, "summary", truth["netns"])) == 100
    assert "summary" in records[0]["tcptrail"]["events"]


def test_sample():
    tracer = Tracer("-o", "json", "-e", "state,connection,accept,error", "--sample", "1/10")
    truth = load("-n", 2000)
    for _ in range(20):
        refused_connect()
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    ends = of(records, "connection", truth["netns"])
    assert 300 < len(ends) < 500, len(ends)     # 4,000 ends: 400 expected, five sigma are 95
    assert {r["tcptrail"]["sample_n"] for r in ends} == {10}
    assert [r["event"]["sequence"] for r in records] == list(range(1, len(records) + 1))
    # All records of a connection or none: each has its end and its opening.
    cookies = {r["tcptrail"]["cookie"] for r in ends}
    opened = {r["tcptrail"]["cookie"] for r in of(records, "state", truth["netns"])
              if r["network"]["connection"]["state"] == "established"}
    # But for a step that this kernel called no program for.
    totals = records[-1]["tcptrail"]["totals"]
    unseen = totals["gaps"] + totals["first_seen_late"] + totals["lost"]["missed"]
    assert len(opened ^ cookies) <= unseen, (len(opened ^ cookies), totals)
    refused = [r for r in of(records, "connection") if outcome(r) == "failure" and r["destination"].get("port") == 1]
    assert len(refused) >= 20 and all("sample_n" not in r["tcptrail"] for r in refused)
    return f"{len(ends)} of 4000"


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
