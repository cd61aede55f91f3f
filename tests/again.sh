#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# again.sh COMMAND... - a command that reports PASS, FAIL and SKIP, once more where it
# failed. A machine whose processors wait for their host's is late anywhere, so one failure
# may be the machine's; two are ours. The first is told as AGAIN, whole, and tools/check
# allows few of them.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$@" >"$log" 2>&1 && ! grep -q '^FAIL ' "$log"; then
	cat "$log"
	exit 0
fi
if ! grep -q '^FAIL ' "$log"; then
	echo "AGAIN $*"
	sed 's/^/    /' "$log" | tail -n 40
else
	awk '/^[A-Z]+ / { shown = sub(/^FAIL /, "AGAIN ") } shown' "$log"
fi
"$@"
