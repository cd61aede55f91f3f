# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check.py DIR TIER PREFIX - compares what collect.sh saw with expect.py, with what the
scenarios know of their own sockets, and with what /proc said at the end."""
import collections
import datetime
import json
import os
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
        for r in records:
            if r["event"]["action"] == "state":
                demand("cookie" in r["tcptrail"], "a transition without a cookie", r)
                self.states[r["tcptrail"]["cookie"]].append(r)
        self.tries = collections.Counter()	# the last one told, by the client's port
        self.listener = next((t for t in truth if t["role"] == "listener"), None)

    def check(self):
        demand(self.end["ended"], "the scenario itself failed")
        expected = expect.SCENARIOS[self.name]
        left = dict(self.states)
        for role, sockets in expected.items():
            known = [t for t in self.truth if t["role"] == role]
            if role == "queued" or self.name == "mptcp":
                found = [(None, e) for c, e in left.items()
                         if e[0]["tcptrail"]["role"] == {"queued": "server"}.get(role, role)]
                for _, events in found:
                    del left[events[0]["tcptrail"]["cookie"]]
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
        demand(not left, "sockets that nobody opened:", *left.values())
        self.others()
        self.accepts()
        self.drops()
        self.proc()

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
        if role == "queued" or (self.name == "mptcp" and self.tier == "tracepoint"):
            return {"listener"}
        return before or {"listener", "accept"}

    def owner(self, role, truth, events):
        """The test's own pid and name on every transition, and from where."""
        for e in events:
            source = e["tcptrail"].get("owner_source")
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
            demand(abs(apart - after["event"]["duration"]) < CLOCKS_NS,
                   "duration is not", apart, after)
            demand("duration_lower_bound" not in after["tcptrail"], "lower bound:", after)
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
            if self.name == "fast-open":	# accept() may come before ESTABLISHED
                continue
            demand(len(opened) == 1 and
                   abs(wall_ns(r) - opened[0] - r["event"]["duration"]) < CLOCKS_NS, "wait:", r, opened)

    def whose(self, r, own):
        """Which try of its connection; how many connections and peers a sum is of."""
        demand("try_lower_bound" not in own and "connections_lower_bound" not in own, "bound:", r)
        if "window_ns" in own:		# all clients of a scenario have one address
            demand(1 <= own["connections"] <= min(own["count"], 14) and own["peers"] == 1, "whose:", r)
            return
        port = r["source"]["port"]
        demand(own["try"] > self.tries[port], "try:", self.tries[port], "then", r)
        self.tries[port] = own["try"]

    def drops(self):
        """Each segment refused, at the listener that did it, as often as nstat says."""
        seen = [r for r in self.records if r["event"]["action"] in ("drop", "syncookie")]
        expected = expect.DROPS.get(self.name)
        peers = {t["lport"] for t in self.truth if t["role"] == "client"}
        counted = collections.Counter()
        for r in seen:
            own = r["tcptrail"]
            if own["method"] == "poll":
                demand(self.tier == "tracepoint" and expected and
                       own["reason"] in (expected[1], "unknown"), "refused otherwise:", r)
                demand(own.get("cookie", self.listener["cookie"]) == self.listener["cookie"],
                       "another listener:", r)
                counted["drop"] += own["count"]
                continue
            stage, count = next(iter(own["stage"].items()))
            bound = expected[3] if expected and "accept_queue" in own else own.get("bound_by")
            demand((r["event"]["action"], own["reason"], stage, own.get("bound_by")) ==
                   (*(expected or ())[:3], bound), "refused otherwise:", r)
            demand(own["cookie"] == self.listener["cookie"], "another listener:", r)
            demand(r["process"]["pid"] == self.listener["pid"], "another owner:", r)
            demand(count == own["count"] and ("source" in r or count >= 1), "count:", r)
            demand("source" not in r or r["source"]["port"] in peers, "another peer:", r)
            self.whose(r, own)
            counted[own["counter"]] += count
            counted[r["event"]["action"]] += count
        if self.tier == "tracepoint":	# polled: not after the last look at the listener
            demand(counted["drop"] <= self.end["ListenDrops"], "more than there were", counted)
            return
        demand(not expected or seen, "nothing refused was seen")
        if self.name.startswith("accept-queue-full"):	# and again, 1 s later
            demand(max(self.tries.values()) == 2, "tries:", self.tries)
        for counter, ours in (("ListenOverflows", counted["ListenOverflows"]),
                              ("ListenDrops", counted["drop"]),
                              ("SyncookiesSent", counted["syncookie"])):
            there = self.end[counter]
            demand(ours == there or (self.tier == "kprobe" and ours < there),
                   counter, there, "and we saw", ours)

    def proc(self):
        """Counters and mini-sockets of the kernel at the end, which we did not write."""
        moves = collections.Counter()
        minis = []
        for events in self.states.values():
            state = None
            for e in events:
                moves[e["tcptrail"].get("from"), e["network"]["connection"]["state"]] += 1
                if wall_ns(e) <= self.end["at_ns"]:
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
                ("PassiveOpens", sum(1 for s in self.states.values()
                                     if s[0]["tcptrail"]["role"] == "server")),
                ("AttemptFails", moves["syn_sent", "closed"] + moves["syn_received", "closed"] -
                 causes["connect-failed"] - causes["cancelled"]),
                ("EstabResets", moves["established", "closed"] + moves["close_wait", "closed"]),
                ("CurrEstab", 0)):
            # A request that a RST ends is one, and no transition of a socket.
            reset = counter == "AttemptFails" and self.name == "final-ack-refused"
            demand(ours + reset == self.end[counter], counter, self.end[counter], "and we saw", ours)


def kernel_major(start):
    return int(start["tcptrail"]["kernel"].split(".")[0])


def check_stream(records, tier):
    actions = [r["event"]["action"] for r in records]
    demand(actions and actions[0] == "start" and actions[-1] == "stop", "start and stop:", actions[:1])
    demand(actions.count("stop") == 1 and actions.count("start") == 1, "one of each")
    demand(records[0]["tcptrail"]["tier"] == tier, "tier", records[0]["tcptrail"]["tier"])
    sequence = [r["event"]["sequence"] for r in records]
    demand(sequence == list(range(sequence[0], sequence[0] + len(records))), "the sequence has gaps")
    totals = records[-1]["tcptrail"]["totals"]
    # Linux 7 preempts programs: of those with one copy (resets, errors) it skips one now
    # and then. Counted is enough there; which transitions are missing the scenarios tell.
    skipped = totals["lost"]["missed"] if kernel_major(records[0]) >= 7 else 0
    demand(skipped <= 3 and totals["lost"]["total"] == skipped and totals["gaps"] == 0 and
           ("lost" in actions) == (skipped > 0), "lost:", totals)
    note = f"{skipped} skipped by this kernel, and counted" if skipped else None
    demand(totals["first_seen_late"] == 0 and totals["poorer"] == 0, "poorer:", totals)
    demand(totals["printed"] == len(records) - 2 - actions.count("heartbeat"), "printed:", totals)
    return note


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
        rows = {row["cookie"]: row for row in map(json.loads, f)}
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
    ok = report(f"{prefix}.stream", lambda: check_stream(records, tier))
    names = {end["netns"]: name for name, end in ends.items()}
    ok &= report(f"{prefix}.unknown", lambda: check_unknown(records, names))
    ok &= report(f"{prefix}.doctor", lambda: check_doctor(where))
    ok &= report(f"{prefix}.listeners", lambda: check_listeners(where, truth))
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
