#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# run.sh [--update] - both sinks against kept output; every JSON line against the
# schema, by a validator that is not ours.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
RECORDS=${RECORDS:-build/tests/records} PYTHON=${PYTHON:-/usr/bin/python3}

# same NAME SINK [colour]
same() {
	local name=$1
	shift
	diff -u "tests/golden/$name.ok" <("$RECORDS" "$@")
}

if [ "${1:-}" = --update ]; then
	"$RECORDS" json >tests/golden/json.ok
	"$RECORDS" text >tests/golden/text.ok
	"$RECORDS" text colour >tests/golden/colour.ok
	exit 0
fi
export TZ=UTC
check golden.json same json json
check golden.text same text text
check golden.colour same colour text colour
if "$PYTHON" -c 'import jsonschema' 2>/dev/null; then
	"$RECORDS" json | "$PYTHON" tests/golden/validate.py user/schema.json || failed=1
else
	skip golden.schema "no python3-jsonschema"
fi
# shellcheck disable=SC2154
exit "$failed"
