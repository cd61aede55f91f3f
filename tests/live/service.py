#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a service manager relies on: its protocol, and no more power than needed."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from tracer import TCPTRAIL, Skip, Tracer, load, of, run

# linux/capability.h
CAPS = {"dac_override": 1, "dac_read_search": 2, "sys_ptrace": 19, "sys_admin": 21,
        "perfmon": 38, "bpf": 39}
NOBODY = 65534


def capabilities(tracer):
    """The names of those it may use now, which are also all that it may have."""
    with open(f"/proc/{tracer.process.pid}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert status["CapEff"] == status["CapPrm"], status
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0, status
    assert status["NoNewPrivs"] == "1", status
    mask = int(status["CapEff"], 16)
    names = {name for name, bit in CAPS.items() if mask >> bit & 1}
    assert mask == sum(1 << CAPS[name] for name in names), hex(mask)
    return names


def opened(records, truth):
    """How many connections were told. By pid too: a namespace's number comes again."""
    return len([r for r in of(records, "state", truth["netns"])
                if r["tcptrail"].get("from") == "syn_sent" and r["process"]["pid"] == truth["client"]])


def polled():
    """Are TIME-WAITs polled here, for which namespaces are entered?"""
    out = subprocess.run([TCPTRAIL, "doctor", "-o", "json"], capture_output=True, text=True, check=True)
    return any(fact["fact"] == "TIME-WAIT left" and fact["method"] == "poll"
               for fact in json.loads(out.stdout)["facts"])


def has_dropped(tracer, expected):
    tracer.wait_for(lambda: "NoNewPrivs:\t1" in open(f"/proc/{tracer.process.pid}/status",
                                                     encoding="ascii").read())
    assert capabilities(tracer) == expected, (capabilities(tracer), expected)


def test_service_notifies():
    with tempfile.TemporaryDirectory() as directory, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(directory + "/notify")
        manager.settimeout(20)
        tracer = Tracer("-o", "json", "-e", "state", env={
            **os.environ, "NOTIFY_SOCKET": directory + "/notify", "WATCHDOG_USEC": "400000"})
        first = manager.recv(4096).decode()
        assert "READY=1" in first.splitlines(), first
        # Ready is after the hooks: nothing of this may be missing.
        truth = load("-n", 200)
        beats, began = 0, time.monotonic()
        while beats < 10:
            lines = manager.recv(4096).decode().splitlines()
            assert lines[0] == "WATCHDOG=1" and lines[1].startswith("STATUS="), lines
            beats += 1
        assert 1.0 < time.monotonic() - began < 60, time.monotonic() - began
        assert " 0 lost" in lines[1] and not lines[1].startswith("STATUS=0 "), lines
        assert tracer.end(signal.SIGTERM) == 0, tracer.stderr()
        rest = []
        while "STOPPING=1" not in rest:
            rest += manager.recv(4096).decode().splitlines()
    assert opened(tracer.records(), truth) == 200, opened(tracer.records(), truth)


def test_service_watchdog_stops_with_the_loop():
    """A tracer that hangs is one that does not say that it lives."""
    with tempfile.TemporaryDirectory() as directory, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(directory + "/notify")
        manager.settimeout(20)
        tracer = Tracer("-o", "json", env={**os.environ, "WATCHDOG_USEC": "200000",
                                           "NOTIFY_SOCKET": directory + "/notify"})
        manager.recv(4096)
        manager.recv(4096)
        tracer.process.send_signal(signal.SIGSTOP)
        tracer.wait_for(lambda: open(f"/proc/{tracer.process.pid}/stat", encoding="ascii")
                        .read().rsplit(") ", 1)[1][0] == "T")
        manager.setblocking(False)
        try:
            while manager.recv(4096):
                pass
        except BlockingIOError:
            pass
        manager.settimeout(1)
        try:
            raise AssertionError(manager.recv(4096))
        except TimeoutError:
            pass
        tracer.process.send_signal(signal.SIGCONT)
        assert tracer.end() == 0, tracer.stderr()


def test_service_gives_up_capabilities():
    """Of root's power what the configuration needs, and nothing of it to be had back."""
    enter = {"sys_admin", "sys_ptrace"}
    for args, expected in (
            (("-e", "state"), {"dac_read_search"} | (enter if polled() else set())),
            (("-e", "drop,reset"), {"dac_read_search"}),
            (("-e", "limit"), {"dac_read_search"} | enter),
            (("-e", "reset", "--output-file", "/dev/shm/tcptrail-test.json"),
             {"dac_read_search", "dac_override"})):
        tracer = Tracer("-o", "json", *args, wait="--output-file" not in args)
        has_dropped(tracer, expected)
        truth = load("-n", 50)
        assert tracer.end() == 0, tracer.stderr()
        if "state" in args:
            assert opened(tracer.records(), truth) == 50, opened(tracer.records(), truth)
    os.unlink("/dev/shm/tcptrail-test.json")


def as_nobody(directory, *caps):
    """A prefix: an unprivileged user with these capabilities and no others."""
    shutil.copy(TCPTRAIL, directory)
    os.chmod(directory, 0o755)
    names = "-all" + "".join(f",+{cap}" for cap in caps)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            f"--inh-caps={names}", f"--ambient-caps={names}", f"--bounding-set={names}"]


