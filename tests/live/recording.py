#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""-w and -r: what is read is what was told, whatever happens to the writer or the file."""
import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from metrics import series, total
from tracer import LOAD, PATIENCE, TCPTRAIL, Skip, Tracer, load, of, run, valid

NOBODY = 65534
VIEWS = ("listeners", "stalls", "limits", "check")


def replay(*args, code=0, prefix=(), **popen):
    """Records, and standard error."""
    out = subprocess.run([*prefix, TCPTRAIL, *args, "-o", "json"], capture_output=True, timeout=60, **popen)
    assert out.returncode == code, (out.returncode, out.stderr)
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    return valid(args[0], rows) if args[0] in VIEWS else rows, out.stderr.decode()


def recorder(path, *args):
    """A tracer that is attached: its first block is written."""
    tracer = Tracer("-w", path, *args, wait=False)
    tracer.wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 1000)
    return tracer


def bare(record):
    """Without what is of the reading."""
    record = {**record, "event": {**record["event"]}}
    del record["agent"], record["event"]["sequence"]
    return record


def connects(records, truth):
    return len([r for r in of(records, "state", truth["netns"]) if r["tcptrail"]["cause"] == "connect"])


def test_recording_reads_as_the_live_trace():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = Tracer("-w", path, "-o", "json", "-e", "all", "--over", "1s")
        # Refused until what is accepted meanwhile is told with it.
        listening, _ = stage("listen_stage.py", "--backlog", "1", "--burst", "6", "--every", "0.3", "--never-accept")
        # In CLOSE-WAIT until it is told as a stall.
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = socket.create_connection(server.getsockname())
            held, _ = server.accept()
            peer.close()
            load("-n", 300)
            tracer.wait_for(lambda: '"action":"stall"' in tracer.text() and '"accepts":' in tracer.text())
            held.close()
        listening.communicate("\n")
        load("-n", 50, "-R")
        assert tracer.end() == 0, tracer.stderr()
        live = tracer.records()
        again, said = replay("-r", path, "-e", "all")
        start, recording = again[0]["tcptrail"], again[0]["tcptrail"].pop("recording")
        assert recording == {"version": 1, "ephemeral_id": live[0]["agent"]["ephemeral_id"]}
        assert start == live[0]["tcptrail"], (start, live[0])
        assert len(live) == len(again) > 350 * 10, (len(live), len(again), said)
        assert of(again, "stall") and of(again, "reset")
        for a, b in zip(live[1:], again[1:]):
            assert bare(a) == bare(b), (a, b)
        text = subprocess.run([TCPTRAIL, "-r", path, "-e", "all"], capture_output=True, check=True)
        lines = [line for line in text.stdout.splitlines() if not line.startswith(b" ")]
        assert len(lines) == len(live) - 1      # a header, no start and stop
    return f"{len(live)} records"


def test_recording_is_filtered_when_read():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path)
        truth = load("-n", 50)
        assert tracer.end() == 0
        mine = of(replay("-r", path, "--netns", str(truth["netns"]))[0], "state")
        port = mine[len(mine) // 2]["source"]["port"]
        chosen = of(replay("-r", path, "--port", str(port), "-e", "state")[0], "state", truth["netns"])
        assert chosen and all(port in (r["source"]["port"], r["destination"]["port"]) for r in chosen)
        first, last = mine[100]["@timestamp"], mine[-100]["@timestamp"]
        part = of(replay("-r", path, "--netns", str(truth["netns"]), "--since", first, "--until", last)[0], "state")
        assert [bare(r) for r in part] == [bare(r) for r in mine if first <= r["@timestamp"] < last]
        assert len(replay("-r", path, "-c", "7")[0]) == 9
        assert not of(replay("-r", path, "--until", "2001-01-01")[0], "state")


def test_recording_without_output_is_silent():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path)
        load("-n", 10)
        assert tracer.end() == 0
        assert tracer.text() == "" and "records in" in tracer.stderr()
        assert os.stat(path).st_mode & 0o777 == 0o600


def lost_of_recording(records):
    return sum(r["tcptrail"]["lost"].get("recording", 0) for r in of(records, "lost"))


