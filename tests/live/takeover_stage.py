#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""In a namespace of its own: a TIME-WAIT of the server's, then the same client again, whose
handshake ends at a SYN-ACK that does not come in: a request has the addresses. Says the
listener's port, waits for stdin before the second SYN, and for its end."""
import json
import socket
import subprocess
import sys

AGAIN = ("127.0.0.1", 7001)


def client():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(AGAIN)
    return sock


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    listener = socket.create_server(("127.0.0.1", 7000))
    first = client()
    first.connect(listener.getsockname())
    server = listener.accept()[0]
    server.close()
    first.recv(1)
    first.close()
    print(json.dumps({"port": 7000}), flush=True)
    sys.stdin.readline()
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
        table ip t { chain c { type filter hook input priority 0;
        tcp flags & (syn | ack) == (syn | ack) drop
        }
        }
        """)
    second = client()
    second.setblocking(False)
    second.connect_ex(listener.getsockname())
    sys.stdin.readline()


if __name__ == "__main__":
    main()
