# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check.py DIR TIER PREFIX - compares what collect.sh saw with expect.py, with what the
scenarios know of their own sockets, and with what /proc said at the end."""
import collections
import datetime
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import expect

MINI = {"fin_wait_2": 5, "time_wait": 6}
# The clock of two events of one socket may have been read on two CPUs.
CLOCKS_NS = 5_000_000


class Wrong(Exception):
    """What a scenario shows is not what it has to."""


def demand(ok, *what):
    if not ok:
        raise Wrong(" ".join(str(w) for w in what))


def wall_ns(record):
    day, fraction = record["@timestamp"].rstrip("Z").split(".")
    when = datetime.datetime.fromisoformat(day + "+00:00")
    return int(when.timestamp()) * 10**9 + int(fraction)


def local_and_peer(record):
    """The two ends, {} where the record has none."""
    role = record["tcptrail"]["role"]
    if role == "unknown":
        return record["network"].get("local", {}), record["network"].get("peer", {})
    ends = record.get("source", {}), record.get("destination", {})
    return ends if role == "client" else ends[::-1]


def text_of(comm_hex):
    """A task's name as JSON can carry it."""
    return bytes.fromhex(comm_hex).decode("utf-8", errors="replace")


class Scenario:
    def __init__(self, name, tier, truth, end, records):
        self.name, self.tier, self.end = name, tier, end
        self.truth = truth
        self.records = records
        self.states = collections.defaultdict(list)
        self.lives = collections.defaultdict(list)
        for r in records:
            if r["event"]["action"] == "connection":
                self.lives[r["tcptrail"].get("cookie")].append(r)
            if r["event"]["action"] == "state":
                demand(r["tcptrail"]["count"] == 1, "a sum:", r)
                if self.is_late_expiry(r):
                    continue
                if "cookie" in r["tcptrail"]:
                    self.states[r["tcptrail"]["cookie"]].append(r)
        self.join([r for r in records if r["event"]["action"] == "state" and
                   "cookie" not in r["tcptrail"]])
        self.tries = collections.Counter()	# the last one told, by the client's port and stage
        self.listener = next((t for t in truth if t["role"] == "listener"), None)

    def is_late_expiry(self, r):
        """Namespaces stay until the last scenario is through: over TCP_TIMEWAIT_LEN on a slow
        machine."""
        if r["tcptrail"]["cause"] != "time-wait-expired" or wall_ns(r) <= self.end["at_ns"]:
            return False
        demand(r["event"]["duration"] > 59e9, "expired early:", r)
        return True

    def join(self, queued):
        """By kprobes the SYN queue has no cookie: the next with the same addresses."""
        for r in queued:
            demand(self.tier == "kprobe" and "syn_received" in
                   (r["tcptrail"]["from"], r["network"]["connection"]["state"]),
                   "a transition without a cookie", r)
            ends = [end["port"] for end in local_and_peer(r)]
            same = [s for s in self.states.values() if s[0]["tcptrail"]["role"] == "server" and
                    [end["port"] for end in local_and_peer(s[0])] == ends and
                    s[0]["tcptrail"]["from"] == "syn_received" and wall_ns(s[0]) > wall_ns(r)]
            if same and r["tcptrail"]["from"] == "listen":
                min(same, key=lambda s: wall_ns(s[0])).insert(0, r)
            else:
                self.states[tuple(ends)].append(r)

    def requests(self):
        """Connections that never had a full socket."""
        return [k for k, s in self.states.items() if s[0]["tcptrail"]["role"] == "server" and
                all(e["network"]["connection"]["state"] == "syn_received" or
                    (e["tcptrail"]["from"], e["network"]["connection"]["state"]) ==
                    ("syn_received", "closed") for e in s)]

    def check(self):
        demand(self.end["ended"], "the scenario itself failed")
        expected = expect.SCENARIOS[self.name]
        left = dict(self.states)
        unfinished = self.requests()
        seen = [left.pop(k) for k in unfinished]
        self.unfinished(expected.get("request", []), seen)
        for role, sockets in expected.items():
            known = [t for t in self.truth if t["role"] == role]
            if role == "request":
                continue
            if role == "queued" or self.name == "mptcp":
                found = [(None, e) for c, e in left.items()
                         if e[0]["tcptrail"]["role"] == {"queued": "server"}.get(role, role)]
                for _, events in found:
                    del left[events[-1]["tcptrail"]["cookie"]]
            else:
                demand(len(known) == len(sockets), role, "sockets in the scenario:", len(known))
                found = [(t, left.pop(t["cookie"], [])) for t in known]
            demand(len(found) == len(sockets), len(found), role, "sockets seen, not", len(sockets))
            for lines, (truth, events) in zip(sockets, found):
                self.sequence(role, expect.steps(lines, self.tier), events)
                self.owner(role, truth or known[0] if known else self.listener, events)
                if truth:
                    self.ports(role, truth, events)
                self.durations(events)
        self.opened_by_copies(left)
        self.others()
        self.accepts()
        self.connections()
        self.drops()
        self.relistens()
        self.limits()
        self.proc()
        return self.note

    def opened_by_copies(self, left):
        """A cookie leaves nothing behind at the listener: a copy of its final ACK that a busy CPU
        delivers late, when there is room, opens a connection that nobody accepts. The kernel
        counts it, too (proc())."""
        clients = {t["lport"] for t in self.truth if t["role"] == "client"}
        self.note = None
        for events in left.values():
            seen = [(e["tcptrail"].get("from"), e["network"]["connection"]["state"],
                     e["tcptrail"]["cause"], e["source"].get("port"), e["@timestamp"]) for e in events]
            demand("cookie" in self.name and [one[:2] for one in seen] ==
                   [("syn_received", "established"), ("established", "closed")] and
                   seen[0][3] in clients and events[1]["event"]["duration"] < 1e9,
                   "a socket that nobody opened:", seen)
            self.note = f"by a copy of a final ACK: {seen}"

    def unfinished(self, expected, seen):
        demand(len(seen) == len(expected) if self.tier == "fentry" else len(seen) <= len(expected),
               "unfinished:", len(seen), "not", len(expected), seen)
        for lines, events in zip(expected, seen):
            self.sequence("request", expect.steps(lines, self.tier), events)
            self.owner("request", self.listener, events)
            self.durations(events)

    def sequence(self, role, steps, events):
        seen = [(e["tcptrail"].get("from"), e["network"]["connection"]["state"], e["tcptrail"]["cause"])
                for e in events]
        rest = list(seen)
        for *step, needed in steps:
            if rest and rest[0] == tuple(step):
                rest.pop(0)
            else:
                demand(not needed, f"{role}: no {step} at its place in {seen}")
        demand(not rest, f"{role}: {rest} too much in {seen}")
        for before, after in zip(seen, seen[1:]):
            demand(before[1] == after[0], f"{role}: {before} then {after}")
        for e in events:
            demand("missed" not in e["tcptrail"], f"{role}: a gap", e)

    def sources(self, role):
        before = {"open-before": {"snapshot"}}.get(self.name)
        if role == "listener":
            return {"snapshot"} if self.name.endswith("-before") else {"listen"}
        if role == "client":
            return before or {"connect"}
        if role in ("queued", "request") or (self.name == "mptcp" and self.tier == "tracepoint"):
            return {"listener"}
        return before or {"listener", "accept"}

    def owner(self, role, truth, events):
        """The test's own pid and name on every transition, and from where."""
        for e in events:
            source = e["tcptrail"].get("owner_source")
            if e["tcptrail"]["cause"] == "listener-closed" and role == "request":
                demand(source is None, "an owner that has no listener any more:", e)
                continue
            demand(source in self.sources(role), f"{role}: owner by {source}:", e)
            owner = self.listener if source == "listener" else truth
            demand(e["process"]["pid"] == owner["pid"], f"{role}: pid is not {owner['pid']}:", e)
            demand(e["process"]["name"] == text_of(owner["comm"]), f"{role}: name:", e)
            demand(e["user"]["id"] == "0", f"{role}: uid:", e)
            demand(bool(e["tcptrail"].get("mptcp")) == (self.name == "mptcp"), "mptcp:", e)
        if role == "server" and events and "accept" in self.sources(role):
            source = events[-1]["tcptrail"]["owner_source"]
            demand(source == "accept", f"server: accepted, and at its end still by {source}")

    def ports(self, role, truth, events):
        for e in events:
            local, peer = local_and_peer(e)
            for end, port in (local, truth["lport"]), (peer, truth["rport"]):
                demand(not port or end.get("port") == port, f"{role}: port is not {port}:", e)

    def durations(self, events):
        """Time in the state left is the time since it was entered."""
        for before, after in zip(events, events[1:]):
            apart = wall_ns(after) - wall_ns(before)
            early = apart - after["event"]["duration"]
            # From the SYN-ACK on, which an emulated processor may send much later.
            slack = 10**9 if before["network"]["connection"]["state"] == "syn_received" and \
                before["tcptrail"]["from"] == "listen" else CLOCKS_NS
            demand(-CLOCKS_NS < early < slack, "duration is not", apart, after)
            demand("duration_lower_bound" not in after["tcptrail"], "lower bound:", after)
            if self.name == "defer-accept" and before["tcptrail"]["from"] == "listen":
                demand(after["event"]["duration"] > 290_000_000, "SYN-RECEIVED took", after)
        if self.name == "open-before" and events:
            demand(events[0]["tcptrail"].get("duration_lower_bound"), "no lower bound:", events[0])

    def others(self):
        cookies = {t["cookie"]: t["role"] for t in self.truth}
        made = set()
        for r in self.records:
            kind, own = r["event"]["action"], r["tcptrail"]
            role = cookies.get(own.get("cookie"))
            if kind == "reset":
                made.add((kind, own["reset"]["direction"], role))
            elif kind == "retransmit":
                made.add((kind, own["retransmit"]["type"], role))
            elif kind == "error":
                made.add((kind, r["error"]["code"], role))
        for other in expect.OTHERS.get(self.name, []):
            demand(other in made, "no record of", other, "in", sorted(map(str, made)))
        if self.name.startswith("syn-ack-expired"):
            self.expiry()

    def expiry(self):
        """The SYN-ACK sent again once, 1 s after the first (RFC 6298 section 2), and 2 s later
        none any more: tcp_synack_retries is 1."""
        again = [r for r in self.records if r["event"]["action"] == "retransmit"]
        demand(len(again) == 1 and again[0]["tcptrail"]["retransmit"]["attempt"] == 1, "sent again:", again)
        demand(again[0]["destination"]["port"] == self.listener["lport"] and
               again[0]["process"]["pid"] == self.listener["pid"], "whose:", again)
        for end in (e for s in self.states.values() for e in s if e["tcptrail"]["from"] == "syn_received"):
            apart = wall_ns(end) - wall_ns(again[0])
            demand(2.9e9 < end["event"]["duration"] < 3.9e9 and 1.9e9 < apart < 2.9e9, "expired after", apart, end)

    def accepts(self):
        """Each accept() once, by who did it, after the wait since ESTABLISHED."""
        told = [r for r in self.records if r["event"]["action"] == "accept"]
        seen = "accept" in self.sources("server")
        servers = [t for t in self.truth if t["role"] == "server"] if seen else []
        demand(len(told) == len(servers), "accepted", len(servers), "times and told:", told)
        for r in told:
            peer = r["source"]["port"]
            truth = [t for t in servers if not t["rport"] or t["rport"] == peer]
            demand(truth and any(r["process"] == {"pid": t["pid"], "name": text_of(t["comm"])}
                                 for t in truth), "accepted by another:", r, servers)
            queue = r["tcptrail"].get("accept_queue")
            demand(queue and queue["length"] <= queue["limit"] or self.name == "mptcp", "queue:", r)
            opened = [wall_ns(e) for e in self.states.get(r["tcptrail"].get("cookie"), [])
                      if e["network"]["connection"]["state"] == "established"]
            # accept() may come before ESTABLISHED.
            if r["network"]["connection"]["state"] == "syn_received":
                continue
            demand(len(opened) == 1 and
                   abs(wall_ns(r) - opened[0] - r["event"]["duration"]) < CLOCKS_NS, "wait:", r, opened)

    def connections(self):
        """One record a connection, at its end, of what its transitions said."""
        lives, unfinished = dict(self.lives), self.requests()
        for cookie, events in self.states.items():
            ends = [e for e in events if e["network"]["connection"]["state"] in ("time_wait", "closed")]
            if events[0]["tcptrail"]["role"] == "listener" or not ends or cookie in unfinished:
                continue
            told = lives.pop(cookie, [])
            demand(len(told) == 1, len(told), "records of the connection", events)
            self.life(told[0], events[:events.index(ends[0]) + 1])
        demand(not lives, "connections without a transition:", lives)

    def life(self, r, events):
        own, end = r["tcptrail"], events[-1]
        for name in "from", "cause", "role":
            demand(own[name] == end["tcptrail"][name], name, "is not that of", end, "in", r)
        demand(r["network"]["connection"] == end["network"]["connection"] and
               r["process"] == end["process"] and r.get("error") == end.get("error"), "not", end, r)
        demand((r["event"].get("outcome") == "failure") == (end["event"].get("outcome") == "failure"),
               "outcome:", r)
        closes = [e["network"]["connection"]["state"] for e in events
                  if e["network"]["connection"]["state"] in ("fin_wait_1", "close_wait")]
        demand(own.get("closed_by") == ({"fin_wait_1": "local", "close_wait": "peer"}[closes[0]]
                                        if closes else None), "closed by:", r, closes)
        if self.name == "open-before":
            demand(own.get("duration_lower_bound"), "no lower bound:", r)
            return
        for e in events:
            state, spent = e["tcptrail"]["from"], e["event"].get("duration", 0)
            demand(state in ("closed", "listen") or
                   abs(own["time_in_ns"].get(state, 0) - spent) < CLOCKS_NS, state, "took", spent, r)
        demand(abs(r["event"]["duration"] - sum(own["time_in_ns"].values())) < CLOCKS_NS, "age:", r)

    def whose(self, r, own):
        """Which try of its connection; how many connections and peers a sum is of."""
        demand("try_lower_bound" not in own and "connections_lower_bound" not in own, "bound:", r)
        if "window_ns" in own:		# all clients of a scenario have one address
            demand(1 <= own["connections"] <= min(own["count"], 14) and own["peers"] == 1, "whose:", r)
            return
        which = r["source"]["port"], *own["stage"]
        demand(own["try"] > self.tries[which], "try:", self.tries[which], "then", r)
        self.tries[which] = own["try"]

    def drops(self):
        """Each segment refused, at the listener that did it, as often as nstat says."""
        seen = [r for r in self.records if r["event"]["action"] in ("drop", "syncookie")]
        expected = expect.DROPS.get(self.name, [])
        listeners = {t["cookie"]: t for t in self.truth if t["role"] == "listener"}
        peers = {t["lport"] for t in self.truth if t["role"] == "client"}
        counted, kinds = collections.Counter(), set()
        for r in seen:
            own = r["tcptrail"]
            if own["method"] == "poll":
                demand(self.tier == ("kprobe" if "not_seen" in own else "tracepoint") and expected and
                       own["reason"] in [e[1] for e in expected] + ["unknown"], "refused otherwise:", r)
                demand(own.get("cookie", self.listener["cookie"]) in listeners,
                       "another listener:", r)
                counted[own.get("counter")] += own["count"]
                counted["drop"] += own["count"]
                continue
            stage, count = next(iter(own["stage"].items()))
            what = (r["event"]["action"], own["reason"], stage, own.get("bound_by"))
            demand(what in expected or "accept_queue" not in own and
                   what[:3] in [e[:3] for e in expected], "refused otherwise:", r)
            at = listeners.get(own["cookie"])
            demand(at and r["destination"]["port"] == at["lport"], "another listener:", r)
            demand(r["process"]["pid"] == at["pid"], "another owner:", r)
            demand(count == own["count"] and ("source" in r or count >= 1), "count:", r)
            demand("source" not in r or r["source"]["port"] in peers, "another peer:", r)
            self.whose(r, own)
            kinds.add(what[:3])
            counted[own["counter"]] += count
            counted[at["lport"]] += count
            counted[r["event"]["action"]] += count
        self.counters(counted)
        if self.tier == "tracepoint":
            return
        demand(not expected or seen, "nothing refused was seen")
        demand(self.tier != "fentry" or kinds == {e[:3] for e in expected}, "not all that was refused:", kinds)
        if self.name.startswith("accept-queue-full"):	# and again, 1 s later
            demand(max(self.tries.values()) == 2, "tries:", self.tries)
        for port in {t["rport"] for t in self.truth if t["role"] == "syns"}:
            sent = sum(t["syns"] for t in self.truth if t["role"] == "syns" and t["rport"] == port)
            demand(counted[port] == sent or (self.tier == "kprobe" and counted[port] < sent),
                   "port", port, "was sent", sent, "SYNs, refused:", counted[port])

    def counters(self, counted):
        """All that was refused, on every tier: what kprobes did not see is told as not seen.
        Cookies are where a function hook is, which a kprobe may not be called for."""
        for counter, ours in (("ListenOverflows", counted["ListenOverflows"]),
                              ("TCPReqQFullDrop", counted["TCPReqQFullDrop"]), ("ListenDrops", counted["drop"])):
            demand(ours == self.end[counter], counter, self.end[counter], "and we saw", ours)
        there, ours = self.end["SyncookiesSent"], counted["syncookie"]
        demand(ours == there or self.tier != "fentry" and ours < there, "SyncookiesSent", there, "and we saw", ours)

    def relistens(self):
        told = [r for r in self.records if r["event"]["action"] == "listen"]
        expected = expect.RELISTENS.get(self.name)
        demand(len(told) == bool(expected) or (self.tier != "fentry" and not told), "listen():", told)
        for r in told:
            own = r["tcptrail"]
            demand((own["backlog_before"], own["accept_queue"]["limit"]) == expected, "backlog:", r)
            demand(r["process"]["pid"] == self.listener["pid"] and own["role"] == "listener" and
                   r["destination"]["port"] == self.listener["lport"], "whose:", r)

    def limits(self):
        """Each call that failed at a limit, or was cut to one; no other that failed."""
        seen = collections.Counter()
        for r in self.records:
            if r["event"]["action"] != "limit":
                continue
            own = r["tcptrail"]
            who, name = r["process"]["name"].split("-", 1)
            demand(own["owner_source"] == "call" and self.name.startswith(name), "whose:", r)
            whole = own["limit"]["name"] in ("open-files", "file-max")	# none of the scenario's
            demand(own["limit"]["set_by"] and (whole or own["limit"]["value"]), "limit:", r)
            value = None if whole else own["limit"]["value"]
            seen[who, own["call"], r.get("error", {}).get("code"), own["limit"]["name"], value] += own["count"]
            listener = own["call"] in ("accept", "accept4", "listen")
            demand(not listener or own["role"] == "listener" and
                   r["destination"]["port"] == self.listener["lport"], "where:", r)
        expected = {tuple(one[:5]): one[5] for one in expect.LIMITS.get(self.name, [])}
        demand(set(seen) <= set(expected) and (self.tier == "kprobe" or dict(seen) == expected) and
               all(seen[one] <= expected[one] for one in seen), "limits:", dict(seen), "not", expected)

    def proc(self):
        """Counters and mini-sockets of the kernel at the end, which we did not write."""
        moves = collections.Counter()
        minis, unfinished = [], self.requests()
        for key, events in self.states.items():
            state = None
            if key in unfinished:
                continue
            for e in events:
                moves[e["tcptrail"].get("from"), e["network"]["connection"]["state"]] += 1
                # What only a poll sees may be told after the end, where polls take long.
                polled = e["tcptrail"]["method"] == "poll" and e["network"]["connection"]["state"] == "time_wait"
                if wall_ns(e) <= self.end["at_ns"] or polled:
                    state = e
            if state and state["network"]["connection"]["state"] in MINI:
                local, peer = local_and_peer(state)
                minis.append([local["port"], peer["port"], MINI[state["network"]["connection"]["state"]]])
        if self.name != "mptcp":	# /proc/net/tcp shows no subflows
            demand(sorted(minis) == sorted(self.end["minis"]),
                   "mini-sockets", minis, "but /proc/net/tcp has", self.end["minis"])
        if self.name.endswith("-before"):
            return
        causes = collections.Counter(e["tcptrail"]["cause"] for s in self.states.values() for e in s)
        for counter, ours in (
                ("ActiveOpens", moves["closed", "syn_sent"] - causes["connect-failed"]),
                ("PassiveOpens", sum(1 for k, s in self.states.items() if k not in unfinished and
                                     s[0]["tcptrail"]["role"] == "server")),
                ("AttemptFails", moves["syn_sent", "closed"] + moves["syn_received", "closed"] -
                 causes["connect-failed"] - causes["cancelled"]),
                ("EstabResets", moves["established", "closed"] + moves["close_wait", "closed"]),
                ("CurrEstab", 0)):
            # A request that a RST ends is one, and no transition of a socket.
            reset = counter == "AttemptFails" and self.name.startswith(("final-ack-refused", "defer-accept-full"))
            demand(ours + reset == self.end[counter], counter, self.end[counter], "and we saw", ours)


