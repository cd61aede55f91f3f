#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""FILTER on real connections: which records come out, and that the kernel side makes none
for what it can decide."""
import json
import os
import subprocess
import sys
import time

from tracer import TCPTRAIL, TOP, Tracer, load, of, run

STAGE = os.path.join(TOP, "tests/live/filter_stage.py")
REFUSE = os.path.join(TOP, "build/tests/refuse.so")
N = 10				# as filter_stage.py
ALL = 7 * N			# both ends of three services, and the refused
MOVED = 3 * N			# of them, clients
OTHERS = 40			# both ends of refused()'s load: more than MOVED
AT_ONCE = 4


class Stage:
    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", sys.executable, STAGE], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.truth = json.loads(self.process.stdout.readline())

    def round(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def soon(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def trace(stage, kind, filters):
    """One round under a tracer for each filter, and one without; records of each."""
    base = ("-o", "json", "-e", kind, "--netns", str(stage.truth["netns"]))
    tracers = [Tracer(*base, *f.split(" "), wait=False) for f in filters]
    witness = Tracer(*base, wait=False)
    for t in (*tracers, witness):
        t.wait_for(lambda t=t: os.path.getsize(t.file.name) > 0)
    stage.round()
    soon(lambda: len(witness.text().splitlines()) > ALL)
    return base, witness, tracers


def outcome(tracers, kind, expected):
    for t, n in zip(tracers, expected):
        soon(lambda t=t, n=n: t.text().count(f'"action":"{kind}"') >= n)
    time.sleep(0.1)		# and no more of them
    for t in tracers:
        t.end()
    return [of(t.records(), kind) for t in tracers]


def told(stage, kind, cases):
    """cases: filter -> how many records it lets out, and what holds for each."""
    filters = list(cases)
    for at in range(0, len(filters), AT_ONCE):
        some = filters[at:at + AT_ONCE]
        _, witness, tracers = trace(stage, kind, some)
        results = outcome(tracers, kind, [cases[f][0] for f in some])
        witness.end()
        for f, records in zip(some, results):
            count, holds = cases[f]
            assert len(records) == count, (f, len(records), count, records[:2])
            assert all(holds(r) for r in records), (f, [r for r in records if not holds(r)][:2])


def anything(_record):
    return True


def test_filter_connections():
    stage = Stage()
    client = stage.truth["client"]
    told(stage, "connection", {
        "dport = :7001": (N, lambda r: r["destination"]["port"] == 7001 and r["tcptrail"]["role"] == "client"),
        "sport = :7001": (N, lambda r: r["destination"]["port"] == 7001 and r["tcptrail"]["role"] == "server"),
        "port 7001,7002": (4 * N, lambda r: r["destination"]["port"] in (7001, 7002)),
        "dst 10.2.0.0/16": (2 * N, lambda r: r["destination"]["ip"] == "10.2.0.1"),
        "dst fd00::/8 and sport >= :1024": (2 * N, lambda r: r["network"]["type"] == "ipv6"),
        "not family inet6": (5 * N, lambda r: r["network"]["type"] == "ipv4"),
        "failed": (N, lambda r: r["event"]["outcome"] == "failure" and r["destination"]["port"] == 7009),
        "errno ECONNREFUSED dst 10.1.0.1:7009": (N, lambda r: r["error"]["code"] == "ECONNREFUSED"),
        "role server and ( port 7001 or dst [fd00::1] )": (2 * N, lambda r: r["process"]["name"] == "tt-server"),
        "comm tt-client and dport != :7009": (3 * N, lambda r: r["process"]["pid"] == client),
        f"pid {client} and not comm tt-s*": (4 * N, lambda r: r["process"]["pid"] == client),
        "uid != 0 or loopback or for > 1h or handshake > 10s": (0, anything),
        "to time-wait": (3 * N, lambda r: r["network"]["connection"]["state"] == "time_wait"),
        "accept-wait < 10s and cgroup /": (3 * N, lambda r: r["tcptrail"]["role"] == "server"),
        "cause fin-received,rst-received ! failed": (3 * N, lambda r: r["tcptrail"]["cause"] == "fin-received"),
    })
    stage.end()


def test_filter_transitions():
    stage = Stage()
    told(stage, "state", {
        "from ESTAB to CLOSE-WAIT": (3 * N, lambda r: r["network"]["connection"]["state"] == "close_wait"),
        "state syn-sent dport 7009": (N, lambda r: r["network"]["connection"]["state"] == "syn_sent"),
        "not ( state connected ) and dport 7009": (N, lambda r: r["error"]["code"] == "ECONNREFUSED"),
    })
    stage.end()


def test_filter_leaves_out_a_port_chosen_later():
    """The first step of others' connections, whose local port may be any, is not told."""
    stage = Stage()
    _, witness, tracers = trace(stage, "state", ["port 7001"])
    records = outcome(tracers, "state", [9 * N])[0]
    witness.end()
    stage.end()
    assert len(records) >= 9 * N, len(records)
    others = [r for r in records if 7001 not in (r["source"].get("port"), r["destination"].get("port"))]
    assert not others, others[:2]


