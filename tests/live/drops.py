#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Refused segments where no hook sees a SYN refused: polled counters, against
/proc/net/netstat of the namespace and the listeners' own counters in ss."""
import json
import re
import subprocess
import sys
import time

from listeners import STAGE, Stage
from tracer import TCPTRAIL, Skip, Tracer, of, run


class Beside(Stage):
    """A second listener in the namespace of another stage."""

    def __init__(self, stage, *args):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/proc/{stage.here['pid']}/ns/net", "/usr/bin/python3", STAGE,
             *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.here = json.loads(self.process.stdout.readline())


def polled():
    doctor = json.loads(subprocess.run([TCPTRAIL, "doctor", "-o", "json"], capture_output=True,
                                       text=True).stdout)
    if next(f["method"] for f in doctor["facts"] if f["fact"] == "SYNs refused, cookies sent") != "none":
        raise Skip("hooks see it here")


def sk_drops(stage):
    ss = subprocess.run(["nsenter", f"--net=/proc/{stage.here['pid']}/ns/net", "ss", "-Hltnm",
                         f"sport = :{stage.here['port']}"], check=True, capture_output=True, text=True)
    return int(re.search(r",d(\d+)\)", ss.stdout)[1])


def drops_of(tracer, stage):
    assert tracer.end() == 0, tracer.stderr()
    return of(tracer.records(), "drop", stage.here["netns"])


def total(records):
    return sum(r["tcptrail"]["count"] for r in records)


def test_drops_of_one_listener_are_exact():
    polled()
    tracer = Tracer("-o", "json", "-e", "drop", "--poll", "300ms")
    stage = Stage("--backlog", 2, "--burst", 6, "--every", 0.05, "--never-accept", "--bursts", 20,
                  "--more", 3)
    try:
        time.sleep(4)
        truth = stage.ask("counters")
        told = drops_of(tracer, stage)
        assert truth == stage.ask("counters"), "it refuses still"
    finally:
        stage.end()
    assert truth["ListenDrops"] > 50 and total(told) == truth["ListenDrops"], (total(told), truth)
    for r in told:
        own = r["tcptrail"]
        assert r["destination"]["port"] == stage.here["port"], r
        assert r["process"] == {"pid": stage.here["pid"], "name": stage.here["comm"]}, r
        if own["method"] == "poll":
            assert (own["reason"], own["counter"]) == ("accept-queue-full", "ListenOverflows"), r
            assert "at_most" not in own and "stage" not in own, r
    return f"{total(told)} in {len(told)} records"


def test_drops_between_two_polls():
    """The listener, and its namespace, begin after a poll and are gone before the next."""
    polled()
    tracer = Tracer("-o", "json", "-e", "drop", "--poll", "5s")
    stage = Stage("--backlog", 2, "--burst", 6, "--every", 0.05, "--never-accept", "--bursts", 10)
    try:
        time.sleep(1.5)
        truth = stage.ask("counters")
    finally:
        stage.end()
    told = drops_of(tracer, stage)
    assert truth["ListenDrops"] > 20 and total(told) == truth["ListenDrops"], (told, truth)
    return f"{total(told)} in {len(told)} records"


def test_drops_before_the_start_are_not_told():
    polled()
    stage = Stage("--backlog", 2, "--burst", 6, "--every", 0.05, "--never-accept", "--bursts", 5)
    try:
        time.sleep(3)
        assert stage.ask("counters")["ListenDrops"], "nothing was refused"
        tracer = Tracer("-o", "json", "-e", "drop", "--poll", "300ms")
        time.sleep(1)
        before = stage.ask("counters")
        told = drops_of(tracer, stage)
        assert before == stage.ask("counters")
    finally:
        stage.end()
    # Clients come again for minutes: what is refused after the start is told.
    assert total(told) < before["ListenDrops"] / 2, (told, before)


def settled(tracer, one, two):
    """Of two listeners of one namespace that refuse no more: its counters, the records, all
    of which were refused, and sk_drops by port."""
    truth = one.ask("counters")
    told = drops_of(tracer, one)
    moved = {s.here["port"]: sk_drops(s) for s in (one, two)}
    assert truth == one.ask("counters"), "they refuse still"
    assert total(told) == truth["ListenDrops"], (total(told), truth)
    return truth, told, moved


