#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Long runs with rsyslog behind them (make soak), short ones for CI:

    EVENTS        through trace -o json, a rotated file and rsyslog (10,000,000)
    ROTATE        lines of a file (100,000)
    RESTARTS      of rsyslog meanwhile (10)
    STOP_SECONDS  that rsyslog is stopped at the other end of a pipe (10)
    KILLS         of tcptrail by SIGKILL (20)

One machine bears tracer, load and rsyslog: connections are made as fast as rsyslog
takes what is told of them."""
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from collectors import Logrotate, Skip, Tracer, Work, load, rsyslog, settled, tail, tracer, until

EVENTS = int(os.environ.get("EVENTS", "10000000"))
ROTATE = int(os.environ.get("ROTATE", "100000"))
RESTARTS = int(os.environ.get("RESTARTS", "10"))
STOP_SECONDS = float(os.environ.get("STOP_SECONDS", "10"))
KILLS = int(os.environ.get("KILLS", "20"))
BATCH = 2000            # connections: what the ring holds (16 MiB) even if nobody reads meanwhile

# rsyslog has parsed the line: what it says of itself, and not all of it 10 million times.
SHORT = ('string="%msg%\\n"', 'string="%$!agent!ephemeral_id% %$!event!sequence% %$!event!action%\\n"')


class Collected:
    """What rsyslog wrote: which sequence numbers came, how often; read as it grows."""

    def __init__(self, path):
        self.path, self.at, self.rest = path, 0, b""
        self.seen, self.twice, self.streams = bytearray(), 0, set()

    def read(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.at)
                data = self.rest + f.read()
                self.at = f.tell()
        except FileNotFoundError:
            return len(self)
        lines = data.split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            stream, sequence, _ = line.split(b" ")
            self.streams.add(stream)
            n = int(sequence)
            if n >= len(self.seen):
                self.seen.extend(bytes(n - len(self.seen) + 1000000))
            self.twice += self.seen[n]
            self.seen[n] = 1
        return len(self)

    def __len__(self):
        return sum(self.seen) if len(self.seen) < 1000000 else self.seen.count(1)

    def missing(self, last):
        return [n for n in range(1, last + 1) if n >= len(self.seen) or not self.seen[n]]


class Written:
    """Lines of the file as it grows, over its rotations."""

    def __init__(self, work):
        self.work, self.file, self.lines, self.of_file, self.last = work, None, 0, 0, b""
        self.open()

    def open(self):
        until(lambda: os.path.exists(self.work.trail), "the new file")
        self.file, self.of_file = open(self.work.trail, "rb"), 0

    def read(self):
        while data := self.file.read(1 << 20):
            n = data.count(b"\n")
            self.lines += n
            self.of_file += n
            self.last = (self.last + data)[-5000:]
        return self.lines

    def rotated(self):
        """The old one's rest: tcptrail has left it when there is a new one."""
        old = self.file
        self.open()
        self.file, new = old, self.file
        self.read()
        old.close()
        self.file, self.of_file = new, 0


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def flat(samples, seconds):
    """Of (time, bytes): growth after the first minute, in which TIME-WAITs pile up."""
    settled = [b for t, b in samples if t - samples[0][0] > 60] or [samples[-1][1]]
    grown = max(settled) - settled[0]
    # Huge pages of buffers that are touched late, 2 MiB each.
    assert grown <= 8 << 20, f"{grown >> 20} MiB in {seconds:.0f} s"
    return grown


def catch_up(written, collected, lines):
    """As long as it comes nearer."""
    while (before := collected.read()) < lines:
        try:
            until(lambda: collected.read() > before, "more is collected")
        except AssertionError as why:
            missing = collected.missing(written.lines)
            raise AssertionError(f"{len(missing)} of {written.lines} missing, {missing[0]} to {missing[-1]}") from why


