#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Recipes of what Debian does not have: each parses as what it is, and names only
fields that the schema has; the queries give the right answers on records."""
import configparser
import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib

import programs

TOP = programs.TOP
sys.path.insert(0, os.path.join(TOP, "tests/live"))
from tracer import Skip  # noqa: E402
import tracer  # noqa: E402

RECIPES = os.path.join(TOP, "packaging/collectors")
RECORDS = os.path.join(TOP, "build/tests/records")
PATH = re.compile(r"@?[a-z_]+(?:\.[a-z_0-9]+)*")


def read(name):
    with open(os.path.join(RECIPES, name), encoding="utf-8") as f:
        return f.read()


def schema():
    with open(os.path.join(TOP, "user/schema.json"), encoding="utf-8") as f:
        return json.load(f)


def field(path):
    """The schema of a field by its dotted path; None: there is none."""
    node, root = schema(), schema()
    for name in path.split("."):
        if "$ref" in node:
            node = root["$defs"][node["$ref"].split("/")[-1]]
        node = node.get("properties", {}).get(name)
        if node is None:
            return None
    return node


def golden():
    out = subprocess.run([RECORDS, "json"], check=True, capture_output=True, text=True).stdout
    return out.splitlines()


def yaml_of(name):
    try:
        import yaml
    except ImportError as why:
        raise Skip("no python3-yaml") from why
    return yaml.safe_load(read(name))


def assert_fields(paths):
    assert paths
    unknown = [p for p in paths if field(p) is None]
    assert not unknown, unknown


def test_journald_drop_in():
    ini = configparser.ConfigParser(strict=False, interpolation=None)
    ini.optionxform = str
    ini.read_string(read("journald/tcptrail.service.d-journal.conf"))
    assert ini["Service"]["StandardOutput"] == "journal" and ini["Service"]["LogRateLimitIntervalSec"] == "0"


def test_vector():
    conf = tomllib.loads(read("vector/tcptrail.toml"))
    inputs = {i for part in ("transforms", "sinks") for c in conf[part].values() for i in c["inputs"]}
    assert inputs <= set(conf["sources"]) | set(conf["transforms"]), inputs
    assert conf["sources"]["tcptrail_file"]["max_line_bytes"] > 4096
    assert_fields(re.findall(r'\."(@?[a-z]+)"', conf["transforms"]["tcptrail"]["source"]))


def test_fluent_bit():
    conf = yaml_of("fluent-bit/tcptrail.yaml")
    tail = conf["pipeline"]["inputs"][0]
    parser = dict(re.findall(r"^ +(\w+) +(\S+)$", read("fluent-bit/tcptrail-parsers.conf"), re.M))
    assert parser["Name"] == tail["parser"] and parser["Format"] == "json"
    assert_fields([parser["Time_Key"]])
    assert tail["skip_long_lines"] is True and tail["db"]


def test_filebeat():
    conf = yaml_of("filebeat/tcptrail.yml")
    (stream,) = conf["filebeat.inputs"]
    assert stream["type"] == "filestream" and stream["parsers"][0]["ndjson"]["target"] == ""
    assert stream["paths"] == ["/var/log/tcptrail/tcptrail*.ndjson"]


def test_opentelemetry_collector():
    conf = yaml_of("otelcol/tcptrail.yaml")
    for pipeline in conf["service"]["pipelines"].values():
        for part in "receivers", "processors", "exporters":
            assert set(pipeline[part]) <= set(conf[part])
    operators = conf["receivers"]["filelog/tcptrail"]["operators"]
    said = json.dumps(operators)
    paths = {p.removeprefix("body.") for p in re.findall(r"body(?:\.[a-z]+)+", said)}
    assert_fields(paths | set(re.findall(r'body\[\\"(@[a-z]+)\\"\]', said)))


def test_fields_named_in_the_readme():
    text = read("README.md")
    part = text[text.index("**Index**"):]
    names = [n for n in re.findall(r"`([a-z@]+(?:\.[a-z_]+)+|@timestamp)`", part)]
    assert len(names) > 15
    assert_fields(names)


def columns():
    """[(column, its type here, path)] of the table's definition."""
    found = re.findall(r"^ +(\w+) (\S+(?: ?'UTC'\))?) MATERIALIZED .*?JSONExtract(\w+)\(line, ([^)]*)\)",
                       read("clickhouse/tcptrail.sql"), re.M)
    return [(name, how, re.findall(r"'([^']+)'", path)) for name, _, how, path in found]


def test_clickhouse_columns():
    types = {"String": {"string"}, "UInt": {"integer"}}
    assert len(columns()) == read("clickhouse/tcptrail.sql").count(" MATERIALIZED ")
    for name, how, path in columns():
        node = field(".".join(path))
        assert node is not None, path
        kind = {"string"} if "enum" in node else {node["type"]}
        assert kind <= types[how], (name, how, node)


class Aggregate:
    """What ClickHouse has and SQLite has not."""

    def __init__(self):
        self.values = []

    def step(self, *values):
        self.values.append(values)


