# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What has to be seen, written down by hand from RFC 9293, the kernel's source and
the README's table; never taken from the tracer's output.

Scenario -> role -> the sockets of that role in the order of their birth, each a list
of steps `from>to cause`. A step may say for one tier what differs there:
`... | tracepoint: unknown` (another cause) or `... | tracepoint: -` (not shown).
`?` before a step: may be missing on the tiers after it, as nobody can see it there.
"""

TIERS = ("fentry", "kprobe", "tracepoint")

LISTEN = ["closed>listen listen", "listen>closed process-exit"]
CONNECT = ["closed>syn_sent connect", "syn_sent>established syn-ack-received"]
ACCEPT = ["syn_received>established handshake-acked"]

# The namespace ends 2.5 s later and takes TIME-WAIT with it; what polls cannot see that.
TW_END = ["time_wait>closed time-wait-killed | kprobe: ? | tracepoint: ?"]
PASSIVE = ["established>close_wait fin-received", "close_wait>last_ack close",
           "last_ack>closed fin-acked"]
SERVER = ACCEPT + PASSIVE


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
REQUESTS = {"listener": [LISTEN], "client": [CANCELLED] * 6}
OVERFLOW = {"listener": [LISTEN], "client": [CONNECT + active("close")] * 2 + [CANCELLED] * 12,
            "server": [SERVER] * 2}

SCENARIOS = {
    "client-closes-first": HEALTHY,
    "ipv6": HEALTHY,
    "v4-mapped": HEALTHY,
    "syncookies": HEALTHY,
    "fork": HEALTHY,
    "scm-rights": HEALTHY,
    "prefork": HEALTHY,
    "renamed": HEALTHY,
    "hostile-name": HEALTHY,
    "fast-open": HEALTHY,
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
    "final-ack-refused": {
        "listener": [LISTEN],
        "client": [CONNECT + ["established>closed abort-linger"]] + [CONNECT + active("close")] * 3,
        "server": [SERVER] * 3},
    "final-ack-reset": {
        "listener": [LISTEN],
        "client": [CONNECT + RST] + [CONNECT + active("close")] * 3,
        "server": [SERVER] * 3},
    "syn-queue-full": REQUESTS,
    "max-syn-backlog": REQUESTS,
    "syncookie-sent": REQUESTS,
    # Open when the tracer starts: only what came after is seen.
    "open-before": {"listener": [LISTEN[1:]], "client": [active("close")], "server": [PASSIVE]},
    "listening-before": {"listener": [LISTEN[1:]], "client": [CONNECT + active("close")],
                         "server": [SERVER]},
}

# Records of the other kinds that the scenario must have made: kind, what of it, whose.
OTHERS = {
    "refused": [("reset", "received", "client"), ("error", "ECONNREFUSED", "client")],
    "syn-timeout": [("retransmit", "syn", "client"), ("error", "ETIMEDOUT", "client")],
    "linger0": [("reset", "sent", "client"), ("reset", "received", "server")],
    "unread-data": [("reset", "sent", "server"), ("reset", "received", "client")],
    "keepalive-timeout": [("reset", "sent", "client"), ("error", "ETIMEDOUT", "client")],
    "user-timeout": [("error", "ETIMEDOUT", "client")],
}

# What a listener refused, and at which segment; function hooks alone see SYNs.
DROPS = {
    "accept-queue-full": ("drop", "accept-queue-full", "syn", "backlog"),
    "accept-queue-full-ipv6": ("drop", "accept-queue-full", "syn", "backlog"),
    "accept-queue-full-somaxconn": ("drop", "accept-queue-full", "syn", "somaxconn"),
    "accept-queue-full-no-cookies": ("drop", "accept-queue-full", "syn", "backlog"),
    "final-ack-refused": ("drop", "accept-queue-full", "ack", "backlog"),
    "final-ack-reset": ("drop", "accept-queue-full", "ack", "backlog"),
    "syn-queue-full": ("drop", "syn-queue-full", "syn", "backlog"),
    "max-syn-backlog": ("drop", "max-syn-backlog", "syn", "tcp_max_syn_backlog"),
    "syncookies": ("syncookie", "cookie-sent", "syn", None),
    "syncookie-sent": ("syncookie", "cookie-sent", "syn", "backlog"),
}


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
            if word == "?":
                needed = False
            else:
                cause = word
        out.append((*move.split(">"), cause, needed))
    return out

# Facts that rest on tracepoints and iterators alone (user/tiers.c).
EVERYWHERE = [
    "transitions", "transitions, second copy", "gap check at the end of a socket",
    "sockets open before the start", "local port at connect()", "sockets that ended unseen",
    "owner by accept()", "retransmits", "SYN-ACK retransmits", "resets sent", "resets received",
    "socket errors", "queues of listening sockets",
]