def test_soak_rotated_file():
    """Received is what was made, and nothing was lost, over rotations and restarts."""
    with Work() as work:
        daemon = rsyslog(work, "rsyslog/tcptrail-file.conf", replace=[SHORT])
        trail = tail(work)
        rotation = Logrotate(work, trail, replace=[("\tcompress\n", ""), ("\tdelaycompress\n", "")])
        written, collected = Written(work), Collected(work.at("tcptrail-collected.ndjson"))
        samples, begun, batches, restarts, rotations = [], time.monotonic(), 0, 0, 0
        deadline = begun + max(120, EVENTS / 5000)
        try:
            while written.read() < EVENTS:
                assert time.monotonic() < deadline, f"{written.lines} lines in {deadline - begun:.0f} s"
                samples.append((time.monotonic(), resident(trail.process.pid)))
                load("-n", BATCH)
                batches += 1
                # At least ten lines each: tcptrail is not two batches behind, however slow the machine.
                until(lambda: written.read() >= 10 * BATCH * (batches - 1), "tcptrail keeps up")
                if written.read() >= (restarts + 1) * EVENTS // (RESTARTS + 1):
                    daemon.stop()
                    load("-n", BATCH)
                    daemon.start()
                    restarts += 1
                if written.of_file >= ROTATE:
                    # The file before this one has to be read: its name is about to go.
                    catch_up(written, collected, written.read() - written.of_file)
                    rotation.rotate()
                    written.rotated()
                    rotations += 1
            took = time.monotonic() - begun
            assert trail.end() == 0, trail.stderr()
            written.read()
            catch_up(written, collected, written.lines)
        finally:
            trail.end()
            daemon.stop()
        collected.read()
        stop = json.loads(written.last.splitlines()[-1])
    totals = stop["tcptrail"]["totals"]
    assert stop["event"]["action"] == "stop" and stop["event"]["sequence"] == written.lines
    assert not collected.missing(written.lines), collected.missing(written.lines)[:10]
    assert collected.streams == {stop["agent"]["ephemeral_id"].encode()}
    lost = totals["lost"]
    # Missed is of the whole host. One kernel (README) skips every BPF program at times.
    assert lost["total"] == lost["missed"] <= written.lines // 1000, totals
    grown = flat(samples, took)
    return (f"{written.lines:,} lines in {took:.0f} s, {rotations} rotations, {restarts} restarts, 0 missing, "
            f"{collected.twice} twice, {lost['total']} lost; {samples[-1][1] >> 20} MiB, {grown >> 10} KiB more than after a minute")


def refused(n):
    """Failures while nobody reads: each an error, a reset and a failed connection."""
    for _ in range(n):
        try:
            socket.create_connection(("127.0.0.1", 1)).close()
        except ConnectionRefusedError:
            pass
        time.sleep(STOP_SECONDS / n / 2)


PROBLEMS = 200


def stopped_reader(*kinds):
    """What was told meanwhile and after, and what each batch was."""
    with Work() as work:
        daemon = rsyslog(work, "rsyslog/tcptrail-program.conf")
        trail = None
        try:
            until(lambda: os.path.exists(work.at("run/rsyslog.sock")), "the socket: " + daemon.said())
            with socket.socket(socket.AF_UNIX) as out:
                out.connect(work.at("run/rsyslog.sock"))
                trail = Tracer("-q", "-o", "json", "--pid", str(os.getpid()), *kinds, stdout=out.fileno(), wait=False)
                until(work.collected, "the start record")
            daemon.process.send_signal(signal.SIGSTOP)
            until_time = time.monotonic() + STOP_SECONDS
            problems = threading.Thread(target=refused, args=(PROBLEMS,))
            problems.start()
            truths = []
            while time.monotonic() < until_time or len(truths) < 8:
                truths.append(load("-n", BATCH))
            problems.join()
            daemon.process.send_signal(signal.SIGCONT)
            # After a signal the reader has 2 s: it gets the time to catch up before.
            settled(work.at("tcptrail-collected.ndjson"))
            assert trail.end() == 0, trail.stderr()
            until(lambda: any(b'"action":"stop"' in line for line in work.collected()[-50:]), "the stop record")
        finally:
            daemon.process.send_signal(signal.SIGCONT)
            if trail:
                trail.end()
            daemon.stop()
        # rsyslog promises no order.
        return sorted(map(json.loads, work.collected()), key=lambda r: r["event"]["sequence"]), truths


def kernels(records, namespaces):
    """Those of the kernel side: the end of a TIME-WAIT is polled, its number is not known."""
    return sum(r["tcptrail"].get("netns") in namespaces and r["tcptrail"].get("from") != "time_wait" for r in records)


