#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""10,000 short connections as fast as the machine can: 20,000 cookies, each with
exactly the expected sequence, none twice, and what is missing is counted."""
import collections
import json
import os
import signal
import socket
import subprocess
import sys
import time

from tracer import Held, SLOW, Skip, TCPTRAIL, Tracer, load, of, run

STAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "takeover_stage.py")

CONNECTIONS = int(os.environ.get("CONNECTIONS", "10000"))
RUNS = int(os.environ.get("RUNS", "3"))

# From, to. The client closes first; the end of its TIME-WAIT may or may not come
# within the run.
CLIENT = ["closed syn_sent", "syn_sent established", "established fin_wait_1",
          "fin_wait_1 fin_wait_2", "fin_wait_2 time_wait"]
SERVER = ["syn_received established", "established close_wait", "close_wait last_ack",
          "last_ack closed"]
# fentry sees the request too
SERVER_FENTRY = ["listen syn_received"] + SERVER
LISTENER = ["closed listen", "listen closed"]


def sequences(records, truth):
    """cookie -> its steps, in order."""
    steps = collections.defaultdict(list)
    for r in of(records, "state", truth["netns"]):
        t = r["tcptrail"]
        step = f"{t['from']} {r['network']['connection']['state']}"
        if step != "time_wait closed":
            steps[t["cookie"]].append((step, t))
    return steps


def expect(steps, truth, totals):
    """What is wrong, and how much of it the tracer itself found."""
    wrong, gaps, kinds = [], 0, collections.Counter()
    for cookie, told in steps.items():
        sequence = [s for s, _ in told]
        gaps += sum(len(t.get("missed", [])) for _, t in told)
        if told[0][1].get("first_seen_late"):
            gaps += next((s.index(sequence[0]) for s in (CLIENT, SERVER) if sequence[0] in s), 0)
            continue
        if sequence in (CLIENT, SERVER, SERVER_FENTRY, LISTENER):
            kinds[len(sequence)] += 1
        elif not any(t.get("missed") for _, t in told):
            wrong.append((cookie, sequence))
        if len(set(sequence)) != len(sequence):
            wrong.append((cookie, "twice", sequence))
    return wrong, gaps, kinds


def owners(steps, truth):
    """pid and comm are the test's own, on every transition."""
    for cookie, told in steps.items():
        role = told[0][1]["role"]
        for step, t in told:
            assert t.get("owner_source"), (cookie, step, t)
        assert role in ("client", "server", "listener"), (cookie, told)


# Where no hook tells TIME-WAIT, a poll a second does: two looks at most.
SETTLE = 4


def once(*args):
    tracer = Tracer("-o", "json", "-e", "state")
    held = Held("-n", CONNECTIONS, *args)
    truth = held.truth
    time.sleep(SETTLE)
    held.end()
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    stop = of(records, "stop")[0]["tcptrail"]["totals"]
    steps = sequences(records, truth)
    wrong, gaps, kinds = expect(steps, truth, stop)
    return truth, steps, wrong, gaps, kinds, stop


def skips_programs():
    """The kernel of the development machine calls no BPF program at all for some whole
    NAPI polls, in no miss counter, while ftrace has them: README, "Nothing is lost
    silently". On Debian's 6.1 and 6.12 the scenarios demand that nothing is lost."""
    return os.uname().release.startswith("6.18.")


def exact(*args):
    notes = []
    for _ in range(RUNS):
        truth, steps, wrong, gaps, kinds, totals = once(*args)
        lost = totals["lost"]
        assert not lost["total"] or skips_programs(), totals
        assert not lost["total"] - lost["missed"], totals
        # Each one that is short was found by the tracer itself, and nothing else is wrong.
        assert len(wrong) <= lost["missed"] <= CONNECTIONS / 100, (len(wrong), wrong[:3], totals)
        assert len(steps) == 2 * CONNECTIONS + 1, (len(steps), kinds, totals)
        owners(steps, truth)
        notes.append(f"recovered {totals['recovered']}, gaps {totals['gaps']}, lost {lost['missed']}")
    return "; ".join(notes)


