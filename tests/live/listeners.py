#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcptrail listeners, against ss and /proc/net/netstat of the listener's namespace."""
import json
import os
import re
import resource
import subprocess
import sys
import time

from tracer import SLOW, TCPTRAIL, run, valid

STAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "listen_stage.py")


class Stage:
    """A listener, and who connects to it, in a namespace of their own."""

    def __init__(self, *args):
        self.process = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", STAGE, *map(str, args)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.here = json.loads(self.process.stdout.readline())

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def looked(stage, *args):
    """The rows of that stage's listeners, that of its namespace, and the command's CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([TCPTRAIL, "listeners", "-o", "json", "--netns", str(stage.here["netns"]), *args],
                         check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    *rows, totals = valid("listeners", [json.loads(line) for line in out.splitlines()])
    assert all("listener" in r for r in rows) and "counters" in totals, (rows, totals)
    assert totals["listeners"] == len([r for r in rows if r["netns"] == totals["netns"]]), (rows, totals)
    return rows, totals, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def listeners(stage, *args):
    rows, _, seconds = looked(stage, *args)
    return rows, seconds


def text_of(stage):
    return subprocess.run([TCPTRAIL, "listeners", "--netns", str(stage.here["netns"])],
                          check=True, capture_output=True, text=True).stdout


def check_owner(row, stage):
    assert row["process"] == {"pid": stage.here["pid"], "name": stage.here["comm"]}, row
    assert row["listener"]["port"] == stage.here["port"], row
    assert row["netns"] == stage.here["netns"], row


def test_listeners_who_accept_nothing():
    stage = Stage("--backlog", 2, "--burst", 3, "--every", 0.2, "--never-accept")
    try:
        time.sleep(1)
        before = stage.ask("counters")
        rows, totals, _ = looked(stage)
        after = stage.ask("counters")
        text = text_of(stage)
    finally:
        stage.end()
    assert len(rows) == 1, rows
    row = rows[0]
    check_owner(row, stage)
    # ss: Recv-Q is the accept queue, Send-Q its limit.
    assert (row["accept_queue"]["length"], row["accept_queue"]["limit"]) == \
        (before["recv_q"], before["send_q"]) == (3, 2), (row, before)
    assert row["status"] == "DROP" and row["bound_by"] == "accept-too-slow", row
    drops = after["ListenDrops"] - before["ListenDrops"]
    assert 0 < row["refused_at_most"] <= drops, (row, before, after)
    assert before["ListenDrops"] <= row["refused_since_open_at_most"] <= after["ListenDrops"], row
    assert totals["netns"] == stage.here["netns"] and totals["window_ns"] == row["window_ns"], totals
    for name in "ListenOverflows", "ListenDrops":
        there, in_sample = totals["counters"][name], totals["counters_in_sample"][name]
        assert before[name] <= there - in_sample < there <= after[name], (name, totals, before, after)
    assert totals["counters_in_sample"]["ListenDrops"] >= row["refused_at_most"], (totals, row)
    # The advice is not a longer queue; the namespace's own totals are below.
    assert "backlog" not in text.split("netns")[0] and "somaxconn" not in text, text
    total = re.search(r"ListenOverflows ([\d,]+) .*ListenDrops ([\d,]+) ", text)
    assert total and int(total[2].replace(",", "")) >= after["ListenDrops"], text
    return f"refused {row['refused_at_most']} in the sample, nstat {drops} around it"


def test_listeners_who_accept_too_slowly():
    """Two a second where ten come: a longer queue would be as full. There is room for a moment
    after each."""
    stage = Stage("--backlog", 2, "--burst", 1, "--every", 0.1, "--accept-every", 0.5)
    try:
        time.sleep(1.5 * SLOW)
        rows = [listeners(stage)[0][0] for _ in range(3)]
        text = text_of(stage)
    finally:
        stage.end()
    for row in rows:
        assert row["status"] == "DROP" and row["bound_by"] == "accept-too-slow", row
        assert 1 <= row["accepts"] <= 3 and row["refused_at_most"] > row["accepts"], row
    assert re.search(r"accepts [123]/s: .*try: more workers; what does %d wait" % stage.here["pid"], text), text
    assert "backlog" not in text.split("netns")[0] and "somaxconn" not in text, text


def cured(stage, bound, advice, carry_out):
    """What `try:` says, to the letter, ends the refusals; the row after it, and what it said."""
    try:
        time.sleep(0.5 * SLOW)
        row = listeners(stage)[0][0]
        assert row["status"] == "DROP" and row["bound_by"] == bound, row
        text = text_of(stage)
        wanted = re.search(r"try: " + advice, text)
        assert wanted, text
        carry_out(wanted)
        time.sleep(1.2)     # what was refused before comes again after 1 s
        before = stage.ask("counters")
        row = listeners(stage)[0][0]
        after = stage.ask("counters")
    finally:
        stage.end()
    assert row["refused_at_most"] == 0 and row["status"] != "DROP", row
    assert 0 < before["ListenDrops"] == after["ListenDrops"], (before, after)
    return row, wanted


def inside(stage, command):
    subprocess.run(["nsenter", "-t", str(stage.here["pid"]), "-n", *command.split()], check=True,
                   capture_output=True)


def test_listeners_bursts_and_their_cure():
    stage = Stage("--backlog", 2, "--burst", 8, "--every", 0.27, "--accept-after", 0.12)
    row, wanted = cured(stage, "backlog", r"a backlog of (\d+) in the application",
                        lambda said: stage.ask("listen " + said[1]))
    assert row["accept_queue"]["limit"] == int(wanted[1]), row


def test_listeners_somaxconn_and_its_cure():
    """The application asks for more than the namespace allows."""
    stage = Stage("--backlog", 100, "--burst", 6, "--every", 0.27, "--accept-after", 0.12,
                  "--sysctl", "core.somaxconn=4")

    def carry_out(said):
        inside(stage, said[1])
        stage.ask("listen " + said[2])

    row, wanted = cured(stage, "somaxconn",
                        r"(sysctl -w net\.core\.somaxconn=(\d+)), a backlog as large, listen\(\) again", carry_out)
    assert row["accept_queue"]["limit"] == row["somaxconn"] == int(wanted[2]), row


def test_listeners_syn_queue_and_its_cure():
    """Who says nothing fills it; with cookies the others are accepted all the same."""
    stage = Stage("--backlog", 4, "--burst", 3, "--every", 0.2, "--defer", "--sysctl", "ipv4.tcp_syncookies=0")
    row, _ = cured(stage, "syn-queue", r"(sysctl -w net\.ipv4\.tcp_syncookies=1)",
                   lambda said: inside(stage, said[1]))
    assert row["syncookies"] == 1 and row["accepts"] > 0, row


def test_listeners_max_syn_backlog_and_its_cure():
    stage = Stage("--backlog", 100, "--burst", 3, "--every", 0.2, "--defer", "--sysctl", "ipv4.tcp_syncookies=0",
                  "--sysctl", "ipv4.tcp_max_syn_backlog=4")
    row, _ = cured(stage, "tcp_max_syn_backlog", r"(sysctl -w net\.ipv4\.tcp_syncookies=1)",
                   lambda said: inside(stage, said[1]))
    assert row["syncookies"] == 1 and row["syn_queue"]["length"] > 4, row


def test_listeners_healthy():
    stage = Stage("--backlog", 50, "--burst", 2, "--every", 0.1)
    try:
        row = listeners(stage)[0][0]
        text = text_of(stage)
    finally:
        stage.end()
    check_owner(row, stage)
    assert row["status"] == "ok" and "bound_by" not in row and row["refused_at_most"] == 0, row
    assert "try:" not in text, text


def test_listeners_shared():
    """By processes (fork), and one address by several sockets (SO_REUSEPORT)."""
    stage = Stage("--forks", 3, "--group", 4)
    try:
        rows = {}
        for row in listeners(stage)[0]:
            rows.setdefault(row["listener"]["port"], []).append(row)
        text = text_of(stage)
    finally:
        stage.end()
    [alone] = rows.pop(stage.here["port"])
    assert (alone["processes"], alone["group"]) == (4, 1), alone
    [group] = rows.values()
    assert [(r["processes"], r["group"]) for r in group] == [(1, 4)] * 4, group
    assert f"[{stage.here['pid']}]+3 " in text and f"[{stage.here['pid']}] 1/4 " in text, text


def test_listeners_accept_wait():
    """Bursts of 3 every 0.2 s, taken 50 ms later by a poll of 10 ms."""
    stage = Stage("--backlog", 50, "--burst", 3, "--every", 0.2, "--accept-after", 0.05)
    try:
        row = listeners(stage)[0][0]
        text = text_of(stage)
    finally:
        stage.end()
    assert 9 <= row["accepts"] <= 18 and row["accept_wait"]["count"] <= row["accepts"], row
    wait = row["accept_wait"]
    assert 50e6 <= wait["p50_ns"] <= wait["p99_ns"] <= wait["max_ns"] < 120e6, row
    assert row["last_accept_ns_ago"] < 300e6, row
    assert re.search(r" \d+ +\S+ms +[\d.]+ms/[\d.]+ms/[\d.]+ms  ok$", text, re.M), text


def test_listeners_ten_thousand():
    stage = Stage("--backlog", 5, "--more", 9999)
    try:
        rows, twelve = listeners(stage)
        # What the start takes differs by half a second from one to the next.
        twelve = min([twelve] + [listeners(stage)[1] for _ in range(2)])
        three = min(listeners(stage, "-i", "100ms", "-c", "1")[1] for _ in range(3))
    finally:
        stage.end()
    assert len(rows) == 10000, len(rows)
    # What the start takes is the verifier's, once, and the same with no listener at all.
    assert twelve - three < 0.5, (twelve, three)
    return (f"{twelve:.2f} s of CPU for the default sample at 10,000 listeners, the start "
            f"included; {three:.2f} s for one of 100 ms")


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
