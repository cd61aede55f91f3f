#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcptrail check: what is wrong with listeners and connections on one screen, and its exit
code."""
import json
import os
import subprocess
import sys
import time

from tracer import SLOW, TCPTRAIL, run, valid

HERE = os.path.dirname(os.path.abspath(__file__))


class Stage:
    def __init__(self, script, *args):
        self.process = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", os.path.join(HERE, script),
                                         *map(str, args)], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.here = json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def check(stage, *args):
    out = subprocess.run([TCPTRAIL, "check", "--netns", str(stage.here["netns"]), *args], timeout=30 * SLOW,
                         capture_output=True, text=True, check=False)
    assert not out.stderr, out
    return out.returncode, out.stdout


def test_critical_where_clients_are_refused():
    stage = Stage("listen_stage.py", "--backlog", 2, "--burst", 6, "--every", 0.2, "--accept-after", 0.1)
    try:
        code, text = check(stage)
        assert code == 2 and text.startswith("CRIT ") and "-> tcptrail listeners" in text, (code, text)
        code, text = check(stage, "-o", "json")
        worst = valid("check", [json.loads(line) for line in text.splitlines()])[0]
        assert (code, worst["level"], worst["kind"]) == (2, "critical", "listener"), (code, text)
        assert worst["netns"] == stage.here["netns"], worst
    finally:
        stage.end()


def test_warning_where_connections_are_stuck():
    stage = Stage("stall_stage.py")
    try:
        time.sleep(5.2)		# longer than a window may be closed
        code, text = check(stage, "-o", "json")
        found = {f["finding"]: f for f in valid("check", [json.loads(line) for line in text.splitlines()])}
        assert code == 1, (code, text)
        assert {"app-not-reading", "syn-no-answer"} <= set(found), text
        assert all(f["process"]["pid"] == stage.here["pid"] and f["level"] == "warning"
                   for f in found.values()), text
    finally:
        stage.end()


def test_one_incident_one_root():
    """Without a descriptor left nobody accept()s: the queue that fills follows from that."""
    stage = Stage("failed_calls_stage.py", "emfile-then-full")
    try:
        time.sleep(1.2)         # longer than one may wait for accept()
        # No filter: of which namespace a process without descriptors is, nobody says.
        out = subprocess.run([TCPTRAIL, "check", "-o", "json"], timeout=30 * SLOW, capture_output=True,
                             text=True, check=False)
        found = [f for f in map(json.loads, out.stdout.splitlines()) if f"[{stage.here['pid']}]" in f["subject"]]
        assert out.returncode == 2 and [f["kind"] for f in found] == ["limit", "listener"], out
        files, queue = found
        assert files["finding"] == "open-files" and "because" not in files, found
        assert queue["because"] == "accept4 fails with EMFILE", found
        assert "wait for accept()" in queue["text"], found
    finally:
        stage.process.stdin.write("\n")
        stage.end()


def test_nothing_wrong():
    stage = Stage("listen_stage.py", "--backlog", 50, "--burst", 1, "--every", 0.2, "--accept-after", 0)
    try:
        code, text = check(stage)
        assert code == 0 and text.startswith("ok ") and text.count("\n") == 1, (code, text)
    finally:
        stage.end()


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
