#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One program's connections alone: a command that is started for it, or --pid, with the
children of both."""
import json
import subprocess
import sys
import time

from tracer import LOAD, TCPTRAIL, Tracer, of, run

N = 20


def others():
    """Connections all the while, which are nobody's business."""
    return subprocess.Popen([LOAD, "-s", "20", "-n", "10000000", "-c", "0", "-a", "1"],
                            stdout=subprocess.DEVNULL)


def stop(process):
    process.kill()
    process.wait()


def check(records, netns):
    told = [r for r in records if "network" in r]
    assert {r["tcptrail"].get("netns") for r in told} == {netns}, told[:3]
    assert len(of(told, "connection")) == 2 * N, len(of(told, "connection"))
    assert all(r["process"]["name"].startswith("load-") for r in told), told[:3]
    # From its first socket on.
    assert sum(r["network"]["connection"]["state"] == "syn_sent" for r in of(told, "state")) == N


def test_a_command_and_its_children_alone():
    noise = others()
    try:
        script = f"{LOAD} -n {N}; exit 3"
        out = subprocess.run([TCPTRAIL, "trace", "-o", "json", "--", "sh", "-c", script],
                             capture_output=True, text=True, timeout=60, check=False)
    finally:
        stop(noise)
    assert out.returncode == 0, out
    # What the command says goes to standard error: records stay whole.
    truth = json.loads(next(line for line in out.stderr.splitlines() if line.startswith("{")))
    check([json.loads(line) for line in out.stdout.splitlines()], truth["netns"])
    assert "'sh' ended with exit code 3" in out.stderr, out.stderr


def test_a_command_that_cannot_run():
    out = subprocess.run([TCPTRAIL, "trace", "--", "/nonexistent"], capture_output=True, text=True,
                         timeout=60, check=False)
    assert out.returncode == 1, out
    assert out.stderr.count("\n") == 1 and "'/nonexistent': No such file" in out.stderr, out.stderr


def test_pid_with_its_children():
    """A child that is there at the start, which starts others later."""
    shell = subprocess.Popen(["sh", "-c", f"sh -c 'read go; {LOAD} -n {N}; :'; :"], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    noise = others()
    try:
        time.sleep(0.3)		# the second shell waits
        tracer = Tracer("-o", "json", "--pid", str(shell.pid))
        print("go", file=shell.stdin, flush=True)
        truth = json.loads(shell.stdout.readline())
        time.sleep(0.5)
        assert tracer.end() == 0, tracer.stderr()
    finally:
        stop(noise)
        shell.stdin.close()
        shell.wait()
    # Sockets that nobody is known to own may be its own: they pass.
    check([r for r in tracer.records() if "process" in r], truth["netns"])


if __name__ == "__main__":
    sys.exit(run([v for k, v in list(globals().items()) if k.startswith("test_")]))