def test_service_unprivileged_user():
    """CAP_BPF and CAP_PERFMON are enough for every transition with its owner; what is
    missing without the others is said."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = [*as_nobody(directory, "bpf", "perfmon"), directory + "/tcptrail"]
        out = subprocess.run([*prefix, "doctor", "-o", "json"], capture_output=True, text=True)
        assert out.returncode == 0, out
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            tracer = subprocess.Popen([*prefix, "trace", "-o", "json", "-e", "state"], stdout=out,
                                      stderr=errors)
            deadline = time.monotonic() + 30
            while not os.fstat(out.fileno()).st_size and time.monotonic() < deadline:
                time.sleep(0.02)
            truth = load("-n", 100)
            tracer.send_signal(signal.SIGINT)
            assert tracer.wait(timeout=30) == 0
            errors.seek(0)
            said = errors.read().decode()
            out.seek(0)
            records = [json.loads(line) for line in out]
        assert opened(records, truth) == 100, opened(records, truth)
        assert "without CAP_DAC_READ_SEARCH" in said and "0 lost" in said, said
        assert not polled() or "without CAP_SYS_ADMIN" in said, said


def test_service_one_capability_short():
    with tempfile.TemporaryDirectory() as directory:
        for has, missing in (("bpf", "CAP_PERFMON"), ("perfmon", "CAP_BPF")):
            out = subprocess.run([*as_nobody(directory, has), directory + "/tcptrail"],
                                 capture_output=True, text=True)
            assert out.returncode == 3 and out.stderr.count("\n") == 1, out
            assert missing in out.stderr and f"CAP_{has.upper()}," not in out.stderr, out


def test_service_unit():
    """systemd's own word on the unit: it is valid, and not exposed."""
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze")
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(top + "/packaging/tcptrail.service", encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as directory:
        unit = directory + "/tcptrail.service"
        with open(unit, "w", encoding="utf-8") as f:
            f.write(text.replace("/usr/sbin/tcptrail", TCPTRAIL))
        out = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True,
                             text=True)
        # systemd-analyze of 252 also looks at units that are not ours.
        ours = [line for line in (out.stderr + out.stdout).splitlines() if "tcptrail" in line]
        assert not ours, ours
        out = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                              "--threshold=30", unit], capture_output=True, text=True)
        assert out.returncode == 0, out.stdout[-3000:] + out.stderr
        return next((line.strip("→ \n") for line in out.stdout.splitlines() if "Overall" in line), "")


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
