#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcptrail stalls: each verdict provoked, with its owner; none of a healthy connection;
gone after the cure."""
import datetime
import json
import os
import subprocess
import sys
import time

from tracer import SLOW, TCPTRAIL, Skip, Tracer, of, run, valid

HERE = os.path.dirname(os.path.abspath(__file__))
OVER_NS = 1_000_000_000
PATIENCE = 12 * SLOW


class Stage:
    def __init__(self, script="stall_stage.py", *args):
        self.begun = time.monotonic()
        self.process = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", os.path.join(HERE, script), *args],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.here = json.loads(self.process.stdout.readline())

    def tell(self):
        print(file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def cure(self):
        assert self.tell() == "cured"

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def stalls(stage, *args):
    out = subprocess.run([TCPTRAIL, "stalls", "-o", "json", "--netns", str(stage.here["netns"]), *args],
                         check=True, capture_output=True, text=True, timeout=30 * SLOW).stdout
    return valid("stalls", [json.loads(line) for line in out.splitlines()])


def expected(here):
    """verdict -> how many, the port of the service."""
    return {
        ("syn-no-answer", 80): 1,
        ("close-wait", here["listener"]): len(here["leak"]),
        ("close-wait-unread", here["listener"]): 1,
        ("app-not-reading", here["small"]): 1,
        ("dropped-here", here["listener"]): 2,	# data, and a FIN
    }


def seen(rows):
    return {(r["verdict"], (r["local"] if r["role"] == "server" else r["peer"])["port"]): r["count"]
            for r in rows}


def test_stalls_and_their_cure():
    stage = Stage()
    try:
        want = expected(stage.here)
        while True:		# the kernel retransmits and probes at its own pace
            rows = stalls(stage, "--over", "1s")
            age = (time.monotonic() - stage.begun) * 1e9
            if seen(rows) == want or time.monotonic() - stage.begun > PATIENCE:
                break
            time.sleep(0.3)
        assert seen(rows) == want, (seen(rows), want)
        for r in rows:
            assert r["process"]["pid"] == stage.here["pid"], r
            assert OVER_NS <= r["oldest_ns"] < age + 1e9, (r, age)
            assert "try" in r and r["netns"] == stage.here["netns"], r
        each = stalls(stage, "--over", "1s", "--each")
        assert len(each) == sum(want.values()), each
        ports = {r["local"]["port"] for r in each} | {r["peer"]["port"] for r in each}
        assert not ports & {stage.here["idle"], stage.here["half"]}, each
        # Where more of them are a leak, these are none.
        more = seen(stalls(stage, "--over", f"1s,leak={len(stage.here['leak']) + 1}"))
        patient = {("peer-not-closing", stage.here["listener"]): len(stage.here["leak"])}	# their clients
        assert more == {k: n for k, n in want.items() if k[0] != "close-wait"} | patient, more
        waiting = {r["verdict"]: r["others_waiting"] for r in rows if "others_waiting" in r}
        assert waiting["close-wait"] == len(stage.here["leak"]) and waiting["close-wait-unread"] == 1, rows
        # By default most of that is not long enough.
        assert {r["verdict"] for r in stalls(stage)} <= {"syn-no-answer", "app-not-reading", "dropped-here",
                                                         "retransmitting"}
        stage.cure()
        time.sleep(1)
        assert not stalls(stage, "--over", "100ms"), stalls(stage, "--over", "100ms")
    finally:
        stage.end()


def there(here):
    """verdict -> how many, the port of the service, others that wait for it."""
    return {
        "syn-no-answer": (1, here["drops"], 0),
        "dropped-here": (1, here["refused"], 0),		# the SYN
        "syn-ack-no-answer": (1, here["asked"], 0),
        "accept-waiting": (2, here["full"], 2),		# two final ACKs were ignored for it
        "zero-window-peer": (1, here["window"], 0),
        "keepalive-unanswered": (1, here["keepalive"], 0),
        "orphan": (1, here["orphan"], 0),
        "peer-not-closing": (1, here["open"], 0),
    }


def test_stalls_at_a_peer_and_in_queues():
    stage = Stage("stall_scenes.py")
    try:
        want = there(stage.here)
        while True:
            rows = {r["verdict"]: r for r in stalls(stage, "--over", "1s")}
            got = {v: (r["count"], (r["local"] if r["role"] == "server" else r["peer"])["port"],
                       r.get("others_waiting", 0)) for v, r in rows.items()}
            age = (time.monotonic() - stage.begun) * 1e9
            if got == want or time.monotonic() - stage.begun > PATIENCE:
                break
            time.sleep(0.3)
        assert got == want, (got, want)
        for r in rows.values():
            assert r["verdict"] == "orphan" or r["process"]["pid"] == stage.here["pid"], r
            assert OVER_NS <= r["oldest_ns"] < age + 1e9, (r, age)
        assert "process" not in rows["orphan"], rows
        # Beginning with 1 s, it is given up after tcp_syn_retries: 127 s, or 131 s with linear ones.
        syn = rows["syn-no-answer"]
        total = (syn["oldest_ns"] + syn["evidence"]["gives_up_ns"]) / 1e9
        assert 126 < total < 134, (total, syn)
        assert syn["evidence"]["interface"] == "v0" and syn["evidence"]["local_drop"] is False, syn
        # Nothing came of it yet: not "since the machine was started".
        assert not [name for name in syn["evidence"] if name.endswith("_ago")], syn
        assert syn["evidence"]["neighbour"] in ("REACHABLE", "STALE", "DELAY", "PROBE"), syn
        assert rows["accept-waiting"]["evidence"]["accept_queue"] == {"length": 2, "limit": 1}, rows
        alone = {r["verdict"] for r in stalls(stage, "--over", "10m,syn=1s")}
        assert alone == {"syn-no-answer", "dropped-here", "syn-ack-no-answer", "keepalive-unanswered"}, alone
        stage.cure()
        cured = time.monotonic()
        while (left := stalls(stage, "--over", "100ms")) and time.monotonic() - cured < PATIENCE:
            time.sleep(0.3)
        assert not left, left
    finally:
        stage.end()


def test_events_of_what_begins_and_is_over():
    stage = Stage("stall_scenes.py")
    tracer = Tracer("-o", "json", "-e", "stall", "--over", "1s", "--netns", str(stage.here["netns"]))
    first_look = (time.monotonic() - stage.begun) * 1e9
    try:
        want = there(stage.here)

        def told(phase):
            return {r["tcptrail"]["verdict"]: r for r in of(tracer.records(), "stall")
                    if r["tcptrail"]["phase"] == phase}

        tracer.wait_for(lambda: set(told("start")) == set(want))
        for verdict, r in told("start").items():
            end = r["destination"]	# of the connection: the service
            assert (r["tcptrail"]["count"], end["port"], r["tcptrail"].get("others_waiting", 0)) == want[verdict], r
            assert verdict == "orphan" or r["process"]["pid"] == stage.here["pid"], r
            assert r["event"]["kind"] == "alert" and r["tcptrail"]["advice"], r
            # Some need a second retransmission, or probe, before they are one.
            assert OVER_NS <= r["event"]["duration"] < max(2 * OVER_NS, first_look) + 5e9, r
        stage.cure()
        tracer.wait_for(lambda: set(told("end")) == set(want))
        assert tracer.end() == 0, tracer.stderr()
        stalls_told = of(tracer.records(), "stall")
        assert len(stalls_told) == 2 * len(want), stalls_told
    finally:
        if tracer.process.poll() is None:
            tracer.process.kill()
        stage.end()


def test_an_orphan_has_the_owner_that_was_traced():
    stage = Stage("orphan_stage.py")
    tracer = Tracer("-o", "json", "-e", "stall", "--over", "1s", "--netns", str(stage.here["netns"]))
    try:
        assert stage.tell() == "closed"

        def told(phase):
            return [r for r in of(tracer.records(), "stall") if r["tcptrail"]["phase"] == phase and
                    r["tcptrail"]["verdict"] == "orphan"]

        tracer.wait_for(lambda: told("start"))
        start, = told("start")
        assert start["process"]["pid"] == stage.here["pid"], start
        assert start["tcptrail"]["owner_source"] == "connect", start
        stage.cure()
        tracer.wait_for(lambda: told("end"))
        assert tracer.end() == 0, tracer.stderr()
    finally:
        if tracer.process.poll() is None:
            tracer.process.kill()
        stage.end()


def test_a_neighbour_that_is_missing():
    stage = Stage("stall_scenes.py", "neighbour")
    try:
        while not (rows := stalls(stage, "--over", "1s")) and time.monotonic() - stage.begun < PATIENCE:
            time.sleep(0.3)
        # It waits in the queue of the neighbour, and none is sent again meanwhile.
        assert [r["verdict"] for r in rows] == ["dropped-here"], rows
        evidence = rows[0]["evidence"]
        assert (evidence["interface"], evidence["neighbour"]) == ("v0", "INCOMPLETE"), evidence
        text = subprocess.run([TCPTRAIL, "stalls", "--over", "1s", "--netns", str(stage.here["netns"])],
                              check=True, capture_output=True, text=True, timeout=30 * SLOW).stdout
        assert "10.98.0.77 does not answer there (INCOMPLETE)" in text, text
        assert "try: nobody has that address there" in text, text
    finally:
        stage.end()


def test_given_up_when_it_says():
    stage = Stage("stall_scenes.py", "given-up")
    try:
        told, last = {}, {}
        while len(told) < 4 or any(time.monotonic() < end + 1 for end in told.values()):
            rows = stalls(stage, "--over", "1s")
            now = time.monotonic()
            assert now - stage.begun < 4 * PATIENCE, (told, last, rows)
            for r in rows:
                last[r["verdict"]] = now
                told.setdefault(r["verdict"], now + r["evidence"]["gives_up_ns"] / 1e9)
            time.sleep(0.1)
        assert set(told) == {"syn-ack-no-answer", "orphan", "zero-window-peer", "keepalive-unanswered"}, told
        # The last look that saw it, and how long a look takes.
        late = {verdict: last[verdict] - end for verdict, end in told.items()}
        assert all(-1 * SLOW < d < 0.5 * SLOW for d in late.values()), late
        return ", ".join(f"{verdict} {d:+.1f} s" for verdict, d in late.items())
    finally:
        stage.end()


def test_because_of_a_queue_that_is_full():
    """Where nobody waits in it for too long it has no row, and is the reason all the same."""
    stage = Stage("stall_scenes.py", "crowd")
    try:
        begun = time.monotonic()
        while not (rows := stalls(stage, "--over", "accept=10m,syn=1s")) and time.monotonic() - begun < PATIENCE:
            time.sleep(0.3)
        row, = rows
        assert (row["verdict"], row["peer"]["port"]) == ("syn-no-answer", stage.here["full"]), row
        queue = f"full accept queue of python3[{stage.here['pid']}]"
        assert row["because"] == queue and "tcptrail listeners" in row["try"], row
        row, = stalls(stage, "--over", "1s")
        assert (row["verdict"], row["count"], row["others_waiting"]) == ("accept-waiting", 2, 1), row
        assert "because" not in row, row
        text = subprocess.run([TCPTRAIL, "check", "--over", "accept=10m,syn=1s", "--netns", str(stage.here["netns"])],
                              check=False, capture_output=True, text=True, timeout=30 * SLOW).stdout.splitlines()
        assert f":{stage.here['full']} python3" in text[0] and text[1].startswith("WARN   "), text
        assert f"; because {queue}" in text[1], text
    finally:
        stage.end()


def kept_back(here):
    """The port of the service -> where this host dropped what it waits for, and the reason."""
    return {
        here["out"]: ("out", "NETFILTER_DROP"),
        here["in"]: ("in", "NETFILTER_DROP"),
        here["strict"]: ("in", "IP_RPFILTER"),
        here["looped"]: ("loopback", "NETFILTER_DROP"),
        here["data"]: ("out", "NETFILTER_DROP"),
        here["queue"]: ("out", "QDISC_DROP"),
    }


def test_why_this_host_drops_it():
    """Seen where a segment is sent again while it is looked: twice within the time of a look here."""
    stage = Stage("stall_scenes.py", "kept-back")
    try:
        want, seen = kept_back(stage.here), {}
        while seen != want and time.monotonic() - stage.begun < 3 * PATIENCE:
            rows = stalls(stage, "--over", "1s", "-i", "1", "-c", "4")
            seen.update({r["peer"]["port"]: (r["evidence"]["drop"]["where"], r["evidence"]["drop"]["reason"])
                         for r in rows if "drop" in r["evidence"]})
            assert all(r["verdict"] == "dropped-here" for r in rows if "drop" in r["evidence"]), rows
        assert seen == want, (seen, want, rows)
        text = subprocess.run([TCPTRAIL, "stalls", "--over", "1s", "-i", "1", "-c", "4", "-q", "--netns",
                               str(stage.here["netns"]), "--rport", str(stage.here["in"])],
                              check=True, capture_output=True, text=True, timeout=30 * SLOW).stdout
        assert "; the SYN-ACK is dropped on its way in: NETFILTER_DROP" in text, text
        assert "try: a rule of this host drops it: nft list ruleset" in text, text
    finally:
        stage.end()


def test_events_say_why_this_host_drops_it():
    """From the first on: none is told as not answered."""
    stage = Stage("stall_scenes.py", "kept-back")
    tracer = Tracer("-o", "json", "-e", "stall", "--over", "1500ms", "--netns", str(stage.here["netns"]))
    try:
        want = kept_back(stage.here)

        def told():
            drops = {r["destination"]["port"]: (r["tcptrail"]["verdict"], r["tcptrail"]["evidence"].get("drop", {}))
                     for r in of(tracer.records(), "stall") if r["tcptrail"]["phase"] == "start"}
            return {port: (drop.get("where"), drop.get("reason")) for port, (verdict, drop) in drops.items()
                    if verdict == "dropped-here"}

        tracer.wait_for(lambda: told() == want)
        assert len(of(tracer.records(), "stall")) == len(want), tracer.text()
        assert tracer.end() == 0, tracer.stderr()
    finally:
        if tracer.process.poll() is None:
            tracer.process.kill()
        stage.end()


def both_namespaces(stage):
    return "( netns {netns} or netns {peer_netns} )".format(**stage.here)


def of_both_ends(stage, over, where=""):
    out = subprocess.run([TCPTRAIL, "stalls", "-o", "json", "--over", over, both_namespaces(stage) + where],
                         check=True, capture_output=True, text=True, timeout=30 * SLOW).stdout
    return valid("stalls", [json.loads(line) for line in out.splitlines()])


def owned(rows):
    """Verdict, owner, role, port of the service, how many, others that wait for it."""
    return sorted((r["verdict"], r.get("process", {}).get("pid", 0), r["role"],
                   (r["local"] if r["role"] == "server" else r["peer"])["port"], r["count"],
                   r.get("others_waiting", 0)) for r in rows)


def wait_until_owned(want, stage, over="1s", where=""):
    """The rows, when they are these."""
    begun = time.monotonic()
    while owned(rows := of_both_ends(stage, over, where)) != want and time.monotonic() - begun < PATIENCE:
        time.sleep(0.3)
    assert owned(rows) == want, (owned(rows), want)
    return {r["verdict"]: r for r in rows}


def hears_nothing(place):
    stage = Stage("stall_ends.py", "deaf", place)
    try:
        here = stage.here
        want = [("fin-not-acked", here["pid"], "client", here["closes"], 1, 0),
                ("retransmitting", here["peer"], "server", here["sends"], 1, 0),
                ("send-buffer-full", here["pid"], "client", here["fills"], 1, 0)]
        rows = wait_until_owned(want, stage)
        age = (time.monotonic() - stage.begun) * 1e9
        for r in rows.values():
            assert OVER_NS <= r["oldest_ns"] < age + 1e9, (r, age)
        for verdict in "fin-not-acked", "retransmitting":
            evidence = rows[verdict]["evidence"]
            assert evidence["local_drop"] is False and evidence["unacked"] == 1, rows[verdict]
        buffer = rows["send-buffer-full"]["evidence"]["send_buffer"]
        assert buffer["used"] >= buffer["limit"], rows
        for pid in here["pid"], here["peer"]:
            wait_until_owned([w for w in want if w[1] == pid], stage, where=f" and pid {pid}")
        stage.cure()
        wait_until_owned([], stage, "100ms")
    finally:
        stage.end()


def test_a_peer_that_hears_nothing():
    """Where both ends are in one namespace, and where the other one is in another."""
    hears_nothing("one")
    hears_nothing("two")


def final_acks(place):
    stage = Stage("stall_ends.py", "full", place)
    try:
        here = stage.here
        # The client that sends waits for the same, but what it waits for is in another namespace.
        others = 1 if place == "one" else 0
        alone = [("retransmitting", here["pid"], "client", here["full"], 1, 0)]
        sends = alone * (1 - others)
        rows = wait_until_owned([("accept-waiting", here["peer"], "server", here["full"], 2, 2 + others)] + sends,
                                stage)
        assert rows["accept-waiting"]["evidence"]["accept_queue"] == {"length": 2, "limit": 1}, rows
        # A filter that leaves out what it waits for does not hide the client.
        for where in f" and pid {here['pid']}", " and verdict retransmitting":
            wait_until_owned(alone, stage, where=where)
        assert stage.tell() == "accepted"
        rows = wait_until_owned([("final-ack-ignored", here["peer"], "server", here["full"], 2, others)] + sends,
                                stage)
        row = rows["final-ack-ignored"]
        assert row["evidence"]["accept_queue"] == {"length": 0, "limit": 1}, row
        assert row["evidence"]["retransmits"] and row["netns"] == here["peer_netns"], row
        stage.cure()
        wait_until_owned([], stage, "100ms")
    finally:
        stage.end()


def test_final_acks_ignored_by_a_full_queue():
    """With those that nobody accepts while there are any; on their own when there is room again."""
    final_acks("one")
    final_acks("two")


def stamp(record):
    return datetime.datetime.fromisoformat(record["@timestamp"][:26] + "+00:00").timestamp()


def need_few_files():
    """Of the whole host: where a look takes more than 1 % of a second, looks are further apart."""
    with open("/proc/sys/fs/file-nr", encoding="ascii") as f:
        files = int(f.read().split()[0])
    if files > 5000:
        raise Skip(f"{files} files are open on this host")


def test_events_come_in_time():
    """The begin a threshold and 2 s after it began, at most, the end 2 s after it ended: there is a
    look each second."""
    need_few_files()
    stage = Stage("stall_ends.py", "timed", "two")
    tracer = Tracer("-o", "json", "-e", "stall", "--over", "1s", both_namespaces(stage))
    late = []

    def comes(verdict, phase, since):
        def told():
            return [r for r in of(tracer.records(), "stall")
                    if (r["tcptrail"]["verdict"], r["tcptrail"]["phase"]) == (verdict, phase)]

        tracer.wait_for(told)
        now, (record,) = time.time(), told()
        if now > since + 2 * SLOW:
            need_few_files()
        # The kernel counts in ticks, of up to 10 ms; and who cures it looks at the clock after that.
        assert since - 0.05 <= stamp(record) <= now <= since + 2 * SLOW, (since, now, record)
        late.append(stamp(record) - since)
        return record

    try:
        for verdict, owner in ("syn-no-answer", "pid"), ("accept-waiting", "peer"):
            begun = float(stage.tell())
            start = comes(verdict, "start", begun + 1)
            assert start["process"]["pid"] == stage.here[owner], start
            assert abs(stamp(start) - start["event"]["duration"] / 1e9 - begun) < 0.5 * SLOW, (start, begun)
            cured = float(stage.tell())
            comes(verdict, "end", cured)
        assert tracer.end() == 0, tracer.stderr()
        assert len(of(tracer.records(), "stall")) == 4, tracer.text()
        return f"{max(late):.1f} s late at most"
    finally:
        if tracer.process.poll() is None:
            tracer.process.kill()
        stage.end()


# From two minutes on with the thresholds as they are, and with 50,000 in TIME-WAIT.
HEALTHY_SECONDS = int(os.environ.get("HEALTHY_SECONDS", "9"))


def time_waits(pid):
    """Of its namespace, as the kernel counts them."""
    with open(f"/proc/{pid}/net/sockstat", encoding="ascii") as f:
        words = f.read().split()
    return int(words[words.index("tw") + 1])


def test_nothing_of_healthy_connections():
    long = HEALTHY_SECONDS >= 120
    over = () if long else ("--over", "4s")
    # A guest is for the path of 300 ms, which not every kernel can make; and slow.
    many = long and "TCPTRAIL_TEST_GUEST" not in os.environ
    stage = Stage("stall_healthy.py", *(["many"] if many else []))
    tracer = Tracer("-o", "json", "-e", "stall", *over, "--netns", str(stage.here["netns"]))
    try:
        rows, waits, end = [], 0, time.monotonic() + HEALTHY_SECONDS
        while not rows and time.monotonic() < end:
            time.sleep(min(9, max(0.1, end - time.monotonic())))
            rows = stalls(stage, *over)
            waits = max(waits, time_waits(stage.here["pid"]))
        assert tracer.end() == 0, tracer.stderr()
        assert not rows, rows
        told = of(tracer.records(), "stall")
        assert not told, told
        assert waits > (40000 if many else 100 // SLOW), "nothing happened: this tested nothing"
        return f"{waits} in TIME-WAIT, " + ("300 ms away" if stage.here["far"] else "not far away")
    finally:
        if tracer.process.poll() is None:
            tracer.process.kill()
        stage.end()


def test_growth_of_a_leak():
    """12 in CLOSE-WAIT, looked at for longer than the ten seconds that growth takes."""
    stage = Stage()
    try:
        time.sleep(1.2)
        out = subprocess.run([TCPTRAIL, "stalls", "-o", "json", "--over", "1s", "-i", "6s", "-c", "3", "--netns",
                              str(stage.here["netns"])], check=True, capture_output=True, text=True, timeout=60 * SLOW)
        leaks = [r for r in map(json.loads, out.stdout.splitlines()) if r["verdict"] == "close-wait"]
        assert len(leaks) == 3 and "growth_per_min" not in leaks[0], leaks
        assert leaks[2]["growth_per_min"] == 0, leaks
        with open(f"/proc/{stage.here['pid']}/limits", encoding="ascii") as f:
            soft = next(int(line.split()[3]) for line in f if line.startswith("Max open files"))
        open_files = len(os.listdir(f"/proc/{stage.here['pid']}/fd"))
        assert leaks[2]["limit"] == {"name": "open-files", "use": open_files, "value": soft}, leaks
    finally:
        stage.end()


def test_text_and_the_agreement_with_ss():
    stage = Stage()
    try:
        time.sleep(2.5)
        out = subprocess.run([TCPTRAIL, "stalls", "--over", "1s", "--netns", str(stage.here["netns"])],
                             check=True, capture_output=True, text=True, timeout=30 * SLOW).stdout
        lines = out.splitlines()
        assert lines[0].startswith("VERDICT") and " stuck; " in lines[-1], out
        assert sum(line.startswith("  try: ") for line in lines) == (len(lines) - 2) / 2, out
        listed = subprocess.run(["nsenter", "-t", str(stage.here["pid"]), "-n", "ss", "-tnH", "state",
                                 "close-wait", "sport", "=", f":{stage.here['listener']}"],
                                check=True, capture_output=True, text=True).stdout
        # ss has the one whose FIN is unread among them.
        row = next(line for line in lines if line.startswith("close-wait "))
        assert int(row.split()[1]) == len(listed.splitlines()) - 1, (row, listed)
    finally:
        stage.end()


def test_wrong_options():
    for args in (["--over", "0"], ["--over", "soon"], ["-e", "state"], ["--each=1"]):
        out = subprocess.run([TCPTRAIL, "stalls", *args], capture_output=True, text=True, timeout=30 * SLOW,
                             check=False)
        assert out.returncode == 2 and out.stderr.count("\n") == 1 and not out.stdout, (args, out)


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
