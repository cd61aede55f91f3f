#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""validate.py SCHEMA [NAME_ [valid]] < LINES - every line is a record of the schema, or a row
of a view's, uses no field that the schema does not know, and would be refused with a field
that it (or its action) requires removed or of another type. `valid`: that is not tried (of
many lines)."""
import copy
import json
import sys

from jsonschema.validators import Draft202012Validator

failed = 0
# Names of a part of the list of records: not every action is in it.
PART = sys.argv[2] if len(sys.argv) > 2 else ""


def report(name, problems):
    global failed
    if problems:
        failed = 1
        print(f"FAIL golden.{PART}{name}: {problems[0]}" + (f" and {len(problems) - 1} more" if len(problems) > 1 else ""))
    else:
        print(f"PASS golden.{PART}{name}")


def closed(schema):
    """The same schema, but no property that it does not name."""
    schema = copy.deepcopy(schema)

    def close(node):
        if not isinstance(node, dict):
            return
        if "properties" in node and "additionalProperties" not in node:
            node["additionalProperties"] = False
        for child in list(node.get("properties", {}).values()) + list(node.get("$defs", {}).values()):
            close(child)
        close(node.get("items"))
    close(schema)
    return schema


def required_here(node, value, path):
    """Paths of the fields that this value must have, and what is in it."""
    if isinstance(value, list):
        return [p for i, item in enumerate(value) for p in required_here(node.get("items", {}), item, (*path, i))]
    if not isinstance(value, dict):
        return []
    paths = [(*path, name) for name in node.get("required", [])]
    for name, sub in node.get("properties", {}).items():
        if name in value:
            paths += required_here(sub, value[name], (*path, name))
    return paths


def required(schema, record):
    """Paths of the fields that this record must have."""
    paths = required_here(schema, record, ())
    for rule in schema.get("allOf", []):
        if Draft202012Validator(rule["if"]).is_valid(record):
            paths += required_here(rule["then"], record, ())
    return sorted(set(paths), key=str)


def strict(schema):
    return Draft202012Validator(closed(schema))


def name_of(record):
    return record["event"]["action"] if "event" in record else "a row"


def without_rule(schema):
    """Actions of which the schema does not say what they require."""
    known = set(schema["properties"]["event"]["properties"]["action"]["enum"])
    for rule in schema["allOf"]:
        actions = rule["if"].get("properties", {}).get("event", {}).get("properties", {}).get("action", {})
        if rule["then"].get("properties", {}).get("tcptrail", {}).get("required"):
            known -= set(actions.get("enum", []))
    return sorted(known)


def at(record, path):
    for name in path[:-1]:
        record = record[name]
    return record


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        schema = json.load(f)
    Draft202012Validator.check_schema(schema)
    exact, plain = strict(schema), Draft202012Validator(schema)
    raw = sys.stdin.buffer.read().splitlines(keepends=True)
    # What collectors take; doctor's one line is for people's scripts.
    longest = 65536 if "facts" in schema["properties"] else 4096
    report("lines_are_short_utf8", [f"{len(line)} bytes" for line in raw
                                    if len(line) > longest or not line.endswith(b"\n")])
    records = [json.loads(line.decode("utf-8")) for line in raw]
    report("records", [f"{name_of(r)}: {e.message}" for r in records for e in exact.iter_errors(r)] +
           ([] if records else ["none"]))
    if len(sys.argv) > 3:
        return failed
    if "event" in schema["properties"]:
        report("every_action_requires_something", without_rule(schema))
    removed, typed = [], []
    for record in records:
        for path in required(schema, record):
            broken = copy.deepcopy(record)
            if path[-1] not in at(broken, path):
                continue
            del at(broken, path)[path[-1]]
            if plain.is_valid(broken):
                removed.append(f"{name_of(record)} without {'.'.join(map(str, path))}")
            at(broken, path)[path[-1]] = [None]
            if plain.is_valid(broken):
                typed.append(f"{name_of(record)} with another {'.'.join(map(str, path))}")
    report("removed_fields_are_refused", removed)
    report("other_types_are_refused", typed)
    if "event" not in schema["properties"]:
        return failed
    seen = {r["event"]["action"] for r in records}
    known = set(schema["properties"]["event"]["properties"]["action"]["enum"])
    if not PART:
        report("every_action_is_here", sorted(known - seen))
    numbers = [r["event"]["sequence"] for r in records]
    report("sequence_has_no_gap", [] if numbers == list(range(1, len(numbers) + 1)) else ["it has"])
    return failed


if __name__ == "__main__":
    sys.exit(main())
