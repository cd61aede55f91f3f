#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# vm.sh KERNEL TIER - the scenarios on a Debian kernel in QEMU, with one tier.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
PYTHON=${PYTHON:-/usr/bin/python3} TCPTRAIL=${TCPTRAIL:-./tcptrail} PLAY=${PLAY:-build/tests/play}
FLOOD=${FLOOD:-build/tests/flood}
kernel=$1 tier=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Few at once: 34 processes that start together on two emulated CPUs are preempted
# inside of our programs, and 32 namespaces take 0.3 s to poll, where an interval is
# 50 times what its poll took: what only a poll sees needs two of them.
keep_ms=3000
[ "$tier" != tracepoint ] || keep_ms=12000
# Polled counters are tested live.
flood=
[ "$tier" = tracepoint ] || flood="&& sh /flood.sh tcptrail flood $tier /out"
out=$(tools/vm/run -k "$kernel" -b "$TCPTRAIL" -b "$PLAY" -b "$FLOOD" -f tests/e2e/collect.sh:/collect.sh \
	-f tests/e2e/flood.sh:/flood.sh -M tcp_diag -o "$work" -t 600 -- "export SETTLE=8 PLAY_WHOLE_HOST=1 PLAY_KEEP_MS=$keep_ms PLAY_AT_ONCE=12; sh /collect.sh tcptrail play $tier /out $flood" 2>&1)
rc=$?
if [ $rc = 77 ]; then
	echo "SKIP vm.$kernel.$tier: $(tail -n 1 <<<"$out")"
elif [ $rc != 0 ]; then
	echo "FAIL vm.$kernel.$tier.collect: exit $rc"
	tail -n 30 <<<"$out" | sed 's/^/    /'
	exit 1
else
	"$PYTHON" tests/e2e/check.py "$work" "$tier" "vm.$kernel.$tier"
	rc=$?
	[ -z "$flood" ] || "$PYTHON" tests/e2e/flood.py "$work" "$tier" "vm.$kernel.$tier" || rc=1
	exit $rc
fi
