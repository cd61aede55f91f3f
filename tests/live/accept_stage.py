#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections that wait for accept(), each a known time by this clock."""
import json
import os
import socket
import subprocess
import threading
import time

WAITS = [0, 0.002, 0.02, 0.1, 0.3]
BACKLOG = 3


def opened(port):
    client = socket.create_connection(("127.0.0.1", port))
    return client, time.monotonic_ns()


def taken(listener, client, since, told):
    server = listener.accept()[0]
    told.append({"port": client.getsockname()[1], "waited_ns": time.monotonic_ns() - since,
                 "left": 0})
    server.close()
    client.close()


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    port = listener.getsockname()[1]
    told = []
    for wait in WAITS:
        client, since = opened(port)
        time.sleep(wait)
        taken(listener, client, since, told)
    queue = [opened(port) for _ in range(BACKLOG)]
    time.sleep(0.05)
    for i, (client, since) in enumerate(queue):
        taken(listener, client, since, told)
        told[-1]["left"] = BACKLOG - 1 - i
    asleep = []
    thread = threading.Thread(target=lambda: asleep.append(listener.accept()[0]))
    thread.start()
    time.sleep(0.2)
    client, _ = opened(port)
    thread.join()
    told.append({"port": client.getsockname()[1], "waited_ns": 0, "left": 0})
    print(json.dumps({"netns": os.stat("/proc/self/ns/net").st_ino, "pid": os.getpid(),
                      "backlog": BACKLOG, "accepts": told}))


if __name__ == "__main__":
    main()