def test_rotation_is_bounded_under_load():
    limit, count = 256 * 1024, 4
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path, "--rotate-size", str(limit), "--rotate-count", str(count))
        worst = 0
        busy = subprocess.Popen([LOAD, "-n", "4000"], stdout=subprocess.DEVNULL)
        while busy.poll() is None:
            sizes = []
            for part in glob.glob(path + "*"):
                try:
                    sizes.append(os.path.getsize(part))
                except FileNotFoundError:   # it was just renamed
                    pass
            worst = max(worst, *sizes)
            assert len(sizes) <= count, sizes
            time.sleep(0.01)
        assert tracer.end() == 0, tracer.stderr()
        assert worst <= limit
        names = sorted(os.listdir(directory))
        assert names == ["trail.rec", "trail.rec.1", "trail.rec.2", "trail.rec.3"], names
        records, said = replay("-r", path, "-e", "all")
        assert "missing" not in said and "damaged" not in said, said
        # The kernel may call no program for an event; what the recorder loses is another thing.
        assert records[-1]["event"]["action"] == "stop" and not lost_of_recording(records)
        # Named in any order, as a shell does, or one alone.
        named, _ = replay("-r", *sorted(glob.glob(path + "*")), "-e", "all")
        assert [bare(r) for r in named] == [bare(r) for r in records]
        alone, _ = replay("-r", path + ".2", "-e", "all")
        assert 2 < len(alone) < len(records)
        # A part that is gone is counted.
        os.unlink(path + ".2")
        less, said = replay("-r", path, "-e", "all", code=1)
        gone = lost_of_recording(less)
        assert less[-1]["tcptrail"]["totals"]["lost"]["recording"] == gone
        # Some events are nothing to tell: an orphan's move to a mini-socket.
        assert gone >= len(records) - len(less) + 1 > 0, (len(records), len(less), gone)
    return f"{len(records)} records in the last parts, {gone} in one of them"


def test_killed_recorder_leaves_what_is_whole():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path)
        truth = load("-n", 200)
        # Without its end: within 0.2 s it is on disk.
        tracer.wait_for(lambda: connects(replay("-r", path)[0], truth) == 200)
        assert tracer.end(signal.SIGKILL) == -signal.SIGKILL
        records, said = replay("-r", path)
        assert "damaged" not in said and "missing" not in said
        assert connects(records, truth) == 200
        assert records[-1]["event"]["action"] == "stop"
        # Cut anywhere, it is no error.
        size = os.path.getsize(path)
        os.truncate(path, size - 77)
        less, said = replay("-r", path)
        assert len(less) < len(records) and "ends within a block" in said, said
        # Damaged in the middle, it is.
        with open(path, "r+b") as f:
            f.seek(size // 2)
            f.write(b"\0\1\2\3\4\5\6\7")
        less, said = replay("-r", path, code=1)
        lost = sum(r["tcptrail"]["lost"].get("recording", 0) for r in of(less, "lost"))
        assert "is damaged in 1 places" in said and lost > 0, said
        assert f"{lost:,} records are missing" in said, said


def bpf_objects():
    """Of the kernel: programs and links by their ids, and what is pinned."""
    ids = {kind: {o["id"] for o in json.loads(subprocess.run(["bpftool", "-j", kind, "list"], capture_output=True,
                                                             check=True).stdout)} for kind in ("prog", "link", "map")}
    pinned = {os.path.join(at, name) for at, _, names in os.walk("/sys/fs/bpf") for name in names}
    return {**ids, "pinned": pinned}


def test_killed_at_any_moment():
    """Nothing stays attached or pinned, and what was written is whole."""
    if not shutil.which("bpftool"):
        raise Skip("no bpftool")
    before, told, seed = bpf_objects(), 0, random.Random(5)
    for moment in range(10):
        with tempfile.TemporaryDirectory() as directory:
            path = directory + "/trail.rec"
            tracer = Tracer("-w", path, wait=False)
            # The first while it loads and attaches, the rest while it writes.
            if moment > 2:
                tracer.wait_for(lambda p=path: os.path.exists(p) and os.path.getsize(p) > 1000)
            busy = subprocess.Popen([LOAD, "-n", "3000"], stdout=subprocess.DEVNULL)
            time.sleep(seed.uniform(0, 0.7))
            assert tracer.end(signal.SIGKILL) == -signal.SIGKILL
            busy.wait(timeout=PATIENCE)
            if os.path.exists(path) and os.path.getsize(path) > 24:
                records, said = replay("-r", path)
                assert "damaged" not in said and "missing" not in said, (moment, said)
                told += len(records)
        deadline = time.monotonic() + PATIENCE
        left = before
        while time.monotonic() < deadline:
            left = {kind: now - before[kind] for kind, now in bpf_objects().items()}
            if not any(left.values()):
                break
            time.sleep(0.1)
        assert not any(left.values()), (moment, left)
    assert told > 100, told
    return f"{told} records read of ten"


def test_full_disk_ends_the_recording():
    with tempfile.TemporaryDirectory() as directory:
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", directory],
                               capture_output=True, text=True)
        if mount.returncode:
            raise Skip(mount.stderr.strip())
        try:
            path = directory + "/trail.rec"
            tracer = recorder(path)
            begun = time.monotonic()
            while tracer.process.poll() is None:
                assert time.monotonic() - begun < PATIENCE
                load("-n", 300)
            assert tracer.process.returncode == 5, tracer.stderr()
            assert "No space left on device" in tracer.stderr(), tracer.stderr()
            records, said = replay("-r", path)
            assert len(records) > 100 and "within a block" not in said and "damaged" not in said, said
        finally:
            subprocess.run(["umount", "-l", directory], check=True)