def test_filter_decides_in_the_kernel():
    """No record is made for what a filter's kernel part refuses."""
    stage = Stage()
    filters = ("dport = :1 and failed", "comm nobody or dst 192.168.0.0/16", "cause timeout")
    _, witness, tracers = trace(stage, "connection", filters)
    time.sleep(0.5)
    made, printed = [], []
    for t in (*tracers, witness):
        t.end()
        totals = t.records()[-1]["tcptrail"]["totals"]
        made.append(totals["made"])
        printed.append(totals["printed"])
    assert made[:2] == [0, 0], made
    assert made[2] >= ALL and made[3] >= ALL, made		# a cause is found in user space
    assert printed == [0, 0, 0, ALL], printed
    assert tracers[0].records()[0]["tcptrail"]["filter"].endswith("dport = :1 and failed"), tracers[0].text()
    stage.end()
    return f"{made[3]} records made without a filter, 0 with one"


def made_by(stage, kind, filters):
    """Two rounds, the second once the first was told: records made, and told."""
    _, witness, tracers = trace(stage, kind, filters)
    time.sleep(0.5)
    stage.round()
    soon(lambda: len(witness.text().splitlines()) > 2 * ALL)
    time.sleep(0.5)
    for t in (*tracers, witness):
        assert t.end() == 0, t.stderr()
    totals = [t.records()[-1]["tcptrail"]["totals"] for t in tracers]
    return [(t["made"], t["printed"]) for t in totals]


def test_filter_decides_sets_and_ends_in_the_kernel():
    stage = Stage()
    far = ",".join(f"{n}.0.0.0/8" for n in range(20, 90))
    filters = {
        f"dst {far}": (0, 0),
        f"dst {far},10.2.0.0/16,fd00::/8": (8 * N, 8 * N),
        f"not src {far},10.0.0.0/8": (4 * N, 4 * N),
        "role listener or dev 4711": (0, 0),
        # Clients' ends may be told as another, TIME-WAIT; of none of them an errno is known.
        "errno EPIPE": (6 * N, 0),
        "errno ECONNREFUSED": (8 * N, 2 * N),
        "from last-ack": (12 * N, 6 * N),
    }
    some = list(filters)
    for at in range(0, len(some), AT_ONCE):
        for f, (made, printed) in zip(some[at:at + AT_ONCE], made_by(stage, "connection", some[at:at + AT_ONCE])):
            least, told_of_them = filters[f]
            # Where the service's FIN is late, a way to TIME-WAIT is a record, too.
            assert printed == told_of_them and least <= made <= least + (2 * MOVED if least else 0), (f, made, printed)
    stage.end()


