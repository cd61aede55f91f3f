#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# run.sh [--update] - the sinks against kept output; every JSON line against the
# schema, by a validator that is not ours.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
RECORDS=${RECORDS:-build/tests/records} TCPTRAIL=${TCPTRAIL:-./tcptrail} PYTHON=${PYTHON:-/usr/bin/python3}

# same NAME SINK [colour]
same() {
	local name=$1
	shift
	diff -u "tests/golden/$name.ok" <("$RECORDS" "$@")
}

# Recordings of each format that there was read the same for ever.
recorded() {
	"$TCPTRAIL" -r "tests/golden/$1.rec" -o json -e all --quiet |
		sed -E 's/"agent":\{"type":"tcptrail","ephemeral_id":"[0-9a-f]{8}"\}/"agent":{"type":"tcptrail"}/'
}

same_recorded() { diff -u "tests/golden/$1.ok" <(recorded "$1"); }

recorded_listeners() { "$TCPTRAIL" listeners -r "tests/golden/$1.rec" --utc "${@:2}"; }

same_listeners() { diff -u "tests/golden/$1_listeners.ok" <(recorded_listeners "$1" && recorded_listeners "$1" -o json); }

recorded_stalls() { "$TCPTRAIL" stalls -r "tests/golden/$1.rec" --since 2026-11-22T00:00:00Z "${@:2}"; }

same_stalls() { diff -u "tests/golden/$1_stalls.ok" <(recorded_stalls "$1" && recorded_stalls "$1" -o json); }

recorded_limits() { "$TCPTRAIL" limits -r "tests/golden/$1.rec" --all "${@:2}"; }

same_limits() { diff -u "tests/golden/$1_limits.ok" <(recorded_limits "$1" && recorded_limits "$1" -o json); }

# Its exit code is the verdict.
recorded_check() {
	"$TCPTRAIL" check -r "tests/golden/$1.rec" "${@:2}"
	echo "exit $?"
}

same_check() { diff -u "tests/golden/$1_check.ok" <(recorded_check "$1" && recorded_check "$1" -o json); }

# Summed by its own times. Of a new one: the kept one does not say what was recorded.
new_sums() {
	local dir code=0
	dir=$(mktemp -d) || return
	"$RECORDS" rec "$dir/new.rec" &&
		"$TCPTRAIL" -r "$dir/new.rec" -o json -e summary --rollup 1s --metrics-file "$dir/new.prom" --quiet |
		sed -E 's/("ephemeral_id":")[0-9a-f]{8}("\},"host")/\1\2/' || code=1
	grep -v '_bucket{' "$dir/new.prom" || code=1
	rm -r "$dir"
	return $code
}

same_sums() { diff -u tests/golden/sums.ok <(new_sums); }

if [ "${1:-}" = --update ]; then
	"$RECORDS" json >tests/golden/json.ok
	"$RECORDS" text >tests/golden/text.ok
	"$RECORDS" text colour >tests/golden/colour.ok
	"$RECORDS" prom >tests/golden/prom.ok
	new_sums >tests/golden/sums.ok
	recorded v1 >tests/golden/v1.ok
	{ recorded_listeners v1 && recorded_listeners v1 -o json; } >tests/golden/v1_listeners.ok
	{ recorded_stalls v1 && recorded_stalls v1 -o json; } >tests/golden/v1_stalls.ok
	{ recorded_limits v1 && recorded_limits v1 -o json; } >tests/golden/v1_limits.ok
	{ recorded_check v1 && recorded_check v1 -o json; } >tests/golden/v1_check.ok
	exit 0
fi
export TZ=UTC
check golden.json same json json
check golden.text same text text
check golden.colour same colour text colour
check golden.prom same prom prom
check golden.recording_v1 same_recorded v1
check golden.recording_v1_listeners same_listeners v1
check golden.recording_v1_stalls same_stalls v1
check golden.recording_v1_limits same_limits v1
check golden.recording_v1_check same_check v1
check golden.recording_sums same_sums
if "$PYTHON" -c 'import jsonschema' 2>/dev/null; then
	"$RECORDS" json | "$PYTHON" tests/golden/validate.py user/schema.json || failed=1
	"$TCPTRAIL" -r tests/golden/v1.rec -o json -e all --quiet |
		"$PYTHON" tests/golden/validate.py user/schema.json recording_ || failed=1
	# Rows that the kept recording has; of all kinds of them tests/live.
	for view in listeners stalls limits check; do
		grep -h '^{' "tests/golden/v1_$view.ok" |
			"$PYTHON" tests/golden/validate.py <("$TCPTRAIL" schema "$view") "${view}_" || failed=1
	done
else
	skip golden.schema "no python3-jsonschema"
fi
# shellcheck disable=SC2154
exit "$failed"