def test_recording_is_read_without_privilege():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path)
        load("-n", 20)
        assert tracer.end() == 0
        expected, _ = replay("-r", path)
        os.chmod(directory, 0o755)
        os.chmod(path, 0o644)
        shutil.copy(TCPTRAIL, directory + "/tcptrail")
        out = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                              "--no-new-privs", "--bounding-set=-all", directory + "/tcptrail", "-r",
                              path, "-o", "json"], capture_output=True, check=True, timeout=60)
        assert [bare(json.loads(line)) for line in out.stdout.splitlines()] == [bare(r) for r in expected]


def test_recording_is_read_while_it_is_written():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path)
        busy = subprocess.Popen([LOAD, "-n", "3000"], stdout=subprocess.DEVNULL)
        seen, looks = 0, 0
        while busy.poll() is None:
            records, said = replay("-r", path)
            assert "damaged" not in said and len(records) >= seen, said
            seen, looks = len(records), looks + 1
        assert tracer.end() == 0
        assert len(replay("-r", path)[0]) >= seen
    return f"{looks} looks"


def test_recording_through_a_pipe():
    writer = subprocess.Popen([TCPTRAIL, "-w", "-", "-q"], stdout=subprocess.PIPE)
    reader = subprocess.Popen([TCPTRAIL, "-r", "-", "-o", "json", "-q"], stdin=writer.stdout,
                              stdout=subprocess.PIPE)
    writer.stdout.close()
    reader.stdout.readline()                # the start: it is attached
    truth = load("-n", 100)
    writer.send_signal(signal.SIGINT)
    records = [json.loads(line) for line in reader.stdout]
    assert writer.wait(PATIENCE) == 0 and reader.wait(PATIENCE) == 0
    assert connects(records, truth) == 100, connects(records, truth)
    # A reader that has enough ends the writer.
    writer = subprocess.Popen([TCPTRAIL, "-w", "-", "-q"], stdout=subprocess.PIPE)
    writer.stdout.read(100)
    writer.stdout.close()
    load("-n", 10)
    assert writer.wait(PATIENCE) == 0


def sums_of(records, netns):
    """By owner, service and outcome, over all windows: count, bytes, longest age."""
    sums = {}
    for r in of(records, "summary", netns):
        key = (r["tcptrail"]["role"], r["event"].get("outcome"), r.get("destination", {}).get("port"))
        count, sent, longest = sums.get(key, (0, 0, 0))
        sums[key] = (count + r["tcptrail"]["count"], sent + r["tcptrail"]["sent_bytes"],
                     max(longest, r["tcptrail"]["age"]["max_ns"]))
    return sums