def skipped_by(where):
    """Programs that a busy CPU skipped, and how often: the tracer's debug output has them."""
    with open(os.path.join(where, "skipped"), encoding="utf-8") as f:
        return [line.split(": ", 1)[1].strip() for line in f]


def check_stream(records, tier, skipped):
    actions = [r["event"]["action"] for r in records]
    demand(actions and actions[0] == "start" and actions[-1] == "stop", "start and stop:", actions[:1])
    demand(actions.count("stop") == 1 and actions.count("start") == 1, "one of each")
    demand(records[0]["tcptrail"]["tier"] == tier, "tier", records[0]["tcptrail"]["tier"])
    sequence = [r["event"]["sequence"] for r in records]
    demand(sequence == list(range(sequence[0], sequence[0] + len(records))), "the sequence has gaps")
    totals = records[-1]["tcptrail"]["totals"]
    demand(totals["lost"]["total"] == 0 and totals["gaps"] == 0 and "lost" not in actions,
           "lost:", totals, skipped)
    if tier == "fentry":	# a hook that misses some does not balance
        for place in "syn_queue", "mini_sockets":
            demand(totals[place]["in"] == totals[place]["out"] > 0, place, totals, skipped)
    demand(totals["first_seen_late"] == 0 and totals["poorer"] == 0, "poorer:", totals)
    demand(totals["printed"] == len(records) - 2 - actions.count("heartbeat"), "printed:", totals)
    return ", ".join([f"{totals['recovered']} by a later copy"] * (totals["recovered"] > 0) + skipped)


