# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""flood.py DIR TIER PREFIX - a flood of SYNs is told in few records and to the last SYN:
what flood.sh saw in a guest against what was sent and what the kernel counted."""
import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check import demand, report

RECORDS_A_SECOND = 500


def counted(records):
    """How many events of the flood each kind of record stands for."""
    n = collections.Counter()
    for r in records:
        own = r["tcptrail"]
        moved = (own.get("from"), r["network"]["connection"]["state"]) \
            if r["event"]["action"] == "state" else ()
        n[r["event"]["action"], *moved] += own["count"]
    return n


def check(records, truth, tier):
    """Those of the listener that is flooded, or of no listener; the neighbour's are left out."""
    stop = records[-1]["tcptrail"]["totals"]
    # What a kernel skips are the neighbour's transitions; it is counted.
    skipped = stop["lost"]["missed"]
    demand(records[-1]["event"]["action"] == "stop" and stop["lost"]["total"] == skipped and
           skipped * 1000 <= stop["made"] + stop["filtered"], "lost:", stop)
    mine = [r for r in records if r["tcptrail"].get("netns") == truth["netns"] and
            r["tcptrail"]["role"] != "client" and
            r.get("destination", {}).get("port", truth["port"]) == truth["port"]]
    seconds = collections.Counter(r["@timestamp"][:19] for r in mine)
    demand(max(seconds.values()) <= RECORDS_A_SECOND, "records a second:", seconds)
    n = counted(mine)
    refused, cookies = n["drop",], n["syncookie",]
    queued = n["state", "listen", "syn_received"]
    if tier == "fentry":
        demand((refused, cookies) == (truth["ListenDrops"], truth["SyncookiesSent"]),
               "refused, cookies:", refused, cookies, truth)
        # Of what a full queue of the device dropped some may have been the neighbour's.
        demand(truth["sent"] - truth["not_arrived"] <= queued + refused + cookies <= truth["sent"],
               "queued:", queued, truth)
        ended = n["state", "syn_received", "closed"]
        demand(ended == queued, "queued", queued, "and ended", ended)
    elif tier == "kprobe":
        demand(refused == truth["ListenDrops"], "refused and not seen:", refused, truth)
        demand(cookies <= truth["SyncookiesSent"], "cookies:", cookies, truth)
    else:
        demand(refused == truth["ListenDrops"], "refused:", refused, truth)
    # The first figure comes a second after the first refusal. Of all seconds: the flood is
    # slower in some.
    rates = {own["syns"] * 1e9 / own["accepts_window_ns"] for own in (r["tcptrail"] for r in mine) if "syns" in own}
    demand(tier == "tracepoint" or not truth["ListenDrops"] or
           rates and 0.5 < sum(rates) / len(rates) * truth["seconds"] / truth["sent"] < 1.5,
           "SYNs a second:", rates, truth)
    return f"{truth['sent'] / truth['seconds']:.0f} SYNs/s in {max(seconds.values())} records/s at most, {skipped} skipped"


def check_view(rows, truth, tier):
    """tcptrail listeners while it goes on."""
    mine = [r for r in rows if r.get("cookie") == truth["cookie"]]
    demand(mine, "not in the view:", rows)
    if tier == "tracepoint":
        demand(all("syns" not in r for r in mine), "SYNs:", mine)
        return None
    seen = sum(r["syns"] for r in mine)
    demand(0 < seen <= truth["sent"], "SYNs:", mine, truth)
    return f"{seen} of {truth['sent']} SYNs"


def main(where, tier, prefix):
    ok = True
    for cookies in "0", "1":
        with open(os.path.join(where, "flood" + cookies), encoding="utf-8") as f:
            truth = json.load(f)
        with open(os.path.join(where, "flooded" + cookies), encoding="utf-8") as f:
            records = [json.loads(line) for line in f]
        with open(os.path.join(where, "listeners" + cookies), encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
        ok &= report(f"{prefix}.flood_syncookies_{cookies}", lambda: check(records, truth, tier))
        ok &= report(f"{prefix}.listeners_syncookies_{cookies}", lambda: check_view(rows, truth, tier))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