def test_sums_of_a_recording_are_the_traces():
    """--rollup and --metrics-file, of the trace and of what it recorded."""
    with tempfile.TemporaryDirectory() as directory:
        path, live_prom, prom = (directory + "/" + name for name in ("trail.rec", "live.prom", "trail.prom"))
        tracer = Tracer("-w", path, "-o", "json", "-e", "all", "--rollup", "1s", "--metrics-file", live_prom)
        truths = [load("-n", 200), load("-n", 50, "-R")]
        time.sleep(1.2)                 # a window's end
        truths.append(load("-n", 100))
        assert tracer.end() == 0, tracer.stderr()
        live = tracer.records()
        again, said = replay("-r", path, "-e", "summary", "--rollup", "1s", "--metrics-file", prom)
        assert "recorded without" not in said, said
        for truth in truths:
            assert sums_of(again, truth["netns"]) == sums_of(live, truth["netns"]) != {}, truth
        windows = of(again, "summary")
        assert len({r["@timestamp"] for r in windows}) >= 2, windows
        assert all(r["tcptrail"]["window_ns"] <= 1e9 for r in windows)
        theirs, ours = series(live_prom), series(prom)
        # Of the process, and of the host as it is at that moment.
        beside = {name for name, _ in theirs} - {name for name, _ in ours}
        assert beside == {"tcptrail_cpu_seconds_total", "tcptrail_resident_memory_bytes", "tcptrail_ring_fill_ratio",
                          "tcptrail_sockets", "tcptrail_limit_used", "tcptrail_limit_max"}, beside
        assert total(ours, "tcptrail_printed_records_total") == len(windows)
        other = ("tcptrail_printed_records_total", "tcptrail_start_time_seconds")
        differs = {key: (value, ours.get(key)) for key, value in theirs.items()
                   if key[0] not in beside and key[0] not in other and ours.get(key) != value}
        assert not differs, differs
        # Of a part of the time, and filtered: fewer.
        middle = of(live, "connection", truths[0]["netns"])[200]["@timestamp"]
        replay("-r", path, "--until", middle, f"netns {truths[0]['netns']}", "--metrics-file", prom)
        less = total(series(prom), "tcptrail_connections_ended_total")
        assert less == len([r for r in of(live, "connection", truths[0]["netns"]) if r["@timestamp"] < middle]), less
        # Without the kind there is nothing to sum, and that is said; a file that cannot be written ends it.
        os.unlink(path)
        tracer = recorder(path, "-e", "problems")
        assert tracer.end() == 0, tracer.stderr()
        said = replay("-r", path, "-e", "summary")[1]
        assert "without the kind connection: summary has what failed alone" in said, said
        said = replay("-r", path, "--metrics-file", directory + "/gone/x.prom", code=5)[1]
        assert said == f"tcptrail: cannot write {directory}/gone/x.prom: No such file or directory\n", said
    return f"{len(windows)} sums, {len(ours)} series"


def test_metrics_of_a_recording_grow_while_it_is_made():
    with tempfile.TemporaryDirectory() as directory:
        prom = directory + "/tcptrail.prom"
        writer = subprocess.Popen([TCPTRAIL, "-w", "-", "-q"], stdout=subprocess.PIPE)
        reader = subprocess.Popen([TCPTRAIL, "-r", "-", "-o", "none", "-q", "--metrics-file", prom,
                                   "--metrics-interval", "1s"], stdin=writer.stdout)
        writer.stdout.close()
        begun, seen = time.monotonic(), 0
        while seen < 100:
            assert time.monotonic() - begun < PATIENCE, seen
            load("-n", 50)
            seen = total(series(prom), "tcptrail_connections_ended_total") if os.path.exists(prom) else 0
        writer.send_signal(signal.SIGINT)
        assert writer.wait(PATIENCE) == 0 and reader.wait(PATIENCE) == 0
        assert total(series(prom), "tcptrail_connections_ended_total") >= seen
        assert os.listdir(directory) == ["tcptrail.prom"]


def test_listeners_of_a_recording():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
            port = server.getsockname()[1]
            tracer = recorder(path, "--lport", str(port))
            clients = [socket.socket() for _ in range(6)]
            for client in clients:
                client.setblocking(False)
                client.connect_ex(server.getsockname())
            time.sleep(1.2)                 # the first SYN of each is refused, or sent again
            live = subprocess.run([TCPTRAIL, "listeners", "-o", "json", f"lport = {port}"],
                                  capture_output=True, check=True, timeout=60).stdout
            assert tracer.end() == 0, tracer.stderr()
            for client in clients:
                client.close()
        rows, _ = replay("listeners", "-r", path, f"lport = {port}")
        live = json.loads(live.splitlines()[0])
        *rows, totals = rows
        assert len(rows) == 1 and rows[0]["netns"] == totals["netns"], (rows, totals)
        assert totals["counters_in_sample"]["ListenDrops"] >= rows[0]["refused_at_most"], (rows, totals)
        for name in "listener", "process", "cookie", "netns", "somaxconn":
            assert rows[0][name] == live[name], (name, rows[0], live)
        assert rows[0]["accept_queue"] == {"length": 2, "peak": 2, "limit": 1}, rows
        assert rows[0]["refused_at_most"] >= 4 and rows[0]["status"] == "DROP", rows
        text = subprocess.run([TCPTRAIL, "listeners", "-r", path, "--utc"], capture_output=True, check=True)
        assert text.stdout.decode().startswith(time.strftime("%Y-", time.gmtime())), text.stdout
        assert replay("listeners", "-r", path, "--until", "2001-01-01", code=1)[0] == []