def check_unknown(records, names):
    """`unknown` only where the table has it; `names`: netns -> scenario."""
    for r in records:
        if r["tcptrail"].get("cause") == "unknown" and r["tcptrail"]["netns"] in names:
            lines = [line for sockets in expect.SCENARIOS[names[r["tcptrail"]["netns"]]].values()
                     for socket in sockets for line in socket]
            demand(any("unknown" in line for line in lines), "unknown:", r)


def check_listeners(where, truth):
    """The listeners that are there before the tracer, in the view that needs no hooks."""
    with open(os.path.join(where, "listeners"), encoding="utf-8") as f:
        rows = {row["cookie"]: row for row in map(json.loads, f) if "listener" in row}
    there = [t for name, sockets in truth.items() for t in sockets
             if name.endswith("-before") and t["role"] == "listener"]
    demand(len(there) == 2, "listeners before:", there)
    for t in there:
        row = rows.get(t["cookie"])
        demand(row, "not in the view:", t)
        demand(row["process"] == {"pid": t["pid"], "name": text_of(t["comm"])}, "owner:", row, t)
        demand((row["listener"]["port"], row["netns"]) == (t["lport"], t["netns"]), "where:", row, t)
        demand((row["accept_queue"], row["status"], row["refused_at_most"]) ==
               ({"length": 0, "peak": 0, "limit": 5}, "ok", 0), "queue:", row)


