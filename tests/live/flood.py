#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A flood of SYNs, as fast as this machine sends them for 5 s: few records, exact sums,
and what tracing it costs somebody who opens connections beside it."""
import json
import os
import subprocess
import sys

from tracer import TOP, Tracer, run

sys.path.insert(0, os.path.join(TOP, "tests/e2e"))
import flood

# Before and after: a poll each (--poll 300ms).
FLOOD = [os.path.join(TOP, "build/tests/flood"), "-s", "5", "-p", "7777", "-k", "1500"]


def flooded(cookies):
    return json.loads(subprocess.run([*FLOOD, "-c", cookies], check=True, capture_output=True,
                                     text=True).stdout)


def traced(cookies):
    tracer = Tracer("--all", "-o", "json", "--lport", "7777", "--poll", "300ms")
    truth = flooded(cookies)
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    return truth, flood.check(records, truth, records[0]["tcptrail"]["tier"])


def test_flood_of_refused_syns():
    alone = flooded("0")
    truth, note = traced("0")
    ratio = truth["neighbour"] / alone["neighbour"]
    # Two processors have a flood, its victim and the tracer to run; CI has others, too.
    assert ratio > 0.3, ratio
    return f"{note}; the neighbour has {ratio:.2f} of untraced"


def test_flood_answered_by_cookies():
    return traced("1")[1]


if __name__ == "__main__":
    sys.exit(run([test_flood_of_refused_syns, test_flood_answered_by_cookies]))