def stage(name, *args):
    """A process in a namespace of its own, and what it tells of itself."""
    here = os.path.dirname(os.path.abspath(__file__))
    process = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", os.path.join(here, name), *args], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return process, json.loads(process.stdout.readline())


def test_limits_and_check_of_a_recording():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/trail.rec"
        tracer = recorder(path)
        # Opened and closed between two looks, which are 10 s from each other, but for the last.
        listening, listener = stage("listen_stage.py", "--backlog", "1", "--burst", "6", "--never-accept")
        failing, caller = stage("failed_calls_stage.py", "accept-loop")     # it took 3 s
        assert tracer.end() == 0, tracer.stderr()
        failing.communicate("\n")
        listening.communicate("\n")
        limits, _ = replay("limits", "-r", path)
        mine = [r for r in limits if r.get("pid") == caller["pid"]]
        assert len(mine) == 1, limits
        assert (mine[0]["limit"], mine[0]["call"], mine[0]["errno"]) == ("open-files", "accept4", "EMFILE"), mine
        assert mine[0]["use"] == mine[0]["max"] == caller["soft"], mine
        assert mine[0]["failed"] == caller["failed"] > 100 and "failed_per_s" not in mine[0], (mine, caller)
        queue = [r for r in limits if r["limit"] == "accept-queue" and r["netns"] == listener["netns"]]
        assert [(r["use"], r["max"]) for r in queue] == [(2, 1)], limits
        found, _ = replay("check", "-r", path, code=2)
        whose = [(r["level"], r["kind"], r["finding"]) for r in found if r.get("netns") == listener["netns"]]
        # Who waits in its queue is in the listener's line: one incident.
        assert whose == [("critical", "listener", "DROP")], found
        assert any("2 wait for accept()" in r["text"] for r in found), found
        files = [r for r in found if r["kind"] == "limit" and f"[{caller['pid']}]" in r["subject"]]
        assert [r["count"] for r in files] == [caller["failed"]], found
        with open(path, "rb") as pipe:
            assert replay("check", "-r", "-", code=2, stdin=pipe)[0] == found
        assert replay("limits", "-r", path, "--until", "2001-01-01")[0] == []
        said = replay("check", "-r", path, "--until", "2001-01-01", code=4)[1]
        assert "no look at the listeners" in said, said
        said = subprocess.run([TCPTRAIL, "check", "-r", path], capture_output=True, check=False, text=True)
        assert said.returncode == 2 and len(said.stdout.splitlines()) <= 20, said
        # What was not recorded is not known to be well.
        os.unlink(path)
        tracer = recorder(path, "-e", "state")
        time.sleep(0.5)
        assert tracer.end() == 0, tracer.stderr()
        found, said = replay("check", "-r", path, "lport = 1", code=4)
        assert found == [] and "without the kinds limit or stall" in said, said
        assert "without the kind limit" in replay("limits", "-r", path)[1]
        os.unlink(path)
        tracer = recorder(path)
        load("-n", 50)
        assert tracer.end() == 0, tracer.stderr()
        assert replay("check", "-r", path, "lport = 1")[0] == []
        with open(path, "r+b") as f:
            f.seek(os.path.getsize(path) // 2)
            f.write(b"\0\1\2\3\4\5\6\7")
        found, said = replay("check", "-r", path, "lport = 1", code=4)
        assert found == [] and "is damaged" in said, said
    return f"{caller['failed']} failed calls"


if __name__ == "__main__":
    sys.exit(run([
        test_recording_reads_as_the_live_trace, test_recording_is_filtered_when_read,
        test_recording_without_output_is_silent, test_rotation_is_bounded_under_load,
        test_killed_recorder_leaves_what_is_whole, test_killed_at_any_moment, test_full_disk_ends_the_recording,
        test_recording_is_read_without_privilege, test_recording_is_read_while_it_is_written,
        test_recording_through_a_pipe, test_sums_of_a_recording_are_the_traces,
        test_metrics_of_a_recording_grow_while_it_is_made, test_listeners_of_a_recording,
        test_limits_and_check_of_a_recording,
    ]))