def test_short_behind_a_stopped_tracer():
    """More in the ring than it takes at a time, when it is told to end: all of it is told,
    each with its port, which for half of them only a later record says."""
    tracer = Tracer("-o", "json", "-e", "state", "--ring-size", "64M")
    tracer.process.send_signal(signal.SIGSTOP)
    held = Held("-n", CONNECTIONS)
    truth = held.truth
    time.sleep(1)   # the last of them are closed
    tracer.process.send_signal(signal.SIGINT)
    tracer.process.send_signal(signal.SIGCONT)
    assert tracer.end() == 0, tracer.stderr()
    held.end()
    records = tracer.records()
    steps = sequences(records, truth)
    totals = of(records, "stop")[0]["tcptrail"]["totals"]
    wrong, gaps, _ = expect(steps, truth, totals)
    wrong = [w for w in wrong if w[1] != LISTENER[:1]]  # it is held open
    assert len(wrong) <= totals["lost"]["total"] == totals["lost"]["missed"], (wrong[:3], totals)
    assert not totals["lost"]["total"] or skips_programs(), totals
    assert totals["lost"]["missed"] <= CONNECTIONS / 100, totals
    assert len(steps) == 2 * CONNECTIONS + 1, (len(steps), totals)
    nameless = [r for r in of(records, "state", truth["netns"])
                if r["tcptrail"]["role"] != "listener" and not r["source"].get("port")]
    assert not nameless, nameless[:2]
    return f"{len(records)} records, gaps {gaps}, lost {totals['lost']['missed']}"


def test_short_idle():
    return exact()


