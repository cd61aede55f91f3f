# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What has to be seen, written down by hand from RFC 9293, the kernel's source and
the README's table; never taken from the tracer's output.

Scenario -> role -> the sockets of that role in the order of their birth, each a list
of steps `from>to cause`. A step may say for one tier what differs there:
`... | tracepoint: unknown` (another cause), `... | tracepoint: -` (not shown) or
`... | kprobe: ?` (may be missing, as not everything is seen there).
Role `request`: connections that never left the SYN queue; on the kprobe tier they have
no cookie.
"""

TIERS = ("fentry", "kprobe", "tracepoint")

LISTEN = ["closed>listen listen", "listen>closed process-exit"]
CONNECT = ["closed>syn_sent connect", "syn_sent>established syn-ack-received"]
# The SYN queue; no tracepoint tells of it, and a kprobe is skipped now and then.
REQUEST = ["listen>syn_received syn-received | kprobe: ? | tracepoint: -"]
COOKIE_ACCEPT = ["syn_received>established handshake-acked"]
ACCEPT = REQUEST + COOKIE_ACCEPT

# The namespace ends 2.5 s later and takes TIME-WAIT with it; what polls cannot see that.
TW_END = ["time_wait>closed time-wait-killed | kprobe: ? | tracepoint: ?"]
PASSIVE = ["established>close_wait fin-received", "close_wait>last_ack close",
           "last_ack>closed fin-acked"]
SERVER = ACCEPT + PASSIVE


def request(how):
    """One that came to nothing."""
    return REQUEST + [f"syn_received>closed {how} | kprobe: ? | tracepoint: -"]


def active(cause):
    return ["established>fin_wait_1 " + cause, "fin_wait_1>fin_wait_2 fin-acked",
            "fin_wait_2>time_wait fin-received"] + TW_END


def both(client, server, **more):
    return {"listener": [LISTEN], "client": [CONNECT + client], "server": [ACCEPT + server], **more}


def fails(how):
    return {"listener": [LISTEN], "client": [["closed>syn_sent connect", "syn_sent>closed " + how]]}


RST = ["established>closed rst-received"]
HEALTHY = both(active("close"), PASSIVE)
# The server drops what arrives until the client has given up: its FIN then meets no socket.
GIVEN_UP = ["established>fin_wait_1 close", "fin_wait_1>closed rst-received"]

CANCELLED = ["closed>syn_sent connect", "syn_sent>closed cancelled"]


def requests(queued):
    """Six clients that never answer, at a listener that goes before them."""
    return {"listener": [LISTEN], "client": [CANCELLED] * 6,
            "request": [request("listener-closed")] * queued}


# No request is kept: a cookie, and data in the SYN.
AT_ONCE = {"listener": [LISTEN], "client": [CONNECT + active("close")],
           "server": [COOKIE_ACCEPT + PASSIVE]}
OVERFLOW = {"listener": [LISTEN], "client": [CONNECT + active("close")] * 2 + [CANCELLED] * 12,
            "server": [SERVER] * 2}

SCENARIOS = {
    "client-closes-first": HEALTHY,
    "ipv6": HEALTHY,
    "v4-mapped": HEALTHY,
    "syncookies": AT_ONCE,
    "fork": HEALTHY,
    "scm-rights": HEALTHY,
    "prefork": HEALTHY,
    "renamed": HEALTHY,
    "hostile-name": HEALTHY,
    "fast-open": AT_ONCE,
    "server-closes-first": both(PASSIVE, active("close")),
    "half-close": both(active("shutdown"), PASSIVE),
    "exit": both(active("process-exit"), PASSIVE),
    "sigkill": both(active("process-exit"), PASSIVE),
    "orphan-then-fin": HEALTHY,
    "orphan-timeout": both(
        ["established>fin_wait_1 close", "fin_wait_1>fin_wait_2 fin-acked",
         "fin_wait_2>closed fin-wait-2-timeout | tracepoint: unknown"],
        PASSIVE[:2] + ["last_ack>closed rst-received"]),
    "refused": {"client": fails("rst-received")["client"]},
    "syn-timeout": fails("timeout"),
    "syn-user-timeout": fails("user-timeout"),
    "cancelled": fails("cancelled"),
    "connect-failed": {
        "listener": [LISTEN],
        "client": [CONNECT + active("close"),
                   ["closed>syn_sent connect", "syn_sent>closed connect-failed"]],
        "server": [SERVER]},
    "unread-data": both(RST, ["established>closed abort-unread-data"]),
    "linger0": both(["established>closed abort-linger"], RST),
    "linger2": both(["established>fin_wait_1 close", "fin_wait_1>fin_wait_2 fin-acked",
                     "fin_wait_2>closed abort-linger"],
                    ["established>close_wait fin-received", "close_wait>closed rst-received"]),
    "time-wait-reused": {
        "listener": [LISTEN],
        "client": [CONNECT + active("shutdown")[:3] + ["time_wait>closed time-wait-reused"],
                   CONNECT + active("shutdown")],
        "server": [SERVER, SERVER]},
    "time-wait-overflow": both(
        active("shutdown")[:2] + ["fin_wait_2>closed time-wait-overflow | tracepoint: unknown"],
        PASSIVE),
    "killed": both(["established>closed killed"], RST),
    "listener-closed": {
        "listener": [["closed>listen listen", "listen>closed close"]],
        "client": [CONNECT + RST, CONNECT + RST],
        "queued": [ACCEPT + ["established>closed listener-closed"]] * 2},
    "keepalive-timeout": both(["established>closed keepalive-timeout"], GIVEN_UP),
    "user-timeout": both(["established>closed user-timeout"], GIVEN_UP),
    # One socket is both ends: simultaneous open and simultaneous close
    # (RFC 9293, figures 7 and 13).
    "self-connect": {"client": [[
        "closed>syn_sent connect", "syn_sent>syn_received syn-received",
        "syn_received>established handshake-acked", "established>fin_wait_1 close",
        "fin_wait_1>closing fin-received", "closing>time_wait fin-acked"] + TW_END]},
    "mptcp": HEALTHY,
    # The listen queues at their limits; DROPS has what was refused.
    "accept-queue-full": OVERFLOW,
    "accept-queue-full-ipv6": OVERFLOW,
    "accept-queue-full-somaxconn": OVERFLOW,
    "accept-queue-full-no-cookies": OVERFLOW,
    "accept-queue-full-cookies-only": {**OVERFLOW, "server": [COOKIE_ACCEPT + PASSIVE] * 2},
    "accept-queue-full-scan": OVERFLOW,
    "two-listeners": {
        "listener": [LISTEN] * 2,
        "client": ([CONNECT + active("close")] * 3 + [CANCELLED] * 5 +
                   [CONNECT + active("close")] * 2 + [CANCELLED] * 4),
        "server": [SERVER] * 5},
    "two-causes": {
        "listener": [LISTEN] * 2, "client": [CONNECT + active("close")] * 2 + [CANCELLED] * 10,
        "server": [SERVER] * 2, "request": [request("listener-closed")] * 2},
    "defer-accept": HEALTHY,
    "cookie-ack-refused": {
        "listener": [LISTEN],
        "client": [CONNECT + ["established>closed abort-linger"]] + [CONNECT + active("close")] * 3,
        "server": [COOKIE_ACCEPT + PASSIVE] * 3},
    "final-ack-refused": {
        "listener": [LISTEN],
        "client": [CONNECT + ["established>closed abort-linger"]] + [CONNECT + active("close")] * 3,
        "server": [SERVER] * 3, "request": [request("rst-received")]},
    "final-ack-reset": {
        "listener": [LISTEN],
        "client": [CONNECT + RST] + [CONNECT + active("close")] * 3,
        "server": [SERVER] * 3, "request": [request("overflow-rst")]},
    "defer-accept-full": {
        "listener": [LISTEN],
        "client": ([CONNECT + ["established>closed abort-linger"]] + [CONNECT + active("close")] * 3 +
                   [CANCELLED] * 5),
        "server": [SERVER] * 3, "request": [request("rst-received")]},
    "syn-queue-full": requests(2),
    "max-syn-backlog": requests(4),
    "syncookie-sent": requests(2),
    # The other listener is whose port the SYN came from, and hears nothing.
    "syn-ack-expired": {"listener": [LISTEN] * 2, "request": [request("timeout")]},
    # At limits; LIMITS has the calls that failed.
    "accept-emfile": HEALTHY,
    "accept-enfile": HEALTHY,
    "bind-no-port": {},
    # Open when the tracer starts: only what came after is seen.
    "open-before": {"listener": [LISTEN[1:]], "client": [active("close")], "server": [PASSIVE]},
    "listening-before": {"listener": [LISTEN[1:]], "client": [CONNECT + active("close")],
                         "server": [SERVER]},
}

# Records of the other kinds that the scenario must have made: kind, what of it, whose.
OTHERS = {
    "refused": [("reset", "received", "client"), ("error", "ECONNREFUSED", "client")],
    "syn-timeout": [("retransmit", "syn", "client"), ("error", "ETIMEDOUT", "client")],
    "syn-ack-expired": [("retransmit", "syn-ack", None)],	# a request has no socket's cookie
    "linger0": [("reset", "sent", "client"), ("reset", "received", "server")],
    "unread-data": [("reset", "sent", "server"), ("reset", "received", "client")],
    "keepalive-timeout": [("reset", "sent", "client"), ("error", "ETIMEDOUT", "client")],
    "user-timeout": [("error", "ETIMEDOUT", "client")],
}

# listen() called again: the backlog before and after; seen by polls only while it lasts.
RELISTENS = {
    **{name: (5, 1) for name in ("accept-queue-full", "accept-queue-full-ipv6",
                                 "accept-queue-full-no-cookies", "accept-queue-full-cookies-only",
                                 "accept-queue-full-scan", "two-causes", "syn-queue-full",
                                 "syncookie-sent")},
    **{name: (5, 2) for name in ("two-listeners", "final-ack-refused", "final-ack-reset",
                                 "cookie-ack-refused", "defer-accept-full")},
}

SYN_REFUSED = ("drop", "accept-queue-full", "syn", "backlog")
ACK_REFUSED = ("drop", "accept-queue-full", "ack", "backlog")
REQUEST_REFUSED = ("drop", "syn-queue-full", "syn", "backlog")
COOKIE_SENT = ("syncookie", "cookie-sent", "syn", None)

# What a listener refused, and at which segment; function hooks alone see SYNs.
DROPS = {
    "accept-queue-full": [SYN_REFUSED],
    "accept-queue-full-ipv6": [SYN_REFUSED],
    "accept-queue-full-somaxconn": [("drop", "accept-queue-full", "syn", "somaxconn")],
    "accept-queue-full-no-cookies": [SYN_REFUSED],
    "accept-queue-full-cookies-only": [SYN_REFUSED, COOKIE_SENT],
    "accept-queue-full-scan": [SYN_REFUSED],
    "two-listeners": [SYN_REFUSED],
    "cookie-ack-refused": [ACK_REFUSED, COOKIE_SENT],
    "final-ack-refused": [ACK_REFUSED],
    "final-ack-reset": [ACK_REFUSED],
    "defer-accept-full": [ACK_REFUSED, SYN_REFUSED],
    "syn-queue-full": [REQUEST_REFUSED],
    "two-causes": [SYN_REFUSED, REQUEST_REFUSED],
    "max-syn-backlog": [("drop", "max-syn-backlog", "syn", "tcp_max_syn_backlog")],
    "syncookies": [COOKIE_SENT],
    "syncookie-sent": [("syncookie", "cookie-sent", "syn", "backlog")],
}

# Calls that fail at a limit, or are cut to one: whose (server or client), which, errno,
# the limit, its value (None: not the scenario's), how often.
LIMITS = {
    "connect-failed": [("c", "connect", "EADDRNOTAVAIL", "local-ports", 1, 1)],
    "accept-emfile": [("s", "accept4", "EMFILE", "open-files", None, 2),
                      ("s", "accept", "EMFILE", "open-files", None, 1),
                      ("s", "socket", "EMFILE", "open-files", None, 1)],
    "accept-enfile": [("s", "accept4", "ENFILE", "file-max", None, 1),
                      ("s", "socket", "ENFILE", "file-max", None, 1)],
    "bind-no-port": [("c", "bind", "EADDRINUSE", "local-ports", 1, 1)],
    # By the stage with 5, by the scenario with 100.
    "accept-queue-full-somaxconn": [("s", "listen", None, "somaxconn", 1, 2)],
}

# The same over the other IP.
for name in ("accept-queue-full-somaxconn", "accept-queue-full-no-cookies", "accept-queue-full-cookies-only",
             "accept-queue-full-scan", "two-listeners", "cookie-ack-refused", "final-ack-refused",
             "final-ack-reset", "defer-accept-full", "syn-ack-expired"):
    for table in SCENARIOS, OTHERS, RELISTENS, DROPS, LIMITS:
        if name in table:
            table[name + "-ipv6"] = table[name]


def steps(lines, tier):
    """[(from, to, cause, needed)] on that tier."""
    out = []
    for line in lines:
        what, *others = [part.strip() for part in line.split("|")]
        move, cause = what.split(" ")
        needed = True
        for other in others:
            where, word = other.split(": ")
            assert where in TIERS, line
            if where != tier:
                continue
            if word == "-":
                break
            if word == "?":
                needed = False
            else:
                cause = word
        else:
            out.append((*move.split(">"), cause, needed))
    return out

# Facts that rest on tracepoints and iterators alone (user/tiers.c).
EVERYWHERE = [
    "transitions", "transitions, second copy", "gap check at the end of a socket",
    "sockets open before the start", "local port at connect()", "sockets that ended unseen",
    "owner by accept()", "retransmits", "SYN-ACK retransmits", "resets sent", "resets received",
    "socket errors", "queues of listening sockets", "connections that are stuck",
    "children of a followed process", "accept() without descriptors",
    "socket() without descriptors", "connect() without local ports",
    "bind() without local ports", "listen() cut by somaxconn",
    "socket buffers, SYN queues, and who holds local ports",
    "those in a SYN queue, and without a process", "why this host drops what they wait for",
]
