#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# asan.sh - unit, golden and live tests of a build with ASan and UBSan.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
rc=0
# What is polled is polled more seldom where a poll takes longer.
export SETTLE=8
for target in check-unit check-golden; do
	make -s -j2 SANITIZE=1 "$target" | sed -E 's/^(PASS|FAIL|SKIP|AGAIN) /\1 asan./' || rc=1
done
if [ "$(id -u)" = 0 ]; then
	make -s -j2 SANITIZE=1 all build/asan/tests/play || exit 1
	LIVE_TESTS="e2e output listeners" TCPTRAIL=build/asan/tcptrail PLAY=build/asan/tests/play tests/live.sh |
		sed -E 's/^(PASS|FAIL|SKIP|AGAIN) /\1 asan./' || rc=1
else
	echo "SKIP asan.live: needs root"
fi
exit $rc
