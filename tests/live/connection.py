#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The record of a whole connection: against the test's clock, what it sent, and ss(8)."""
import json
import os
import subprocess
import sys
import time

from tracer import TOP, Tracer, of, run

STAGE = os.path.join(TOP, "tests/live/connection_stage.py")
NEAR_NS = 5_000_000
TICK_NS = 10_000_000		# CONFIG_HZ=100


def near(a, b, apart=NEAR_NS):
    return abs(a - b) < apart


def stage():
    out = subprocess.run(["unshare", "-n", sys.executable, STAGE], check=True, capture_output=True,
                         text=True)
    return json.loads(out.stdout)


def ends_of(records, truth):
    """(client's, server's) record of the connection from that port; None: none."""
    mine = [r for r in records if r["source"]["port"] == truth["port"]]
    ends = {r["tcptrail"]["role"]: r for r in mine}
    assert len(mine) == len(ends), mine
    return ends.get("client"), ends.get("server")


def check_exchange(records, t):
    client, server = ends_of(records, t)
    for r, role in (client, "client"), (server, "server"):
        # As ss said then; source is the client in both.
        sent, received = t["ss"][role]
        assert (sent, received) == ((t["sent"], t["received"]) if role == "client" else
                                    (t["received"], t["sent"])), t
        assert r["source"]["bytes"] == t["sent"] and r["destination"]["bytes"] == t["received"], r
        assert r["event"]["outcome"] == "success" and r["tcptrail"]["rtt_us"] > 0, r
        assert near(r["tcptrail"]["time_in_ns"]["established"], t["established_ns"]), (r, t)
        assert near(r["event"]["duration"], t["established_ns"] + t["close_wait_ns"]), (r, t)
    assert client["tcptrail"]["closed_by"] == "local" and server["tcptrail"]["closed_by"] == "peer"
    assert near(server["tcptrail"]["time_in_ns"]["close_wait"], t["close_wait_ns"]), (server, t)
    assert near(server["tcptrail"]["accept_wait_ns"], t["accept_wait_ns"]), (server, t)


def check_window(records, t):
    client, _ = ends_of(records, t)
    limited = client["tcptrail"]["limited_ns"]["rwnd"]
    assert near(limited, t["stalled_ns"], 2 * TICK_NS + NEAR_NS), (client, t)
    assert client["tcptrail"]["busy_ns"] >= limited and client["source"]["bytes"] == t["sent"], client


def check_failed(records, truth):
    refused, none = ends_of(records, truth["refused"])
    assert none is None and refused["event"]["outcome"] == "failure", refused
    assert refused["error"]["code"] == "ECONNREFUSED", refused
    assert refused["tcptrail"]["from"] == "syn_sent", refused
    t = truth["unanswered"]
    lost, none = ends_of(records, t)
    assert none is None and lost["error"]["code"] == "ETIMEDOUT", lost
    assert lost["tcptrail"]["retransmits"]["syn"] == 1, lost
    assert near(lost["event"]["duration"], t["took_ns"]), (lost, t)


def test_connection_record():
    tracer = Tracer("-o", "json", "-e", "connection")
    truth = stage()
    time.sleep(0.5)
    assert tracer.end() == 0, tracer.stderr()
    records = of(tracer.records(), "connection", truth["netns"])
    assert len(records) == 6, [r["tcptrail"] for r in records]
    check_exchange(records, truth["exchange"])
    check_window(records, truth["window"])
    check_failed(records, truth)


def test_problems_tell_failed_connections_alone():
    tracer = Tracer("-o", "json", "-e", "problems")
    truth = stage()
    time.sleep(0.5)
    assert tracer.end() == 0, tracer.stderr()
    records = of(tracer.records(), "connection", truth["netns"])
    assert all(r["event"].get("outcome") != "success" for r in records), records
    # One of whose steps the kernel called no program for may have failed.
    whole = [r for r in records if r["tcptrail"]["method"] != "gap" and
             not {"missed", "first_seen_late"} & set(r["tcptrail"])]
    assert sorted(r.get("error", {}).get("code", "") for r in whole) == ["ECONNREFUSED", "ETIMEDOUT"], whole


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