def test_short_loaded():
    """With both CPUs busy with something else."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(os.cpu_count())]
    try:
        return exact()
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def test_short_and_taken_over():
    """One port over and over: each connection takes over the TIME-WAIT of the one before,
    whatever a look at the sockets sees meanwhile, or does not see any more."""
    tracer = Tracer("-o", "json", "-e", "state")
    rounds = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        at = listener.getsockname()
        until = time.monotonic() + 6
        while time.monotonic() < until:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.1", at[1] - 1 if at[1] > 20000 else at[1] + 1))
            client.connect(at)
            server = listener.accept()[0]
            server.close()
            client.recv(1)
            client.close()
            rounds += 1
            time.sleep(0.0001)
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    lost = of(records, "stop")[0]["tcptrail"]["totals"]["lost"]["total"]
    ends = collections.Counter(
        r["tcptrail"]["cause"] for r in of(records, "state")
        if r["tcptrail"]["from"] == "time_wait" and r["tcptrail"]["role"] == "server"
        and r["destination"]["port"] == at[1])
    assert set(ends) <= {"time-wait-reused", "unknown"} and ends["unknown"] <= 1, ends
    assert ends["time-wait-reused"] >= rounds - 2 - lost, (rounds, ends, lost)
    return f"{rounds} connections, {dict(ends)}, lost {lost}"


def ends_of_time_wait(records, port):
    return [r["tcptrail"]["cause"] for r in of(records, "state") if r["tcptrail"]["from"] == "time_wait"
            and r["tcptrail"]["role"] == "server" and r["destination"]["port"] == port]


def test_short_and_taken_over_by_a_request():
    """Of which no hook of the tracepoint tier tells: a look at the sockets does."""
    tracer = Tracer("-o", "json", "-e", "state")
    stage = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", STAGE], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        port = json.loads(stage.stdout.readline())["port"]
        time.sleep(1.5 * SLOW)
        stage.stdin.write("\n")
        stage.stdin.flush()
        time.sleep(2.5 * SLOW)
        assert tracer.end() == 0, tracer.stderr()
    finally:
        stage.communicate()
    assert ends_of_time_wait(tracer.records(), port) == ["time-wait-reused"], tracer.text()


def test_short_and_gone_at_the_end():
    """Since the last look, and hooks that would tell who took its addresses are gone."""
    tracer = Tracer("-o", "json", "-e", "state")
    doctor = json.loads(subprocess.run([TCPTRAIL, "doctor", "-o", "json"], check=True, capture_output=True,
                                       text=True).stdout)
    if next(f["method"] for f in doctor["facts"] if f["fact"] == "TIME-WAIT left") != "poll":
        raise Skip("a hook tells the end of TIME-WAIT")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
        server.close()
        client.recv(1)
        client.close()
        tracer.wait_for(lambda: tracer.text().count("time_wait") >= 1)
        tracer.process.send_signal(signal.SIGSTOP)
        subprocess.run(["ss", "-K", "state", "time-wait", "sport", f"= :{port}"], check=True, capture_output=True)
        tracer.process.send_signal(signal.SIGINT)
        tracer.process.send_signal(signal.SIGCONT)
        assert tracer.end() == 0, tracer.stderr()
    ends = ends_of_time_wait(tracer.records(), port)
    assert ends in (["unknown"], ["time-wait-killed"]), ends
    return ends[0]


def test_short_behind_a_listener_without_a_port():
    """listen() without bind(), and more records of its connections than are taken at a
    time before its port is asked for: each has its owner."""
    tracer = Tracer("-o", "json", "-e", "state", "--ring-size", "64M")
    tracer.process.send_signal(signal.SIGSTOP)
    with socket.socket() as listener:
        listener.listen(4096)
        at = ("127.0.0.1", listener.getsockname()[1])
        for _ in range(600):
            client = socket.create_connection(at)
            server = listener.accept()[0]
            client.close()
            server.close()
    tracer.process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    assert tracer.end() == 0, tracer.stderr()
    told = [r for r in of(tracer.records(), "state")
            if r["tcptrail"]["role"] == "server" and r["destination"]["port"] == at[1]]
    bare = [r for r in told if r.get("process", {}).get("pid") != os.getpid()]
    assert len(told) >= 4 * 600 and not bare, (len(told), len(bare), bare[:1])


def test_short_resets():
    """Ended by RST: no TIME-WAIT, and the kinds that are bucketed do not crowd."""
    tracer = Tracer("-o", "json")
    truth = load("-n", CONNECTIONS, "-R")
    time.sleep(1.5)
    assert tracer.end() == 0, tracer.stderr()
    records = tracer.records()
    totals = of(records, "stop")[0]["tcptrail"]["totals"]
    assert totals["lost"]["total"] == 0, totals
    states = of(records, "state", truth["netns"])
    aborts = [r for r in states if r["tcptrail"]["cause"] == "abort-linger"]
    received = [r for r in states if r["tcptrail"]["cause"] == "rst-received"]
    assert len(aborts) == CONNECTIONS and len(received) == CONNECTIONS, \
        (len(aborts), len(received), totals)
    # Sums over `count` are exact: one reset sent and one received a connection.
    resets = of(records, "reset")
    mine = [r for r in resets if r.get("process", {}).get("pid") in
            (truth["client"], truth["server"])]
    sent = sum(r["tcptrail"]["count"] for r in mine if r.get("network", {}).get("direction") == "egress"
               or r["tcptrail"]["reset"]["direction"] == "sent")
    told = sum(1 for r in mine if r["tcptrail"]["count"] == 1)
    assert sent == CONNECTIONS, (sent, totals)
    assert told < 200, told
    return f"{sent} resets in {len(mine)} records"


def test_short_rps():
    """Softirqs of other CPUs. This kernel may not call BPF at all for some of
    the events: then the gap check finds them, and nothing is wrong unseen."""
    notes = []
    for _ in range(RUNS):
        truth, steps, wrong, gaps, kinds, totals = once("-r")
        owed = (len(CLIENT) + len(SERVER)) * CONNECTIONS
        told = sum(len(s) for s in steps.values()) - 2
        # Not one sequence is short that neither a gap nor a count tells.
        assert len(wrong) <= totals["lost"]["total"], (told, gaps, owed, wrong[:3], totals)
        notes.append(f"{owed - told} of {owed} not seen, {gaps} found by gaps, "
                     f"recovered {totals.get('recovered', 0)}, lost {totals['lost']['total']}")
    return "; ".join(notes)


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
