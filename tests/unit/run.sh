#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# run.sh PROGRAM... - the unit tests: one line a test of each program.
set -uo pipefail
failed=0
for program in "$@"; do
	name=$(basename "$program")
	out=$(timeout 120 "$program" 2>&1)
	rc=$?
	sed -n "s/^\[       OK \] /PASS $name./p; s/^\[  FAILED  \] \([a-z_0-9]*\)\$/FAIL $name.\1: see below/p
		s/^\[  SKIPPED \] \([a-z_0-9]*\)\$/SKIP $name.\1: cannot run here/p" <<<"$out"
	if [ $rc -ne 0 ]; then
		failed=1
		grep -q '^\[  FAILED  \]' <<<"$out" || echo "FAIL $name: exit $rc"
		sed 's/^/    /' <<<"$out" | tail -n 40
	fi
done
exit $failed
