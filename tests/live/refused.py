#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One program that a security module refuses: the others work, and doctor says which fact
is lost. (One was met that refuses iterators over maps and fentry, and nothing else.)"""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from tracer import TCPTRAIL, TOP, Tracer, load, of, run

REFUSE = os.path.join(TOP, "build/tests/refuse.so")


def refused(program):
    return {**os.environ, "REFUSE_PROGRAM": program, "LD_PRELOAD": REFUSE}


def doctor(env):
    out = subprocess.run([TCPTRAIL, "doctor", "-o", "json"], capture_output=True, text=True, timeout=100,
                         env=env, check=False)
    assert out.returncode == 0, out
    return {f["fact"]: f for f in json.loads(out.stdout)["facts"]}


def test_refused_program_is_left_out():
    usual, facts = doctor(None), doctor(refused("census"))
    lost = facts.pop("sockets that ended unseen")
    usual.pop(lost["fact"])
    assert lost["method"] == "none" and [r["error"] for r in lost["refused"]] == ["EPERM"] and lost["lost"], lost
    assert facts == usual, [(f, usual[n]) for n, f in facts.items() if f != usual[n]]


def test_refused_program_and_the_rest_goes_on():
    tracer = Tracer("-o", "json", "-e", "connection", env=refused("listening_look"))
    load("-n", 10)
    tracer.wait_for(lambda: tracer.text().count('"action":"connection"') >= 20)
    assert tracer.end() == 0, tracer.stderr()
    assert len(of(tracer.records(), "connection")) >= 20


def test_refused_what_nothing_goes_without():
    out = subprocess.run([TCPTRAIL, "trace"], capture_output=True, text=True, timeout=100, env=refused("state"),
                         check=False)
    assert out.returncode == 4 and not out.stdout, out
    assert out.stderr.splitlines()[-1].endswith("no hook for transitions"), out.stderr


def test_refused_and_moved_just_before_the_end():
    """Where a poll alone tells what becomes of a mini-socket, the last poll is at the end."""
    tracer = Tracer("-o", "json", "-e", "state", env=refused("tw_fin_dropped"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        port = client.getsockname()[1]
        peer = server.accept()[0]
        client.close()
        time.sleep(1.5)     # a poll has seen it in FIN-WAIT-2
        peer.close()
    time.sleep(0.05)
    assert tracer.end() == 0, tracer.stderr()
    told = [(r["tcptrail"]["from"], r["network"]["connection"]["state"]) for r in of(tracer.records(), "state")
            if r["tcptrail"]["role"] == "client" and r["source"]["port"] == port]
    assert told[-1] == ("fin_wait_2", "time_wait"), told


def test_refused_sock_diag_and_the_metrics_go_on():
    """Not counted is not 0: that family is left out, no other."""
    def families(env):
        with tempfile.TemporaryDirectory() as directory:
            tracer = Tracer("-o", "json", "--metrics-file", directory + "/m.prom", env=env)
            load("-n", 10)
            assert tracer.end() == 0, tracer.stderr()
            with open(directory + "/m.prom", encoding="utf-8") as f:
                return set(re.findall(r"^# TYPE (\S+)", f.read(), re.M))

    usual = families(None)
    without = families({**os.environ, "REFUSE_SOCK_DIAG": "1", "LD_PRELOAD": REFUSE})
    assert usual - without == {"tcptrail_sockets"} and not without - usual, usual ^ without


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