def test_filter_decides_transitions_in_the_kernel():
    """But for those that others need."""
    stage = Stage()
    (mine, printed), (none, nothing) = made_by(stage, "state", ["to close-wait", "to closing"])
    stage.end()
    assert printed == 6 * N and nothing == 0, (printed, nothing)
    # What a connection's record needs: 2 to SYN-SENT and ESTABLISHED, 1 of the child, 1 to
    # TIME-WAIT; a refused one has two. At most one more each of a late FIN.
    need = 2 * (3 * N * 4 + N * 2)
    assert need <= none <= need + 6 * N + 6 * N and mine == none + 6 * N, (mine, none, need)


def test_filter_of_cgroups_in_the_kernel():
    """From the first record of it that was told on."""
    stage = Stage()
    (made, printed), (everything, all_of_them) = made_by(stage, "connection", ["cgroup /nowhere and unit x", "cgroup /"])
    stage.end()
    assert printed == 0 and made <= ALL + MOVED, (made, printed)
    assert all_of_them == 2 * ALL and everything >= 2 * ALL, (everything, all_of_them)


def rows(*args):
    out = subprocess.run([TCPTRAIL, *args, "-o", "json"], capture_output=True, text=True, timeout=60, check=False)
    assert out.returncode == 0, out
    return [json.loads(line) for line in out.stdout.splitlines()]


def test_filter_listeners():
    stage = Stage()
    netns = ("netns", str(stage.truth["netns"]))
    def ports(*terms):
        return sorted(r["listener"]["port"] for r in rows("listeners", *netns, *terms) if "listener" in r)

    assert ports() == [7001, 7002, 7003]
    assert ports("and", "not family inet6 and src != 10.2.0.0/16") == [7001]
    assert not rows("listeners", *netns, "comm", "tt-client")
    stage.end()


def test_filter_wrong():
    for args, at in (("trace -e state sport = :1 andd", 11), ("listeners cause timeout", 0), ("stalls ( state", 7)):
        out = subprocess.run([TCPTRAIL, *args.split(" ")], capture_output=True, text=True, timeout=60, check=False)
        lines = out.stderr.splitlines()
        assert out.returncode == 2 and not out.stdout and len(lines) == 3, out
        assert lines[2].index("^") == 2 + at, out.stderr


def refused(times):
    """As where the verifier refuses that many loads; the records, and what the start says."""
    stage = Stage()
    tracer = Tracer("-o", "json", "-e", "connection", "--netns", str(stage.truth["netns"]),
                    env={**os.environ, "REFUSE": str(times), "LD_PRELOAD": REFUSE})
    load("-n", OTHERS // 2)		# in another namespace
    stage.round()
    soon(lambda: tracer.text().count('"action":"connection"') >= ALL)
    stage.end()
    assert tracer.end() == 0 and tracer.stderr().count("refused") == times, tracer.stderr()
    records = tracer.records()
    told = of(records, "connection")
    assert len(told) == ALL and {r["tcptrail"]["netns"] for r in told} == {stage.truth["netns"]}, told[:2]
    return records[0]["tcptrail"], records[-1]["tcptrail"]["totals"]


def test_filter_that_the_verifier_refuses():
    """User space asks it alone; refused again, each way of each fact is loaded alone, too."""
    start, totals = refused(0)
    # Where the service's FIN is late, a client's socket is FIN-WAIT-2 without a process: its
    # way to TIME-WAIT is a record, too, which ends the one of the connection.
    assert ALL <= totals["made"] <= ALL + MOVED, totals
    for times in 1, 2:
        again, totals = refused(times)
        assert again["hooks"] == start["hooks"], (again, start)
        assert totals["made"] >= ALL + OTHERS, totals


if __name__ == "__main__":
    sys.exit(run([test_filter_connections, test_filter_transitions, test_filter_leaves_out_a_port_chosen_later,
                  test_filter_decides_in_the_kernel, test_filter_decides_sets_and_ends_in_the_kernel,
                  test_filter_decides_transitions_in_the_kernel, test_filter_of_cgroups_in_the_kernel, test_filter_that_the_verifier_refuses,
                  test_filter_listeners, test_filter_wrong]))
