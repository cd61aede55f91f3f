#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""--metrics-file: the same sums as the lines of the same trace, a file that is whole at
every moment."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter

from tracer import Tracer, load, of, run

LINE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)$')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def series(path):
    """{(name, frozenset of labels): value}"""
    out = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                name, labels, value = LINE.match(line).groups()
                out[name, frozenset(LABEL.findall(labels or ""))] = float(value)
    return out


def total(metrics, name, **labels):
    return sum(v for (n, l), v in metrics.items() if n == name and set(labels.items()) <= l)


def test_metrics_are_the_sums_of_the_lines():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/tcptrail.prom"
        tracer = Tracer("-o", "json", "--metrics-file", path)
        truth = load("-n", 400)
        assert tracer.end() == 0, tracer.stderr()
        metrics, records = series(path), tracer.records()
        assert os.stat(path).st_mode & 0o777 == 0o644
        assert os.listdir(directory) == ["tcptrail.prom"]
    moves = Counter((r["tcptrail"]["from"], r["network"]["connection"]["state"])
                    for r in of(records, "state") if "from" in r["tcptrail"])
    for (a, b), n in moves.items():
        assert total(metrics, "tcptrail_transitions_total", **{"from": a, "to": b}) == n, (a, b, n)
    for kind in "state", "connection", "accept", "reset", "error":
        n = sum(r["tcptrail"]["count"] for r in of(records, kind))
        assert total(metrics, "tcptrail_events_total", kind=kind) == n, (kind, n)
    ended = Counter((r["tcptrail"]["role"], r["tcptrail"]["cause"]) for r in of(records, "connection"))
    for (role, cause), n in ended.items():
        assert total(metrics, "tcptrail_connections_ended_total", role=role, cause=cause) == n
    waits = [r["event"]["duration"] for r in of(records, "accept") if "duration" in r["event"]]
    assert total(metrics, "tcptrail_accept_wait_seconds_count") == len(waits) >= 400
    assert abs(total(metrics, "tcptrail_accept_wait_seconds_sum") - sum(waits) / 1e9) < 1e-6
    assert total(metrics, "tcptrail_accept_wait_seconds_bucket", le="0.001") == sum(w <= 1e6 for w in waits)
    totals = records[-1]["tcptrail"]["totals"]
    assert total(metrics, "tcptrail_printed_records_total") == totals["printed"]
    assert total(metrics, "tcptrail_lost_records_total") == totals["lost"]["total"]
    return f"{len(metrics)} series, {len(of(records, 'connection', truth['netns']))} connections"


def test_refusals_by_listener():
    """A full accept queue: as many by listener as the lines say, and its name."""
    with tempfile.TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        port = listener.getsockname()[1]
        path = directory + "/tcptrail.prom"
        tracer = Tracer("-o", "json", "-e", "drop", "--lport", str(port), "--metrics-file", path)
        clients = [socket.socket() for _ in range(8)]
        for c in clients:
            c.setblocking(False)
            c.connect_ex(("127.0.0.1", port))
        tracer.wait_for(lambda: '"action":"drop"' in tracer.text())
        for c in clients:
            c.close()
        assert tracer.end() == 0, tracer.stderr()
        metrics, records = series(path), tracer.records()
    told = sum(r["tcptrail"]["count"] for r in of(records, "drop"))
    mine = total(metrics, "tcptrail_listener_drops_total", listener=f"127.0.0.1:{port}")
    assert told > 0 and total(metrics, "tcptrail_drops_total") == told
    assert mine + total(metrics, "tcptrail_listener_drops_total", listener="other") == told, (mine, told)
    return f"{told} refused, {mine:.0f} of them by name"


def test_metrics_do_not_depend_on_what_is_told():
    """With -e drop alone ends and accepts are counted, and not told."""
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/tcptrail.prom"
        for output in ["json"], ["none"], ["text"]:
            tracer = Tracer("-o", *output, "-e", "drop", "--metrics-file", path, wait=False)
            tracer.wait_for(lambda: os.path.exists(path))
            load("-n", 100)
            assert tracer.end() == 0, tracer.stderr()
            metrics = series(path)
            assert total(metrics, "tcptrail_connections_ended_total", outcome="success", role="server") >= 100
            assert total(metrics, "tcptrail_accept_wait_seconds_count") >= 100
            assert not total(metrics, "tcptrail_transitions_total")
            text = tracer.text()
            assert "ACCEPT" not in text and '"action":"accept"' not in text and "CONNECTION" not in text
            os.unlink(path)


def test_metrics_file_is_whole_at_every_moment():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/tcptrail.prom"
        tracer = Tracer("-o", "none", "--metrics-file", path, "--metrics-interval", "1s", wait=False)
        tracer.wait_for(lambda: os.path.exists(path))
        seen, over = set(), threading.Event()

        def read():
            while not over.is_set():
                assert series(path)     # a torn line does not parse
                with open(path, encoding="utf-8") as f:
                    seen.add((os.fstat(f.fileno()).st_ino, f.read().endswith("\n")))
        reader = threading.Thread(target=read)
        reader.start()
        tracer.wait_for(lambda: len(seen) >= 3)
        # A directory that is gone: said once, and the trace goes on.
        over.set()
        reader.join()
        assert {whole for _, whole in seen} == {True}
        os.rename(directory, directory + ".gone")
        tracer.wait_for(lambda: "cannot write" in tracer.stderr())
        os.rename(directory + ".gone", directory)
        before = os.stat(path).st_ino
        tracer.wait_for(lambda: os.stat(path).st_ino != before)
        assert tracer.end() == 0
        assert tracer.stderr().count("cannot write") == 1, tracer.stderr()


def test_sockets_and_limits_are_the_kernels():
    """Of this moment: against ss and /proc."""
    with tempfile.TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0)) as server:
        path = directory + "/tcptrail.prom"
        pairs = [(socket.create_connection(server.getsockname()), server.accept()[0]) for _ in range(20)]
        for client, _ in pairs[:7]:
            client.close()
        tracer = Tracer("-o", "none", "--metrics-file", path, wait=False)
        tracer.wait_for(lambda: os.path.exists(path))
        assert tracer.end() == 0, tracer.stderr()
        metrics = series(path)
        said = subprocess.run(["ss", "-Htan"], check=True, capture_output=True, text=True).stdout
        there = Counter(line.split()[0].lower().replace("-", "_") for line in said.splitlines())
        for ours, theirs in ("established", "estab"), ("close_wait", "close_wait"), ("fin_wait_2", "fin_wait_2"), \
                            ("listen", "listen"):
            assert total(metrics, "tcptrail_sockets", state=ours) == there[theirs], (ours, there, metrics)
        assert there["close_wait"] == 7 and there["estab"] >= 26, there
        with open("/proc/sys/fs/file-nr", encoding="ascii") as f:
            used, unused, most = map(int, f.read().split())
        assert total(metrics, "tcptrail_limit_max", limit="file-max") == most
        assert abs(total(metrics, "tcptrail_limit_used", limit="file-max") - (used - unused)) < 1000
        with open("/proc/sys/net/ipv4/tcp_max_tw_buckets", encoding="ascii") as f:
            assert total(metrics, "tcptrail_limit_max", limit="time-wait") == int(f.read())
        for pair in pairs:
            for end in pair:
                end.close()


def test_metrics_file_that_cannot_be_written():
    tracer = Tracer("--metrics-file", "/nowhere/x.prom", stdout=subprocess.DEVNULL, wait=False)
    assert tracer.process.wait(timeout=20) == 5
    assert tracer.stderr() == "tcptrail: cannot write /nowhere/x.prom: No such file or directory\n"


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