def made_by_a_batch():
    """With a reader that reads. One of which the kernel skipped a part (README, "Nothing is
    lost silently") says nothing."""
    for _ in range(5):
        calm = Tracer("-q", "-o", "json", "--pid", str(os.getpid()))
        truth = load("-n", BATCH)
        assert calm.end() == 0, calm.stderr()
        records = calm.records()
        lost = records[-1]["tcptrail"]["totals"]["lost"]
        assert lost["total"] == lost["missed"], lost
        if not lost["total"]:
            return kernels(records, {truth["netns"]})
    raise AssertionError(lost)


def account(records, truths, each, silent, problems):
    """`each`: what is told of a batch; 0: the tracer's own count of what it made is to be
    met. `silent`: records of the kernel side that a connection may have and nobody is told."""
    stop = records[-1]["tcptrail"]["totals"]
    numbers = [r["event"]["sequence"] for r in records]
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    assert not missing, f"{len(missing)} of {max(numbers)} missing: {missing[:5]} to {missing[-1]}"
    stream = ("start", "heartbeat", "lost", "stop")
    events = [r for r in records if r["event"]["action"] not in stream]
    assert len(events) == stop["printed"], (len(events), stop)
    if each:
        received, made = kernels(events, {t["netns"] for t in truths}), each * len(truths)
    else:
        received, made = len(events), stop["made"]
    lost = stop["lost"]
    assert lost["ring"] > 0 and lost["output"] == lost["malformed"] == 0, stop
    assert sum(r["tcptrail"]["lost"]["total"] for r in tracer.of(records, "lost")) == lost["total"], stop
    counted = lost["total"] if each else lost["ring"]
    assert made <= received + counted <= made + silent * BATCH * len(truths), f"{received} + {counted} != {made}; {stop}"
    errors = sum(r["tcptrail"]["count"] for r in tracer.of(events, "error") if r["error"]["code"] == "ECONNREFUSED")
    failed = [r for r in tracer.of(events, "connection")
              if r["event"].get("outcome") == "failure" and r["destination"].get("port") == 1]
    assert (errors, len(failed)) == (problems, problems), (errors, len(failed))
    return f"{made:,} made, {received:,} received, {lost['total']:,} lost; {problems} failures, none lost"


def test_soak_stopped_reader():
    """What is not received is counted as lost; nothing of what went wrong is lost."""
    # A FIN-WAIT-2 that ends in a mini-socket: one record of two is told.
    each = made_by_a_batch()
    return account(*stopped_reader(), each=each, silent=1, problems=PROBLEMS)


def test_soak_stopped_reader_exact():
    """Of a kind that the kernel side makes one record of for each told: to the record."""
    return account(*stopped_reader("-e", "accept", "--ring-size", "256K"), each=0, silent=0, problems=0)


def there():
    """Ids of the kernel's programs, links and maps."""
    ids = set()
    for what in "prog", "link", "map":
        out = subprocess.run(["bpftool", "-j", what, "list"], capture_output=True, text=True)
        if out.returncode:
            raise Skip("bpftool does not list them here: " + out.stderr.strip())
        ids |= {(what, x["id"]) for x in json.loads(out.stdout)}
    return ids


def held_by(pid):
    """Those that a process has open: other tracers may come and go on this machine."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
                ids |= {(m[1], int(m[2])) for m in map(HELD.match, f) if m}
        except OSError:
            pass
    return ids


HELD = re.compile(r"(prog|link|map)_id:\s*(\d+)")


def test_soak_kill_9():
    """At any moment, from the start on: nothing stays attached."""
    there()
    seen = 0
    for i in range(KILLS):
        process = subprocess.Popen([tracer.TCPTRAIL, "-o", "json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.Random(i).uniform(0, 2.5))
        held = held_by(process.pid)
        assert not held or held & there()
        seen += any(what == "prog" for what, _ in held)
        process.kill()
        process.wait()
        until(lambda: not held & there(), "the kernel has let go of all")
    assert seen, "no kill came after the attach"
    return f"{KILLS} kills, {seen} of them with programs attached"


if __name__ == "__main__":
    sys.exit(tracer.run([v for k, v in list(globals().items()) if k.startswith("test_soak_")], "collectors"))
