#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# vm_short.sh KERNEL - short connections with RPS on lo, on a Debian kernel in QEMU.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
PYTHON=${PYTHON:-/usr/bin/python3} TCPTRAIL=${TCPTRAIL:-./tcptrail} LOAD=${LOAD:-build/tests/load}
kernel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$(tools/vm/run -k "$kernel" -b "$TCPTRAIL" -b "$LOAD" -f tests/e2e/collect_short.sh:/collect.sh -o "$work" -t 200 \
	-- "sh /collect.sh tcptrail load ${CONNECTIONS:-1000} /out" 2>&1)
rc=$?
if [ $rc = 77 ]; then
	echo "SKIP vm.$kernel.short-rps: $(tail -n 1 <<<"$out")"
elif [ $rc != 0 ]; then
	echo "FAIL vm.$kernel.short-rps: exit $rc"
	tail -n 30 <<<"$out" | sed 's/^/    /'
	exit 1
else
	"$PYTHON" tests/e2e/check_short.py "$work" "vm.$kernel.short-rps"
fi
