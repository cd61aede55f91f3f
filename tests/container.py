#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The recipes in packaging/container: whole, and with the capabilities that they give
the program traces."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "live"))
from tracer import TCPTRAIL, TOP, Skip, load, of

HERE = os.path.join(TOP, "packaging/container")


def instructions():
    """The Dockerfile's stages: [[(instruction, words), ...], ...]."""
    with open(os.path.join(HERE, "Dockerfile"), encoding="utf-8") as f:
        text = re.sub(r"^#.*\n", "", f.read(), flags=re.M).replace("\\\n", " ")
    stages = []
    for line in filter(str.strip, text.splitlines()):
        word, rest = line.split(None, 1)
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def installed(stage):
    return {word for verb, rest in stage if verb == "RUN" and "apt-get install" in rest
            for word in rest.split("apt-get install", 1)[1].split("&&")[0].split()
            if not word.startswith("-")}


def pod():
    with open(os.path.join(HERE, "daemonset.yaml"), encoding="utf-8") as f:
        return yaml.safe_load(f)


def test_image():
    """What it copies is enough to build; what it has is enough to run."""
    build, final = instructions()
    with open(os.path.join(TOP, "debian/control"), encoding="utf-8") as f:
        control = re.search(r"^Build-Depends:((?:.*\n )*.*)", f.read(), re.M).group(1)
    needs = {word.split()[0] for word in control.replace("\n", " ").split(",")}
    missing = {n for n in needs if not n.startswith(("debhelper", "dh-"))} - installed(build)
    assert not missing, missing
    needed = subprocess.run(["ldd", TCPTRAIL], capture_output=True, text=True, check=True).stdout
    assert "libbpf" in needed and "libbpf1" in installed(final), needed
    with tempfile.TemporaryDirectory() as tree:
        for verb, rest in build:
            if verb != "COPY":
                continue
            *sources, to = rest.split()
            for source in sources:
                at = os.path.join(TOP, source)
                if os.path.isdir(at):
                    shutil.copytree(at, os.path.join(tree, to))
                else:
                    shutil.copy(at, tree)
        run = [rest for verb, rest in build if verb == "RUN"][-1]
        assert "make" in run, run
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        subprocess.run(run.replace("/out", tree + "/out"), shell=True, check=True, cwd=tree, env=env,
                       stdout=subprocess.DEVNULL)
        copied = [rest.split()[-2] for verb, rest in final if verb == "COPY"]
        for path in copied:
            assert os.path.exists(path.replace("/out", tree + "/out")), path
        out = subprocess.run([tree + "/out/usr/sbin/tcptrail", "--version"], capture_output=True, text=True)
        assert out.returncode == 0, out


def test_daemonset():
    """Asks for no more than it says, and the options are ones that there are."""
    spec = pod()["spec"]
    template = spec["template"]
    assert spec["selector"]["matchLabels"] == template["metadata"]["labels"]
    assert template["spec"]["hostPID"] is True
    (container,) = template["spec"]["containers"]
    context = container["securityContext"]
    assert context["privileged"] is False and context["readOnlyRootFilesystem"] is True
    assert context["capabilities"]["drop"] == ["ALL"], context
    volumes = {v["name"]: v["hostPath"]["path"] for v in template["spec"]["volumes"]}
    mounts = {m["name"]: m for m in container["volumeMounts"]}
    assert volumes.keys() == mounts.keys()
    assert all(m["readOnly"] is True and m["mountPath"] == volumes[n] for n, m in mounts.items())
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    version = subprocess.run([TCPTRAIL, "--version"], capture_output=True, text=True).stdout.split()[1]
    assert container["image"] == f"tcptrail:{version}", container["image"]
    out = subprocess.run([TCPTRAIL, *container["args"], "--help"], capture_output=True, text=True)
    assert out.returncode == 0, out
    (_, final) = instructions()
    assert json.loads([r for v, r in final if v == "CMD"][0]) == container["args"], final


def test_container_capabilities():
    """Root with those alone, which no exec brings back, as the runtime starts it."""
    if os.getuid():
        raise Skip("needs root")
    (container,) = pod()["spec"]["template"]["spec"]["containers"]
    caps = "-all" + "".join(",+" + c.lower() for c in container["securityContext"]["capabilities"]["add"])
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        tracer = subprocess.Popen(["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set={caps}",
                                   TCPTRAIL, "trace", "-o", "json", "-e", "state"], stdout=out, stderr=errors)
        deadline = time.monotonic() + 30
        while not os.fstat(out.fileno()).st_size and time.monotonic() < deadline and tracer.poll() is None:
            time.sleep(0.02)
        truth = load("-n", 20)
        tracer.send_signal(signal.SIGINT)
        code = tracer.wait(timeout=30)
        errors.seek(0)
        assert code == 0, errors.read()
        out.seek(0)
        records = [json.loads(line) for line in out]
    told = [r for r in of(records, "state", truth["netns"]) if r["tcptrail"]["from"] == "syn_sent"
            and r["process"]["pid"] == truth["client"]]
    assert len(told) == 20, len(told)


def main():
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        name = "package." + name.removeprefix("test_")
        try:
            test()
            print("PASS", name)
        except Skip as why:
            print(f"SKIP {name}: {why}")
        except Exception as why:	# a failed test must not hide the others
            failed = 1
            print(f"FAIL {name}: {why!r}"[:1500])
    return failed


if __name__ == "__main__":
    sys.exit(main())
