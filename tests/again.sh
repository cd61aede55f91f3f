#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# again.sh COMMAND... - a command that reports PASS, FAIL and SKIP, once more where it
# failed. A machine whose processors wait for their host's is late anywhere, so one failure
# may be the machine's; two are ours, and so is what a sanitizer finds. The first try is told
# as AGAIN, whole; tools/check allows few of them.
set -uo pipefail
log=$(mktemp) second=$(mktemp)
trap 'rm -f "$log" "$second"' EXIT
if "$@" >"$log" 2>&1 && ! grep -q '^FAIL ' "$log"; then
	cat "$log"
	exit 0
fi
if grep -qE 'Sanitizer|runtime error:' "$log"; then
	cat "$log"
	exit 1
fi
echo "AGAIN $*: $(grep -c '^FAIL ' "$log") failed"
sed 's/^/    /' "$log"
"$@" >"$second" 2>&1
rc=$?
# One that failed, and is skipped now, says nothing of the first try.
awk 'FILENAME == ARGV[1] { if (/^FAIL /) { sub(/:$/, "", $2); bad[$2] = 1 }; next }
	{ name = $2; sub(/:$/, "", name) }
	/^SKIP / && name in bad { sub(/^SKIP /, "FAIL ") }
	/^FAIL / { failed = 1 }
	{ print }
	END { exit failed }' "$log" "$second" && [ "$rc" = 0 ]