def test_drops_of_two_listeners_are_bounded():
    polled()
    tracer = Tracer("-o", "json", "-e", "drop", "--poll", "300ms")
    one = Stage("--backlog", 2, "--burst", 6, "--every", 0.05, "--never-accept", "--bursts", 20)
    two = Beside(one, "--backlog", 1, "--burst", 4, "--every", 0.07, "--never-accept", "--bursts", 20)
    try:
        time.sleep(4)
        truth, told, by_listener = settled(tracer, one, two)
    finally:
        two.end()
        one.end()
    for port, there in by_listener.items():
        mine = [r["tcptrail"] for r in told if r.get("destination", {}).get("port") == port]
        least = sum(own["count"] for own in mine)
        most = sum(own.get("at_most", own["count"]) for own in mine)
        assert least <= there <= most, (port, least, there, most)
    named = sum(1 for r in told if "destination" in r)
    return f"{total(told)} in {len(told)} records, {named} with their listener"


# No flag, SYN+FIN, RST; and one that is answered with a RST and counted nowhere: ACK.
SCAN = """
import socket, struct, sys, time
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for n in range(400):
    flags = (0, 3, 4, 16)[n % 4]
    def segment(check):
        return struct.pack("!HHIIBBHHH", 1024 + n, int(sys.argv[1]), 1, 1, 0x50, flags, 65535, check, 0)
    pseudo = bytes([127, 0, 0, 1]) * 2 + struct.pack("!HH", 6, 20) + segment(0)
    total = sum(struct.unpack("!16H", pseudo))
    total = (total & 0xffff) + (total >> 16)
    raw.sendto(segment(~(total + (total >> 16)) & 0xffff), ("127.0.0.1", 0))
    time.sleep(0.005)
"""


def test_drops_beside_a_scan():
    """What a scan moves at one listener is known, and does not blur what the other refused."""
    polled()
    doctor = json.loads(subprocess.run([TCPTRAIL, "doctor", "-o", "json"], capture_output=True, text=True).stdout)
    if next(f["method"] for f in doctor["facts"] if f["fact"] == "final ACKs refused") != "tp_btf":
        raise Skip("before Linux 6.18")
    tracer = Tracer("-o", "json", "-e", "drop", "--poll", "300ms")
    one = Stage("--backlog", 2, "--burst", 6, "--every", 0.1, "--never-accept", "--bursts", 20)
    two = Beside(one, "--backlog", 2, "--burst", 6, "--every", 0.1, "--never-accept", "--bursts", 20)
    try:
        subprocess.run(["nsenter", f"--net=/proc/{one.here['pid']}/ns/net", "/usr/bin/python3", "-c", SCAN,
                        str(one.here["port"])], check=True, timeout=30)
        time.sleep(1.5)
        truth, told, moved = settled(tracer, one, two)
    finally:
        two.end()
        one.end()
    # Three in four of the scan are in sk_drops, and in no counter of refusals.
    assert moved[one.here["port"]] >= truth["ListenDrops"] - moved[two.here["port"]] + 300, (moved, truth)
    for port, refused in ((one.here["port"], truth["ListenDrops"] - moved[two.here["port"]]),
                          (two.here["port"], moved[two.here["port"]])):
        mine = [r["tcptrail"] for r in told if r.get("destination", {}).get("port") == port]
        least = sum(own["count"] for own in mine)
        most = sum(own.get("at_most", own["count"]) for own in mine)
        assert 0.8 * refused < least <= refused <= most, (port, least, refused, most)
    return f"{total(told)} of {sum(moved.values())} that both dropped"


def rates(tracer, stage):
    """Accepts a second, by the records of one listener that know."""
    whole = [json.loads(line) for line in tracer.text().splitlines(keepends=True) if line.endswith("\n")]
    return [own["accepts"] * 1e9 / own["accepts_window_ns"] for own in
            (r["tcptrail"] for r in of(whole, "drop", stage.here["netns"])) if "accepts" in own]


def test_what_is_accepted_where_others_are_refused():
    """Of bursts every 0.3 s three find room and are accepted: ten a second. Or none ever is."""
    tracer = Tracer("-o", "json", "-e", "drop", "--poll", "300ms")
    bursts = Stage("--backlog", 2, "--burst", 6, "--every", 0.3, "--accept-after", 0.1)
    hangs = Stage("--backlog", 2, "--burst", 6, "--every", 0.3, "--never-accept")
    try:
        tracer.wait_for(lambda: len(rates(tracer, bursts)) > 3 and len(rates(tracer, hangs)) > 3)
        assert tracer.end() == 0, tracer.stderr()
    finally:
        bursts.end()
        hangs.end()
    mine = rates(tracer, bursts)
    assert all(5 < rate < 15 for rate in mine), mine
    assert set(rates(tracer, hangs)) == {0}, rates(tracer, hangs)
    return f"{min(mine):.1f} to {max(mine):.1f} accepts/s"


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
