#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a person and a collector rely on: signals, pipes, full disks, time."""
import datetime
import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tracer import TCPTRAIL, Skip, Tracer, load, of, run, valid


def connect_once(port):
    with socket.create_connection(("127.0.0.1", port)):
        pass


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Server:
    """Accepts and closes; in this process's namespace."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn:
                conn.recv(1)

    def close(self):
        self.listener.close()


def test_sigint_and_sigterm_flush_all():
    for sig in (signal.SIGINT, signal.SIGTERM):
        tracer = Tracer("-o", "json", "-e", "state")
        truth = load("-n", 500)
        assert tracer.end(sig) == 0, tracer.stderr()
        records = tracer.records()
        opened = [r for r in of(records, "state", truth["netns"])
                  if r["tcptrail"].get("from") == "syn_sent"]
        assert len(opened) == 500, len(opened)
        assert records[-1]["event"]["action"] == "stop"
        assert [r["event"]["sequence"] for r in records] == list(range(1, len(records) + 1))
        assert re.search(r"records in .* 0 lost", tracer.stderr()), tracer.stderr()


def test_reader_that_leaves_ends_quietly():
    read_end, write_end = os.pipe()
    tracer = Tracer("-o", "json", stdout=write_end, wait=False)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        assert json.loads(pipe.readline())["event"]["action"] == "start"
    # Even without another event to write.
    assert tracer.process.wait(timeout=10) == 0, tracer.stderr()
    assert not tracer.stderr(), tracer.stderr()


def test_full_disk():
    with open("/dev/full", "wb") as full:
        tracer = Tracer("-o", "json", stdout=full, wait=False)
        assert tracer.process.wait(timeout=20) == 5
    assert "No space left on device" in tracer.stderr(), tracer.stderr()


def test_output_file_is_reopened_on_sighup():
    with tempfile.TemporaryDirectory() as directory:
        name, old = directory + "/trail.ndjson", directory + "/trail.ndjson.1"
        tracer = Tracer("-o", "json", "-e", "state", "--output-file", name, stdout=subprocess.DEVNULL, wait=False)
        tracer.wait_for(lambda: os.path.exists(name) and os.path.getsize(name) > 0)
        truth = load("-n", 300)
        os.rename(name, old)
        tracer.process.send_signal(signal.SIGHUP)
        again = load("-n", 300)     # some of it before the signal is seen
        tracer.wait_for(lambda: os.path.exists(name))
        mode = os.stat(name).st_mode & 0o777
        assert mode == 0o640 & ~umask(), oct(mode)
        # A name that cannot be made: it goes on.
        os.rename(name, directory + "/trail.ndjson.2")
        os.mkdir(name)
        tracer.process.send_signal(signal.SIGHUP)
        tracer.wait_for(lambda: "goes on in the old file" in tracer.stderr())
        assert tracer.end() == 0, tracer.stderr()
        records = []
        for path in old, directory + "/trail.ndjson.2":
            with open(path, encoding="utf-8") as f:
                records += [json.loads(line) for line in f]
    assert [r["event"]["sequence"] for r in records] == list(range(1, len(records) + 1))
    assert records[-1]["event"]["action"] == "stop"
    for netns in truth["netns"], again["netns"]:
        assert len([r for r in of(records, "state", netns) if r["tcptrail"].get("from") == "syn_sent"]) == 300


def test_output_file_that_cannot_be_opened():
    tracer = Tracer("--output-file", "/nowhere/trail", stdout=subprocess.DEVNULL, wait=False)
    assert tracer.process.wait(timeout=20) == 5
    assert tracer.stderr() == "tcptrail: cannot open /nowhere/trail: No such file or directory\n"


def test_stopped_reader_stalls_nobody():
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, 1031, 4096)  # F_SETPIPE_SZ
    tracer = Tracer("-o", "json", "-e", "state", "--ring-size", "64K", stdout=write_end, wait=False)
    os.close(write_end)
    pipe = os.fdopen(read_end)
    pipe.readline()
    slow = load("-n", 5000)  # nobody reads: the ring fills and stays full
    assert slow["seconds"] < 10, slow
    os.set_blocking(read_end, True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(pipe.readlines()))
    reader.start()
    time.sleep(1.5)
    assert tracer.end() == 0
    reader.join(timeout=10)
    records = [json.loads(line) for line in lines]
    stop = records[-1]
    assert stop["event"]["action"] == "stop", stop
    got = len(of(records, "state", slow["netns"]))
    lost = sum(r["tcptrail"]["lost"]["total"] for r in of(records, "lost"))
    totals = stop["tcptrail"]["totals"]
    assert lost > 0 and totals["lost"]["total"] == lost, (lost, totals)
    # 5,000 connections make nine transitions each that are told.
    assert got + totals["lost"]["ring"] >= 45000, (got, totals)
    assert "lost" in tracer.stderr()
    return f"{got} told, {lost} counted as lost"


def test_each_line_within_100_ms():
    server = Server()
    read_end, write_end = os.pipe()
    tracer = Tracer("-o", "json", "--lport", str(server.port), stdout=write_end, wait=False)
    os.close(write_end)
    late = []
    try:
        with os.fdopen(read_end) as pipe:
            json.loads(pipe.readline())
            for _ in range(5):
                time.sleep(0.3)
                connect_once(server.port)
                record = json.loads(pipe.readline())
                now = datetime.datetime.now(datetime.timezone.utc)
                at = datetime.datetime.fromisoformat(record["@timestamp"][:26] + "+00:00")
                late.append((now - at).total_seconds())
                while record["event"]["action"] != "connection":
                    record = json.loads(pipe.readline())
            tracer.end()
    finally:
        server.close()
    assert max(late) < 0.1, late
    assert min(late) > -0.01, late
    return f"at most {max(late) * 1000:.0f} ms"


def test_count_and_duration():
    server = Server()
    tracer = Tracer("-o", "json", "-e", "state", "-c", "3", "--port", str(server.port))
    for _ in range(3):
        connect_once(server.port)
    assert tracer.process.wait(timeout=10) == 0
    assert len(of(tracer.records(), "state")) == 3
    tracer = Tracer("-o", "json", "--duration", "300ms")
    begun = time.monotonic()
    assert tracer.process.wait(timeout=10) == 0
    assert time.monotonic() - begun < 3
    server.close()


def test_filters():
    server = Server()
    other = Server()
    tracer = Tracer("-o", "json", "-e", "state", "--port", str(server.port))
    connect_once(server.port)
    connect_once(other.port)
    time.sleep(0.2)
    tracer.end()
    ports = {(r["source"]["port"], r["destination"]["port"]) for r in of(tracer.records(), "state")
             if "source" in r and "port" in r["source"]}
    assert ports and all(server.port in p for p in ports), ports
    netns = os.stat("/proc/self/ns/net").st_ino
    tracer = Tracer("-o", "json", "-e", "state", "--netns", str(netns))
    load("-n", 20)
    connect_once(server.port)
    time.sleep(0.2)
    tracer.end()
    states = of(tracer.records(), "state")
    assert states and {r["tcptrail"]["netns"] for r in states} == {netns}
    tracer = Tracer("-o", "json", "-e", "state", "--pid", str(os.getpid()), "-6")
    connect_once(server.port)
    time.sleep(0.2)
    tracer.end()
    assert not of(tracer.records(), "state")
    server.close()
    other.close()


def test_terminal_gets_colour_and_a_pipe_does_not():
    server = Server()
    parent, child = pty.openpty()
    tracer = Tracer("--port", str(server.port), stdout=child, wait=False,
                    env={**os.environ, "TERM": "xterm"})
    os.close(child)
    seen = os.read(parent, 65536)   # the header: it runs
    try:
        socket.create_connection(("127.0.0.1", 1))
    except ConnectionRefusedError:
        pass
    connect_once(server.port)
    time.sleep(0.3)
    tracer.end()
    try:
        while chunk := os.read(parent, 65536):
            seen += chunk
    except OSError:
        pass
    assert b"ESTABLISHED" in seen, seen
    assert b"\033[" in seen, seen
    plain = Tracer("--port", str(server.port))
    connect_once(server.port)
    time.sleep(0.3)
    plain.end()
    assert "SYN-SENT" in plain.text() and "\033" not in plain.text()
    server.close()


def test_terminal_budget():
    parent, child = pty.openpty()
    tracer = Tracer(stdout=child, wait=False, env={**os.environ, "TERM": "dumb"})
    os.close(child)
    seen = []

    def read():
        try:
            while chunk := os.read(parent, 65536):
                seen.append(chunk)
        except OSError:
            pass
    reader = threading.Thread(target=read)
    reader.start()
    tracer.wait_for(lambda: seen)   # the header: it runs
    begun = time.monotonic()
    load("-n", 3000)
    time.sleep(1.3)
    tracer.end()
    seconds = time.monotonic() - begun
    reader.join(timeout=5)
    text = b"".join(seen).decode()
    hidden = re.search(r"([\d,]+) lines hidden", text)
    assert hidden, text[-500:]
    # 200 a second of the clock, begun ones included, and a line for what was hidden.
    assert len(text.splitlines()) < 201 * (seconds + 2), (len(text.splitlines()), seconds)


def test_names_from_the_cgroup():
    """By handle, and by a walk where CAP_DAC_READ_SEARCH is missing."""
    base = next((c for c in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")
                 if os.path.exists(c + "/cgroup.controllers")), None)
    if not base:
        raise Skip("no cgroup2")
    directory = base + "/tcptrail-test.service"
    os.mkdir(directory)
    try:
        for prefix in [], ["setpriv", "--bounding-set=-dac_read_search"]:
            tracer = Tracer("-o", "json", "-e", "state", prefix=prefix)
            truth = load("-n", 3, preexec_fn=lambda: open(
                directory + "/cgroup.procs", "w", encoding="ascii").write("0"))
            assert tracer.end() == 0, tracer.stderr()
            names = {r.get("service", {}).get("name")
                     for r in of(tracer.records(), "state", truth["netns"])}
            assert names == {"tcptrail-test.service"}, (prefix, names)
    finally:
        time.sleep(0.1)
        os.rmdir(directory)


def test_without_privilege():
    out = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps=-all",
                          "--bounding-set=-all", TCPTRAIL, "trace"], capture_output=True, text=True)
    if out.returncode in (126, 127):
        raise Skip("this user cannot reach the program")
    assert out.returncode == 3, out
    assert "CAP_BPF" in out.stderr and len(out.stderr.splitlines()) == 1, out.stderr


def test_bad_usage():
    for args in (["--port", "x"], ["--port", "70000"], ["-e", "nonsense"], ["-o", "xml"],
                 ["--duration", "-1"], ["nonsense"], ["--probe", "magic"], ["--nonsense"]):
        out = subprocess.run([TCPTRAIL, *args], capture_output=True, text=True)
        assert out.returncode == 2, (args, out)
        assert len(out.stderr.splitlines()) == 1 and not out.stdout, (args, out)


def test_forced_tier_that_does_not_exist():
    out = subprocess.run([TCPTRAIL, "doctor", "-o", "json"], capture_output=True, text=True)
    doctor = json.loads(out.stdout)
    if doctor["tier"] != "tracepoint":
        raise Skip("function hooks work here")
    out = subprocess.run([TCPTRAIL, "--probe", "fentry"], capture_output=True, text=True)
    assert out.returncode == 4 and "doctor" in out.stderr, out


def test_doctor():
    out = subprocess.run([TCPTRAIL, "doctor"], capture_output=True, text=True)
    assert out.returncode == 0, out
    said = json.loads(subprocess.run([TCPTRAIL, "doctor", "-o", "json"], capture_output=True, text=True).stdout)
    facts = valid("doctor", [said])[0]["facts"]
    for fact in facts:
        assert fact["fact"] in out.stdout
        if not fact["best"]:
            assert fact["refused"] and fact["lost"], fact
        # A remedy that many facts share is told once.
        assert "needs" not in fact or out.stdout.count(fact["needs"]) == 1, fact
    assert "tcptrail check" in out.stdout


def test_nothing_stays_after_kill_9():
    def programs():
        out = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, text=True)
        return {p["id"] for p in json.loads(out.stdout)} if out.returncode == 0 else None
    before = programs()
    if before is None:
        raise Skip("bpftool does not list programs here")
    tracer = Tracer("-o", "json")
    assert programs() - before
    tracer.process.kill()
    tracer.process.wait()
    deadline = time.monotonic() + 10
    while programs() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not programs() - before


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
