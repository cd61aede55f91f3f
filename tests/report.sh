# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# report.sh - sourced by the test scripts: one line a test, a status at the end.
#   PASS name / FAIL name: why / SKIP name: reason
failed=0

pass() { printf 'PASS %s\n' "$1"; }
fail() { printf 'FAIL %s: %s\n' "$1" "$2"; failed=1; }
skip() { printf 'SKIP %s: %s\n' "$1" "$2"; }

# check NAME COMMAND...: passes when the command succeeds; shows its output when not.
check() {
	local name=$1 out rc=0
	shift
	out=$("$@" 2>&1) || rc=$?
	case $rc in
	0) pass "$name" ;;
	77) skip "$name" "$(tail -n 1 <<<"$out")" ;;
	*)
		fail "$name" "exit $rc"
		sed 's/^/    /' <<<"$out" | tail -n "${REPORT_LINES:-40}"
		;;
	esac
}
