# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The collectors themselves, from Debian's packages. Unpacked beside the build and not
installed: rsyslog and syslog-ng exclude each other, and no machine should begin to run
daemons because a test needed them."""
import fcntl
import glob
import os
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOT = os.path.join(TOP, "build/collectors")
PROGRAMS = {
    "rsyslogd": "rsyslog", "syslog-ng": "syslog-ng-core", "logrotate": "logrotate",
    "prometheus": "prometheus", "promtool": "prometheus", "prometheus-node-exporter": "prometheus-node-exporter",
}
# What their packages want for web pages, and what is in every Debian.
NEEDLESS = ("libjs-", "fonts-", "adduser_", "cron_", "cron-daemon-common_")


class Missing(Exception):
    """Why a program cannot be had here."""


def apt(*args):
    return subprocess.run(["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends",
                           *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)


def unpack(package):
    done = os.path.join(ROOT, package + ".unpacked")
    debs = os.path.join(ROOT, "debs", package)
    if os.path.exists(done):
        return
    if not shutil.which("apt-get"):
        raise Missing(f"no {package}, and no apt-get to bring it")
    os.makedirs(debs + "/partial", exist_ok=True)
    get = ("--download-only", "-o", "Dir::Cache::archives=" + debs, "install", package)
    out = apt(*get)
    if out.returncode:
        apt("update")
        out = apt(*get)
    if out.returncode:
        raise Missing(f"{package}: {out.stderr.strip().splitlines()[-1:]}")
    for deb in glob.glob(debs + "/*.deb"):
        if not os.path.basename(deb).startswith(NEEDLESS):
            subprocess.run(["dpkg-deb", "-x", deb, os.path.join(ROOT, "root")], check=True)
    open(done, "w", encoding="ascii").close()
    shutil.rmtree(debs)


def find(name):
    """(its path, the environment it needs)"""
    root = os.path.join(ROOT, "root")
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    env = {**os.environ, "PATH": path}
    installed = shutil.which(name, path=path)
    if installed:
        return installed, env
    os.makedirs(ROOT, exist_ok=True)
    with open(ROOT + "/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unpack(PROGRAMS[name])
    libraries = glob.glob(root + "/usr/lib/*-linux-*") + glob.glob(root + "/lib/*-linux-*") + [root + "/usr/lib/syslog-ng"]
    env["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    env["PATH"] = os.pathsep.join([root + "/usr/sbin", root + "/usr/bin", path])
    found = shutil.which(name, path=env["PATH"])
    if not found:
        raise Missing(f"{PROGRAMS[name]} has no {name}")
    return found, env


def modules(pattern):
    """A directory of plugins: where the program was built to look, or where it was unpacked."""
    for base in (ROOT + "/root", "/"):
        found = glob.glob(os.path.join(base, pattern))
        if found:
            return found[0]
    raise Missing(pattern)
