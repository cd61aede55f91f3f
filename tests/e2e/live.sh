#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# live.sh - the scenarios on this kernel, with the tiers that it has.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
PYTHON=${PYTHON:-/usr/bin/python3} TCPTRAIL=${TCPTRAIL:-./tcptrail} PLAY=${PLAY:-build/tests/play}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tier=$("$TCPTRAIL" doctor -o json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["tier"])')
if ! RECORD=1 sh tests/e2e/collect.sh "$TCPTRAIL" "$PLAY" "$tier" "$work"; then
	echo "FAIL live.$tier.collect: see above"
	exit 1
fi
rc=0
"$PYTHON" tests/e2e/check.py "$work" "$tier" "live.$tier" || rc=1
# What the kernel really told, as the schema has it.
"$PYTHON" tests/golden/validate.py user/schema.json live_ valid <"$work/events" || rc=1
"$TCPTRAIL" doctor -o json | "$PYTHON" tests/golden/validate.py user/schema_doctor.json live_doctor_ || rc=1
exit $rc
