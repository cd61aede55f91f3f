# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_short.py DIR NAME - what collect_short.sh saw of its connections: each exactly as it has to be,
nothing lost. The rules are those of tests/live/short.py."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
import short


def check(where):
    with open(os.path.join(where, "truth"), encoding="utf-8") as f:
        truth = json.load(f)
    with open(os.path.join(where, "events"), encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    totals = records[-1]["tcptrail"]["totals"]
    steps = short.sequences(records, truth)
    wrong, gaps, kinds = short.expect(steps, truth, totals)
    assert not wrong and not gaps and not totals["gaps"], (wrong[:3], gaps, totals)
    assert not totals["lost"]["total"], totals
    assert sum(kinds.values()) == len(steps) == 2 * truth["connections"] + 1, (kinds, totals)
    short.owners(steps, truth)
    return f"{truth['connections']} connections, recovered {totals['recovered']}"


def main(where, name):
    try:
        print(f"PASS {name} ({check(where)})")
        return 0
    except (AssertionError, KeyError, IndexError, ValueError) as why:
        print(f"FAIL {name}: {why!r}"[:1500])
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
