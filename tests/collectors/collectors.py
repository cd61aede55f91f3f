#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's own collectors, run with the recipes of packaging/collectors: every line
arrives byte for byte, none is missing, over rotations and restarts. The collectors are
this test's own: own configuration, directory and ports; ended by their process."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter

import programs

TOP = programs.TOP
sys.path.insert(0, os.path.join(TOP, "tests/live"))
from tracer import Skip, Tracer, load  # noqa: E402
import tracer  # noqa: E402

RECIPES = os.path.join(TOP, "packaging/collectors")
PATIENCE = 60
CONNECTIONS = int(os.environ.get("CONNECTIONS", "150"))


def find(name):
    try:
        return programs.find(name)
    except programs.Missing as why:
        raise Skip(str(why)) from why


def modules(pattern):
    try:
        return programs.modules(pattern)
    except programs.Missing as why:
        raise Skip(str(why)) from why


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {PATIENCE} s: {what() if callable(what) else what}")
        time.sleep(0.05)


def lines(path):
    try:
        with open(path, "rb") as f:
            return f.read().splitlines(keepends=True)
    except FileNotFoundError:
        return []


class Work(tempfile.TemporaryDirectory):
    """A directory that stands for /var/log and /run; recipes say so of themselves."""

    def __enter__(self):
        self.path = os.path.abspath(super().__enter__())
        for name in "tcptrail", "run", "state":
            os.mkdir(self.at(name))
        return self

    def at(self, name):
        return os.path.join(self.path, name)

    trail = property(lambda self: self.at("tcptrail/tcptrail.ndjson"))
    rotated = property(lambda self: self.at("tcptrail/tcptrail.1.ndjson"))

    def recipe(self, name, replace=()):
        with open(os.path.join(RECIPES, name), encoding="utf-8") as f:
            text = f.read()
        for old, new in (("/var/log/", self.path + "/"), ("/run/tcptrail/", self.at("run/")), *replace):
            assert old in text or old.startswith("/"), (name, old)
            text = text.replace(old, new)
        return text

    def write(self, name, text):
        with open(self.at(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.at(name)

    def collected(self):
        return lines(self.at("tcptrail-collected.ndjson"))


class Daemon:
    """Started anew by start() with the same arguments, as an init system would."""

    def __init__(self, argv, env, log):
        self.argv, self.env, self.log = argv, env, log
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-2000:]


def rsyslog(work, recipe, but=r"$^", replace=()):
    program, env = find("rsyslogd")
    text = re.sub(but, "", work.recipe(recipe, replace), flags=re.S)
    conf = work.write("rsyslog.conf", f'global(workDirectory="{work.at("state")}")\n' + text)
    argv = [program, "-n", "-M", modules("usr/lib/*/rsyslog"), "-f", conf, "-i", work.at("rsyslog.pid")]
    check = subprocess.run([*argv, "-N1"], env=env, capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    return Daemon(argv, env, work.at("rsyslog.log"))


def syslog_ng(work, recipe, replace=()):
    program, env = find("syslog-ng")
    conf = work.write("syslog-ng.conf", "@version: 3.35\n" + work.recipe(recipe, replace))
    argv = [program, "-F", "--no-caps", "-f", conf, "--module-path", modules("usr/lib/syslog-ng/3.*"),
            "--persist-file", work.at("state/persist"), "--pidfile", work.at("syslog-ng.pid"),
            "--control", work.at("run/ctl")]
    check = subprocess.run([*argv, "--syntax-only"], env=env, capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    return Daemon(argv, env, work.at("syslog-ng.log"))


def tail(work, *more):
    # This test's own connections: other tests may run on this machine.
    t = Tracer("-q", "-o", "json", "-e", "state,connection", "--pid", str(os.getpid()), "--output-file", work.trail, *more,
               stdout=subprocess.DEVNULL, wait=False)
    t.wait_for(lambda: os.path.exists(work.trail) and os.path.getsize(work.trail) > 0)
    return t


class Logrotate:
    """The recipe, with a systemctl that knows one service."""

    def __init__(self, work, trail, recipe="logrotate/tcptrail", replace=()):
        self.program, self.env = find("logrotate")
        self.work = work
        text = work.recipe(recipe, replace).replace("\tsu tcptrail tcptrail\n", "")
        self.conf = work.write("logrotate.conf", text)
        os.chmod(self.conf, 0o644)
        os.mkdir(work.at("bin"))
        fake = work.write("bin/systemctl", "#!/bin/sh\n"
                          '[ "$*" = "kill --kill-who=main --signal=HUP tcptrail.service" ] || exit 1\n'
                          f"exec kill -HUP {trail.process.pid}\n")
        os.chmod(fake, 0o755)
        self.env = {**self.env, "PATH": work.at("bin") + os.pathsep + self.env["PATH"]}
        os.chmod(work.at("tcptrail"), 0o755)

    def rotate(self):
        out = subprocess.run([self.program, "-f", "-s", self.work.at("state/logrotate"), self.conf],
                             env=self.env, capture_output=True, text=True)
        assert out.returncode == 0 and "error" not in out.stderr, out.stderr
        assert os.path.exists(self.work.rotated), out.stderr


def compare(work, told):
    """Nothing missing, nothing changed; what came twice is said."""
    got = Counter(work.collected())
    missing = [line for line in told if line not in got]
    changed = [line for line in got if line not in set(told)]
    assert not missing, f"{len(missing)} of {len(told)} missing, first {missing[0][:200]}"
    assert not changed, f"{len(changed)} changed, first {changed[0][:200]}"
    twice = sum(got.values()) - len(got)
    return f"{len(told)} lines, {twice} twice"


def wanting(work, daemon, told):
    got = set(work.collected())
    places = [i for i, line in enumerate(told) if line not in got]
    return (f"{len(places)} of {len(told)} lines, of {len(got)} collected, from {places[:1]} to {places[-1:]}; "
            f"{daemon.said()}")


def over_rotations(work, daemon):
    """Three rotations while it runs, a restart, one rotation while it is stopped."""
    trail = tail(work)
    told = []
    try:
        rotation = Logrotate(work, trail)

        def keep():     # what logrotate is about to compress or remove
            told.extend(lines(work.rotated))
        for _ in range(3):
            load("-n", CONNECTIONS)
            rotation.rotate()
            load("-n", CONNECTIONS)
            until(lambda: os.path.exists(work.trail), "a new file")
            until(lambda: set(lines(work.rotated)) <= set(work.collected()),
                  lambda: wanting(work, daemon, lines(work.rotated)))
            keep()
        daemon.stop()
        load("-n", CONNECTIONS)
        daemon.start()
        until(lambda: len(work.collected()) > len(told), "it goes on after a restart")
        load("-n", CONNECTIONS)
        daemon.stop()
        load("-n", CONNECTIONS)
        rotation.rotate()
        load("-n", CONNECTIONS)
        daemon.start()
    finally:
        assert trail.end() == 0, trail.stderr()
    keep()
    told.extend(lines(work.trail))
    until(lambda: set(told) <= set(work.collected()), lambda: wanting(work, daemon, told))
    daemon.stop()
    assert not lines(work.at("tcptrail-refused.log")), lines(work.at("tcptrail-refused.log"))[:2]
    return compare(work, told)


def test_rsyslog_file():
    with Work() as work:
        daemon = rsyslog(work, "rsyslog/tcptrail-file.conf")
        try:
            return over_rotations(work, daemon)
        finally:
            daemon.stop()


def test_syslog_ng_file():
    with Work() as work:
        daemon = syslog_ng(work, "syslog-ng/tcptrail-file.conf")
        try:
            return over_rotations(work, daemon)
        finally:
            daemon.stop()


def test_copytruncate():
    """Between copy and truncation nothing is told here; whole lines in both, no hole."""
    with Work() as work:
        # As the recipe says: without the input of the copy.
        daemon = rsyslog(work, "rsyslog/tcptrail-file.conf", r'input\([^)]*tcptrail\.1\.ndjson[^)]*\)')
        trail = None
        try:
            trail = tail(work)
            rotation = Logrotate(work, trail, "logrotate/tcptrail-copytruncate")
            load("-n", CONNECTIONS)
            settled(work.trail)
            told = lines(work.trail)
            until(lambda: set(told) <= set(work.collected()), "all before the truncation")
            rotation.rotate()
            assert lines(work.rotated) == told
            load("-n", CONNECTIONS)
            assert trail.end() == 0, trail.stderr()
            told += lines(work.trail)
            assert all(line.startswith(b"{") for line in told)
            until(lambda: set(told) <= set(work.collected()), "all after it")
        finally:
            daemon.stop()
            if trail:
                trail.end()
        return compare(work, told)


def settled(path):
    """Nothing more is written."""
    size = [-1]

    def still():
        before, size[0] = size[0], os.path.getsize(path)
        time.sleep(0.5)
        return before == size[0]
    until(still, "an end of the file's growth")


def test_rsyslog_program():
    """Through a socket, as the recipe says: socat here is Python's."""
    with Work() as work:
        daemon = rsyslog(work, "rsyslog/tcptrail-program.conf")
        try:
            until(lambda: os.path.exists(work.at("run/rsyslog.sock")), "the socket: " + daemon.said())
            with socket.socket(socket.AF_UNIX) as out:
                out.connect(work.at("run/rsyslog.sock"))
                trail = Tracer("-q", "-o", "json", "-e", "state,connection", "--pid", str(os.getpid()),
                               stdout=out.fileno(), wait=False)
                until(lambda: work.collected(), "the start record: " + daemon.said())
                truth = load("-n", CONNECTIONS)
                until(lambda: ends_told(work) >= 2 * CONNECTIONS, "the last connection's end")
                assert trail.end() == 0, trail.stderr()
            until(lambda: work.collected() and b'"action":"stop"' in work.collected()[-1], "the stop record")
        finally:
            daemon.stop()
        return whole(work, truth)


def test_syslog_ng_program():
    """syslog-ng starts the program itself: nothing missing, nothing changed."""
    with Work() as work:
        run_it = (f"exec {tracer.TCPTRAIL} -q -o json -e state,connection --pid {os.getpid()}")
        daemon = syslog_ng(work, "syslog-ng/tcptrail-program.conf",
                           [("exec tcptrail -q -o json -e problems,summary", run_it)])
        try:
            until(lambda: work.collected(), "the start record: " + daemon.said())
            truth = load("-n", CONNECTIONS)
            until(lambda: ends_told(work) >= 2 * CONNECTIONS, "the last connection's end")
            settled(work.at("tcptrail-collected.ndjson"))
        finally:
            daemon.stop()
        return whole(work, truth)


def ends_told(work):
    """The load's last LAST-ACK may end after the load itself, on a busy CPU."""
    return sum(b'"action":"connection"' in line for line in work.collected())


def whole(work, truth):
    """Every sequence number once, and the records that the connections made."""
    records = [json.loads(line) for line in work.collected()]
    assert [r["event"]["sequence"] for r in records] == list(range(1, len(records) + 1))
    ends = tracer.of(records, "connection", truth["netns"])
    assert len(ends) == 2 * CONNECTIONS, len(ends)
    return f"{len(records)} lines"


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def query(port, expression):
    """[(labels, value)]; before the first scrape there is nothing."""
    try:
        answer = json.loads(ask(port, "/api/v1/query?query=" + urllib.parse.quote(expression)))
    except OSError:
        return []
    return [(r["metric"], float(r["value"][1])) for r in answer["data"]["result"]]


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def promtool(*args, **more):
    program, env = find("promtool")
    return subprocess.run([program, *args], env=env, capture_output=True, text=True, **more)


def test_promtool():
    rules = os.path.join(TOP, "packaging/prometheus")
    for out in (promtool("check", "rules", rules + "/tcptrail.rules.yml"),
                promtool("test", "rules", rules + "/tcptrail.rules.test.yml"),
                promtool("check", "metrics", stdin=open(TOP + "/tests/golden/prom.ok", "rb"))):
        assert out.returncode == 0 and "FAILED" not in out.stderr + out.stdout, out.stdout + out.stderr


def test_prometheus_reads_it():
    """tcptrail -> file -> node_exporter -> Prometheus -> a query, with the rules loaded."""
    with Work() as work:
        exporter, env = find("prometheus-node-exporter")
        prometheus, _ = find("prometheus")
        ports = free_ports(2)
        os.mkdir(work.at("prom"))
        shutil.copy(os.path.join(TOP, "packaging/prometheus/tcptrail.rules.yml"), work.path)
        conf = work.write("prometheus.yml", f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [tcptrail.rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{ports[0]}"]}}]
""")
        daemons = []
        trail = Tracer("-o", "none", "--metrics-file", work.at("prom/tcptrail.prom"), "--metrics-interval", "1s",
                       "-e", "default", "--pid", str(os.getpid()), wait=False)
        try:
            daemons.append(Daemon([exporter, f"--web.listen-address=127.0.0.1:{ports[0]}", "--collector.disable-defaults",
                                   "--collector.textfile", "--collector.textfile.directory=" + work.at("prom")], env,
                                  work.at("exporter.log")))
            daemons.append(Daemon([prometheus, "--config.file=" + conf, "--storage.tsdb.path=" + work.at("tsdb"),
                                   f"--web.listen-address=127.0.0.1:{ports[1]}"], env, work.at("prometheus.log")))
            until(lambda: query(ports[1], "tcptrail_build_info"), "a first scrape: " + daemons[1].said())
            load("-n", CONNECTIONS)
            ended = 'tcptrail_connections_ended_total{role="server",outcome="success"}'
            until(lambda: sum(v for _, v in query(ports[1], ended)) >= CONNECTIONS, "the connections' ends")
            moves = query(ports[1], 'tcptrail_transitions_total{from="syn_received",to="established"}')
            assert moves and moves[0][1] >= CONNECTIONS, moves
            assert query(ports[1], "histogram_quantile(0.99, sum by (le) (tcptrail_accept_wait_seconds_bucket))")
            assert query(ports[1], "node_textfile_scrape_error") == [(query(ports[1], "node_textfile_scrape_error")[0][0], 0.0)]
            groups = json.loads(ask(ports[1], "/api/v1/rules"))["data"]["groups"]
            assert all(r["health"] in ("ok", "unknown") for g in groups for r in g["rules"]) and groups, groups
        finally:
            trail.end()
            for daemon in daemons:
                daemon.stop()


if __name__ == "__main__":
    sys.exit(tracer.run([v for k, v in list(globals().items()) if k.startswith("test_")], "collectors"))
