# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the tracer under test, and reports: PASS name, FAIL name: why, SKIP, AGAIN."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TCPTRAIL = os.path.abspath(os.environ.get("TCPTRAIL", os.path.join(TOP, "tcptrail")))
LOAD = os.path.join(TOP, "build/tests/load")
SLOW = int(os.environ.get("TCPTRAIL_TEST_SLOW", "1"))	# how many times as long all takes here
PATIENCE = 30 * SLOW


def valid(view, rows):
    """As the schema of that command has them, which knows every field of theirs."""
    sys.path.append(os.path.join(TOP, "tests/golden"))
    try:
        from validate import strict         # pylint: disable=import-outside-toplevel
    except ImportError:                     # a guest has no jsonschema
        return rows
    schema = json.loads(subprocess.run([TCPTRAIL, "schema", view], capture_output=True, check=True).stdout)
    wrong = [(e.message, list(e.path), r) for r in rows for e in strict(schema).iter_errors(r)]
    assert not wrong, wrong[0]
    return rows


class Skip(Exception):
    """The reason why a test cannot run here."""


class Tracer:
    """tcptrail trace, its output in a file or wherever `stdout` says."""

    running = []

    def __init__(self, *args, stdout=None, wait=True, prefix=(), **popen):
        self.file = tempfile.NamedTemporaryFile(prefix="tcptrail-test.") if stdout is None else None
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*prefix, TCPTRAIL, "trace", *args], stdout=stdout or self.file,
                                        stderr=self.errors, **popen)
        self.running.append(self)
        self.seconds_to_start = None
        if wait and self.file:
            self.wait_for(lambda: os.path.getsize(self.file.name) > 0)

    def wait_for(self, condition):
        begun = time.monotonic()
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"ended early, {self.process.returncode}: {self.stderr()}")
            if time.monotonic() - begun > PATIENCE:
                raise AssertionError("nothing in %d s" % PATIENCE)
            time.sleep(0.01)
        self.seconds_to_start = time.monotonic() - begun

    def end(self, sig=signal.SIGINT, timeout=PATIENCE):
        """Signal it, wait for it; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(timeout=timeout)

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def text(self):
        with open(self.file.name, encoding="utf-8") as f:
            return f.read()

    def records(self):
        with open(self.file.name, encoding="utf-8") as f:
            return [json.loads(line) for line in f]


def of(records, action, netns=None):
    """Records of one kind, of one namespace."""
    return [r for r in records if r["event"]["action"] == action and
            (netns is None or r["tcptrail"].get("netns") == netns)]


def load(*args, **popen):
    """The load generator; its own truth of what it did."""
    out = subprocess.run([LOAD, *map(str, args)], check=False, capture_output=True, text=True, **popen)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


class Held:
    """The load generator with its namespace (and TIME-WAITs) kept until it ends."""

    def __init__(self, *args):
        self.process = subprocess.Popen([LOAD, "-H", *map(str, args)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise Skip(self.process.communicate()[1].strip())
        self.truth = json.loads(line)

    def end(self):
        self.process.communicate()


def end_forgotten():
    """A test that failed left its tracer: it would slow all that follow."""
    for tracer in Tracer.running:
        if tracer.process.poll() is None:
            tracer.process.kill()
            tracer.process.wait()
    Tracer.running.clear()


def sanitizer_found(error):
    """Rare is no excuse for those."""
    return any(word in text for text in [repr(error), *(t.stderr() for t in Tracer.running)]
               for word in ("Sanitizer", "runtime error:"))


def attempt(name, test, otherwise):
    """Reports a test that passes or cannot run, and one that fails as `otherwise` says.
    None: it may not have a second try."""
    try:
        note = test()
        print(f"PASS {name}" + (f" ({note})" if note else ""), flush=True)
        return True
    except Skip as why:
        # A second try that cannot run says nothing of the first.
        print(f"{'SKIP' if otherwise == 'AGAIN' else 'FAIL'} {name}: {why}", flush=True)
        return otherwise == "AGAIN"
    except Exception as error:  # a failed test must not hide the others
        rare = sanitizer_found(error)
        print(f"{'FAIL' if rare else otherwise} {name}: {error!r}", flush=True)
        for line in traceback.format_exc().splitlines():
            print("    " + line, flush=True)
        return None if rare else False
    finally:
        end_forgotten()


def run(tests, prefix="live"):
    """Each a function; its name without test_ is the test's. One that fails has a second
    try (tests/again.sh). Exit status."""
    failed = 0
    only = sys.argv[1:]
    unknown = set(only) - {test.__name__.removeprefix("test_") for test in tests}
    if unknown:
        print("no such test:", *unknown, file=sys.stderr)
        return 2
    for test in tests:
        name = prefix + "." + test.__name__.removeprefix("test_")
        if only and test.__name__.removeprefix("test_") not in only:
            continue
        first = attempt(name, test, "AGAIN")
        failed |= first is None or not first and not attempt(name, test, "FAIL")
    return failed
