#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcptrail limits: what a program ran into, gone after the cure; against /proc and ss."""
import json
import os
import shlex
import subprocess
import sys
import threading
import time

from tracer import SLOW, Skip, TCPTRAIL, run, valid

FAILING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failed_calls_stage.py")


class Stage:
    def __init__(self, name="limit_stage.py", before=None):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
        self.process = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", path], text=True, preexec_fn=before,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.here = json.loads(self.process.stdout.readline())

    def tell(self):
        print(file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def limits(*args):
    out = subprocess.run([TCPTRAIL, "limits", "-o", "json", *args], check=True, timeout=30 * SLOW,
                         capture_output=True, text=True)
    assert not out.stderr, out.stderr
    return valid("limits", [json.loads(line) for line in out.stdout.splitlines()])


def mine(rows, here):
    return {r["limit"]: r for r in reversed(rows)
            if here["netns"] == r.get("netns") or here["pid"] == r.get("pid")}


def inside(here, *command):
    return subprocess.run(["nsenter", "-t", str(here["pid"]), "-n", *command], check=True,
                          capture_output=True, text=True).stdout


def test_limits_reached_and_their_cure():
    stage = Stage()
    try:
        here = stage.here
        assert (here["ports_errno"], here["files_errno"]) == ("EADDRNOTAVAIL", "EMFILE"), here
        rows = mine(limits(), here)
        ports, files = rows["local-ports"], rows["open-files"]
        assert (ports["use"], ports["max"]) == (here["ports"], here["ports"]), (ports, here)
        assert ports["scope"].endswith("> 127.0.0.1:7000") and ports["time_wait"] == here["time_wait"]
        assert "TIME-WAIT" in ports["try"] and "ip_local_port_range" in ports["try"], ports
        listed = inside(here, "ss", "-tanH", "dport", "=", ":7000").splitlines()
        assert len(listed) == ports["use"], (listed, ports)
        assert (files["use"], files["max"], files["percent"]) == (here["soft"], here["soft"], 100), files
        assert f"--pid {here['pid']} --nofile=" in files["try"] and "time-wait" not in rows, rows
        assert (files["soft"], files["hard"]) == (here["soft"], 4096), files
        assert stage.tell() == "cured"
        assert not set(mine(limits(), here)) & {"local-ports", "open-files"}, limits()
        assert mine(limits("--all"), here)["local-ports"]["max"] > 60000
    finally:
        stage.end()


def test_buffers_and_queues():
    stage = Stage("buffer_stage.py")
    try:
        here = stage.here
        rows = [r for r in limits() if r.get("netns") == here["netns"]]
        by_limit = {r["limit"]: r for r in reversed(rows)}
        assert set(by_limit) >= {"recv-buffer", "send-buffer", "accept-queue", "syn-queue"}, rows
        recv, send, queue, syn = (by_limit[n] for n in ("recv-buffer", "send-buffer", "accept-queue", "syn-queue"))
        who = f"[{here['pid']}]"
        assert (recv["locked"], recv["set_by"], recv["max"]) == (True, "SO_RCVBUF", here["rcvbuf"]), recv
        assert recv["percent"] >= 50 and recv["window_at_most"] == here["rcvbuf"] // 2, recv
        assert recv["scope"] == f"127.0.0.1:7000 - 127.0.0.1:{here['port']}", recv
        assert recv["most_used_by"].endswith(who) and "SO_RCVBUF" in recv["try"], recv
        assert (send["locked"], send["max"], send["percent"] >= 50) == (False, here["sndbuf"], True), send
        assert send["most_used_by"].endswith(who) and "tcp_wmem" in send["set_by"], send
        assert (queue["use"], queue["max"]) == (2, 1) and queue["scope"].startswith("127.0.0.1:7001"), queue
        assert queue["most_used_by"].endswith(who) and syn["most_used_by"].endswith(who), (queue, syn)
        assert (syn["use"], syn["max"], syn["syncookies"]) == (3, 3, 0), syn
        assert syn["scope"].startswith("127.0.0.1:7002 ") and "tcp_max_syn_backlog" in syn["set_by"], syn
        assert "sysctl -w net.ipv4.tcp_syncookies=1 " in syn["try"], syn
        listed = inside(here, *advice(syn, "ss -tn state syn-recv"), "-H").splitlines()
        assert len(listed) == syn["use"], (listed, syn)
        listed = inside(here, "ss", "-tmnH", "sport", "=", ":7000", "and", "dport", "=", f":{here['port']}")
        assert f"r{recv['use']},rb{recv['max']}" in listed, (listed, recv)
        assert stage.tell() == "cured"
        rows = [r for r in limits() if r.get("netns") == here["netns"]]
        assert not {r["limit"] for r in rows} & {"recv-buffer", "send-buffer", "accept-queue", "syn-queue"}, rows
    finally:
        stage.end()


def memory_cgroup():
    """A cgroup with a limit of socket memory of 1 MiB: its directory, its limit's name."""
    name = f"tcptrail-test-{os.getpid()}"
    for line in open("/proc/self/mounts", encoding="utf-8"):
        _, point, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            path, limit = os.path.join(point, name), "memory.kmem.tcp.limit_in_bytes"
        elif kind == "cgroup2":
            path, limit = os.path.join(point, name), "memory.max"
        else:
            continue
        os.mkdir(path)
        if os.path.exists(os.path.join(path, limit)):
            return path, limit
        os.rmdir(path)
    raise Skip("no memory controller of cgroups")


def test_socket_memory_of_a_cgroup():
    path, limit = memory_cgroup()
    try:
        size = 1 << 20 if limit != "memory.max" else 64 << 20
        with open(os.path.join(path, limit), "w", encoding="ascii") as f:
            f.write(str(size))
        stage = Stage("buffer_stage.py", before=lambda: open(
            os.path.join(path, "cgroup.procs"), "w", encoding="ascii").write(str(os.getpid())))
        try:
            rows = [r for r in limits("--all") if r["limit"] == "cgroup-mem"]
            row, = (r for r in rows if r["scope"].endswith(os.path.basename(path)))
            assert row["max"] == size and row["use"] >= 65536 and row["set_by"].startswith(limit), row
            stage.tell()
        finally:
            stage.end()
        assert not [r for r in limits("--all") if r["scope"].endswith(os.path.basename(path))]
    finally:
        os.rmdir(path)


CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack_"


def test_conntrack_full():
    """Its limit is the host's, for the entries of each namespace: lowered while a namespace
    of ours alone has so many."""
    if not os.path.exists(CONNTRACK + "max"):
        raise Skip("no conntrack")
    with open(CONNTRACK + "count", encoding="ascii") as count, open(CONNTRACK + "max", encoding="ascii") as most:
        if int(count.read()) > 8:
            raise Skip("this host tracks connections of its own")
        before = most.read()
    stage = Stage("conntrack_stage.py")
    try:
        here = stage.here
        with open(CONNTRACK + "max", "w", encoding="ascii") as f:
            f.write(str(here["held"] - 8))
        row = next(r for r in limits() if r["limit"] == "conntrack" and r["netns"] == here["netns"])
        assert row["max"] == here["held"] - 8 and row["use"] >= row["max"] and row["failed"] > 0, row
        assert f"sysctl -w net.netfilter.nf_conntrack_max={2 * row['max']} " in row["try"], row
    finally:
        with open(CONNTRACK + "max", "w", encoding="ascii") as f:
            f.write(before)
    try:
        assert not [r for r in limits() if r["limit"] == "conntrack" and r["netns"] == here["netns"]]
    finally:
        stage.end()


def test_calls_that_fail():
    """Their rate and who called; check has them as critical, and nothing after the cure."""
    stage = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", FAILING, "until-told"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        here = json.loads(stage.stdout.readline())
        rows = [r for r in limits() if here["netns"] == r.get("netns") or here["pid"] == r.get("pid")]
        calls = {r["call"]: r for r in rows if "call" in r}
        assert set(calls) == {"accept4", "connect", "bind"}, rows
        for call, code in ("accept4", "EMFILE"), ("connect", "EADDRNOTAVAIL"), ("bind", "EADDRINUSE"):
            row = calls[call]
            assert row["errno"] == code and row["most_used_by" if call != "accept4" else "scope"].endswith(f"[{here['pid']}]"), row
            assert row["failed"] > 0 and row["failed_per_s"] > 0, row
        assert calls["connect"]["scope"].endswith("> 127.0.0.1:7000"), calls
        assert (calls["bind"]["use"], calls["bind"]["max"]) == (here["ports"], here["ports"]), calls
        found = subprocess.run([TCPTRAIL, "check"], capture_output=True, text=True, timeout=30 * SLOW, check=False)
        lines = [line for line in found.stdout.splitlines() if f"[{here['pid']}]" in line]
        assert found.returncode == 2, found
        for text in "accept4() fail with EMFILE", "connect() fail with EADDRNOTAVAIL":
            assert any(line.startswith("CRIT ") and text in line for line in lines), found
        print(file=stage.stdin, flush=True)
        assert stage.stdout.readline().strip() == "cured"
        assert not [r for r in limits("--all") if "call" in r and
                    here["netns"] == r.get("netns") or here["pid"] == r.get("pid") and r["failed"]]
    finally:
        stage.stdin.close()
        stage.wait()


def advice(row, start):
    """The command in what `try:` says that begins so, as words."""
    text = row["try"][row["try"].index(start):]
    for end in "; ", " (now", " in this namespace":
        text = text.split(end)[0]
    return shlex.split(text)


def test_what_try_says_cures_it():
    stage = subprocess.Popen(["unshare", "-n", "/usr/bin/python3", FAILING, "until-none"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        here = json.loads(stage.stdout.readline())

        def failing():
            return {r["call"]: r for r in limits() if r.get("failed") and "call" in r and
                    (here["netns"] == r.get("netns") or here["pid"] == r.get("pid"))}
        rows = failing()
        assert set(rows) == {"accept4", "connect"}, rows
        subprocess.run(advice(rows["accept4"], "prlimit "), check=True)
        inside(here, "sysctl", "-q", "-w", *advice(rows["connect"], "sysctl net.ipv4.ip_local_port_range")[1:])
        assert stage.stdout.readline().strip() == "none fails"
        assert not failing()
    finally:
        stage.stdin.close()
        stage.wait()


def test_both_limits_of_descriptors():
    """Soft and hard at once: what it says to try raises the two."""
    with open("/proc/self/status", encoding="ascii") as f:
        if not int(next(line for line in f if line.startswith("CapEff:")).split()[1], 16) >> 24 & 1:
            raise Skip("no CAP_SYS_RESOURCE")
    limit = 64
    program = ("import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (%d, %d))\n"
               "held = [os.dup(0) for _ in range(48)]; print(flush=True); sys.stdin.readline()" % (limit, limit))
    with subprocess.Popen(["/usr/bin/python3", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()

        def row():
            return next((r for r in limits() if r.get("pid") == process.pid), None)
        found = row()
        assert found and (found["soft"], found["hard"]) == (limit, limit), found
        subprocess.run(advice(found, "prlimit "), check=True)
        with open(f"/proc/{process.pid}/limits", encoding="ascii") as f:
            line = next(line for line in f if line.startswith("Max open files"))
        assert line.split()[3:5] == [str(4 * limit)] * 2 and not row(), line
        process.communicate(b"\n")


def test_time_wait_buckets():
    stage = Stage()
    try:
        stage.tell()
        timer = threading.Timer(5, stage.tell)	# the closing, within one of the samples
        timer.start()
        rows = [r for r in limits("-i", "4s", "-c", "2") if r["limit"] == "time-wait" and
                r["netns"] == stage.here["netns"]]
        timer.join()
        failed = sum(r["failed"] for r in rows)
        assert failed > 0 and rows[-1]["set_by"].endswith("tcp_max_tw_buckets"), rows
        assert f"tcp_max_tw_buckets={2 * rows[-1]['max']} " in rows[-1]["try"], rows
        counted = inside(stage.here, "nstat", "-asz", "TcpExtTCPTimeWaitOverflow").splitlines()[-1]
        assert failed == int(counted.split()[1]), (rows, counted)
    finally:
        stage.end()


def test_text_and_cost():
    begun = time.monotonic()
    with subprocess.Popen([TCPTRAIL, "limits", "--all"], stdout=subprocess.PIPE, text=True) as process:
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0 and time.monotonic() - begun < 3, status
    assert text.startswith("LIMIT ") and "\nfile-max " in text and "\norphans " in text, text
    assert used.ru_utime + used.ru_stime < 1, used
    with open("/proc/sys/fs/file-max", encoding="ascii") as f:
        row = next(line for line in text.splitlines() if line.startswith("file-max "))
        assert row.split()[3].replace(",", "") == f.read().strip(), row


def test_the_host_as_proc_has_it():
    rows = {r["scope"] if r["limit"] == "neighbours" else r["limit"]: r for r in limits("--all")}
    for scope, path in (("host, IPv4 (ARP)", "/proc/sys/net/ipv4/neigh/default/gc_thresh3"),
                        ("nr-open", "/proc/sys/fs/nr_open"), ("orphans", "/proc/sys/net/ipv4/tcp_max_orphans")):
        if not os.path.exists(path):	# a container's own namespace has none of the neighbours
            continue
        with open(path, encoding="ascii") as f:
            assert rows[scope]["max"] == int(f.read()), rows[scope]
    if not os.path.exists("/proc/net/stat/arp_cache"):
        return
    with open("/proc/net/stat/arp_cache", encoding="ascii") as f:
        entries = int(f.read().splitlines()[1].split()[0], 16)
    assert abs(rows["host, IPv4 (ARP)"]["use"] - entries) < 32, rows	# others come and go


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