class ArgMax(Aggregate):
    def finalize(self):
        return max(self.values, key=lambda v: v[1])[0]


def store(lines):
    """A table with the columns as the definition extracts them."""
    db = sqlite3.connect(":memory:")
    db.create_aggregate("argMax", 2, ArgMax)
    db.execute("CREATE TABLE tcptrail (" + ", ".join(name for name, *_ in columns()) + ")")
    for line in lines:
        row = []
        for _, how, path in columns():
            node = json.loads(line)
            for name in path:
                node = node.get(name, {}) if isinstance(node, dict) else {}
            row.append(node if node != {} else 0 if how == "UInt" else "")
        db.execute(f"INSERT INTO tcptrail VALUES ({','.join('?' * len(row))})", row)
    return db


def ask(db, name, **parameters):
    text = read(f"clickhouse/{name}.sql")
    text = re.sub(r"\{(\w+):DateTime64\(9\)\}", r":\1", text)
    return db.execute(text, parameters).fetchall()


def test_query_listeners_that_refuse():
    db = store(golden())
    rows = ask(db, "listeners-that-refuse", since="2026-11-22T06:00:00Z")
    refused, want = {}, {}
    for row in rows:
        refused[row[2], row[5]] = refused.get((row[2], row[5]), 0) + row[6]
    for record in map(json.loads, golden()):
        if record["event"]["action"] == "drop":
            t = record["tcptrail"]
            key = (record.get("process", {}).get("name", ""), t["reason"])
            want[key] = want.get(key, 0) + t["count"]
    assert refused == {key: n for key, n in want.items() if n} and sum(want.values()) > 2000, (refused, want)
    assert rows == sorted(rows, key=lambda r: -r[6])
    assert not ask(db, "listeners-that-refuse", since="2027-01-01T00:00:00Z")


def stalled(second, pid, count, phase, verdict="close-wait", comm="java", role="client", to="10.0.0.30", stream="a"):
    return json.dumps({"@timestamp": f"2026-11-22T06:50:{second:02}.000000000Z", "agent": {"ephemeral_id": stream},
                       "host": {"name": "h"}, "event": {"action": "stall", "sequence": 1, "duration": 60 * 10**9},
                       "destination": {"ip": to, "port": 8443}, "process": {"name": comm, "pid": pid},
                       "service": {"name": comm + ".service"},
                       "tcptrail": {"count": count, "verdict": verdict, "phase": phase, "role": role}})


def test_query_who_leaks_close_wait():
    lines = [stalled(1, 7, 10, "start"), stalled(2, 7, 40, "ongoing"), stalled(3, 8, 20, "start"),
             stalled(4, 9, 99, "start", comm="nginx"), stalled(5, 9, 0, "end", comm="nginx"),
             stalled(6, 10, 77, "start", verdict="close-wait-unread"),
             # tcptrail was restarted, and the oldest of a server's came to another address
             stalled(7, 7, 50, "start", stream="b"), stalled(8, 11, 5, "start", comm="api", role="server", to="10.0.0.1"),
             stalled(9, 11, 6, "ongoing", comm="api", role="server", to="10.0.0.2")]
    times = {"since": "2026-11-22T00:00:00Z", "fresh": "2026-11-22T06:50:02Z"}
    rows = ask(store(lines), "who-leaks-close-wait", **times)
    assert rows == [("h", "java.service", "java", "10.0.0.30", 8443, 70, 60.0),
                    ("h", "api.service", "api", "", 8443, 6, 60.0)], rows
    # What nobody tells any more.
    assert not ask(store(lines), "who-leaks-close-wait", since=times["since"], fresh="2026-11-22T07:00:00Z")
    # Of records as they are.
    rows = ask(store(golden()), "who-leaks-close-wait", **times)
    assert [(r[2], r[5]) for r in rows] == [("java", 1893)], rows


def test_query_slowest_accept():
    def summary(second, port, n, p99):
        return json.dumps({"@timestamp": f"2026-11-22T06:50:{second}.000000000Z", "host": {"name": "h"},
                           "event": {"action": "summary"}, "destination": {"port": port},
                           "service": {"name": f"s{port}"}, "process": {"name": "x"},
                           "tcptrail": {"count": n, "accept_wait": {"count": n, "p50_ns": 1, "p90_ns": 2,
                                                                    "p99_ns": p99 * 10**6, "max_ns": 2 * p99 * 10**6}}})
    lines = [summary(10, 80, 100, 5), summary(20, 80, 50, 90), summary(10, 443, 3, 400)]
    rows = ask(store(lines), "slowest-accept", since="2026-11-22T00:00:00Z")
    assert [(r[1], r[4], r[5], r[6]) for r in rows] == [("s443", 3, 400, 800), ("s80", 150, 90, 180)], rows
    rows = ask(store(golden()), "slowest-accept", since="2026-11-22T00:00:00Z")
    assert rows and all(r[4] and r[5] <= r[6] for r in rows), rows


if __name__ == "__main__":
    sys.exit(tracer.run([v for k, v in list(globals().items()) if k.startswith("test_")], "collectors"))