def check_recording(where, records):
    """What was recorded is told as it was then."""
    out = subprocess.run([os.environ.get("TCPTRAIL", "./tcptrail"), "-r", os.path.join(where, "trail.rec"),
                          "-o", "json"], capture_output=True, timeout=60)
    again = [json.loads(line) for line in out.stdout.splitlines()]
    if out.returncode or len(again) != len(records):
        raise Wrong(f"exit {out.returncode}, {len(again)} records for {len(records)}: {out.stderr}")
    for a, b in zip(records[1:], again[1:]):
        if {**a, "agent": None} != {**b, "agent": None}:
            raise Wrong(f"{b} was {a}")
    return f"{len(again)} records"


def check_stalls(where):
    """What waits for accept(), with the owner of its listener; looked at before the tracer."""
    with open(os.path.join(where, "stalls"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    with open(os.path.join(where, "stopped"), encoding="utf-8") as f:
        pid, port = map(int, f.read().split())
    demand([(r["verdict"], r["count"], r["role"], r["local"]["port"], r["process"]["pid"]) for r in rows] ==
           [("accept-waiting", 1, "server", port, pid)], rows)
    demand(rows[0]["oldest_ns"] >= 300e6 and rows[0]["evidence"]["accept_queue"]["length"] == 1, rows)


def check_doctor(where):
    """What needs no function hook works on every kernel and tier."""
    with open(os.path.join(where, "doctor"), encoding="utf-8") as f:
        methods = {fact["fact"]: fact["method"] for fact in json.load(f)["facts"]}
    for fact in expect.EVERYWHERE:
        demand(methods[fact] != "none", "not seen:", fact)


def report(name, check):
    try:
        note = check()
        print("PASS", name + (f" ({note})" if note else ""))
        return True
    except (Wrong, KeyError, IndexError, ValueError) as why:
        print(f"FAIL {name}: {why!r}"[:1500])
        return False


def main(where, tier, prefix):
    truth, ends, skips = collections.defaultdict(list), {}, {}
    with open(os.path.join(where, "truth"), encoding="utf-8") as f:
        for t in map(json.loads, f):
            if "ended" in t:
                ends[t["scenario"]] = t
            elif "skip" in t:
                skips[t["scenario"]] = t["skip"]
            else:
                truth[t["scenario"]].append(t)
    with open(os.path.join(where, "events"), encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    by_netns = collections.defaultdict(list)
    for r in records:
        by_netns[r["tcptrail"].get("netns")].append(r)
    ok = report(f"{prefix}.stream", lambda: check_stream(records, tier, skipped_by(where)))
    names = {end["netns"]: name for name, end in ends.items()}
    ok &= report(f"{prefix}.unknown", lambda: check_unknown(records, names))
    if os.path.exists(os.path.join(where, "trail.rec")):
        ok &= report(f"{prefix}.recording", lambda: check_recording(where, records))
    ok &= report(f"{prefix}.doctor", lambda: check_doctor(where))
    ok &= report(f"{prefix}.listeners", lambda: check_listeners(where, truth))
    ok &= report(f"{prefix}.stalls", lambda: check_stalls(where))
    for name in expect.SCENARIOS:
        if name in skips:
            print(f"SKIP {prefix}.{name}: {skips[name]}")
        elif name not in ends:
            ok = False
            print(f"FAIL {prefix}.{name}: it never ended")
        else:
            ok &= report(f"{prefix}.{name}", lambda: Scenario(
                name, tier, truth[name], ends[name], by_netns[ends[name]["netns"]]).check())
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
