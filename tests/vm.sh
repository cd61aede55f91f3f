#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# vm.sh - the scenarios on Debian's kernels in QEMU, each with every tier; one
# kernel that cannot be supported has to refuse cleanly.
#   VM_KERNELS="6.1 6.12 backports"  VM_TIERS="fentry kprobe tracepoint"
#   VM_LIVE_KERNELS="6.1 6.12 backports"	(one, usually: four minutes each)
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
rc=0

refuses() {
	local out
	out=$(tools/vm/run -k 5.10 -b "$TCPTRAIL" -t 120 -- 'tcptrail; echo "status $?"') || return $?
	grep -q 'status 4' <<<"$out" && grep -q 'sk_storage' <<<"$out" || { echo "$out"; return 1; }
	[ "$(grep -c '^tcptrail: ' <<<"$out")" = 1 ] || { echo "not one line: $out"; return 1; }
}

kernels=${VM_KERNELS:-6.1 6.12 backports}
for kernel in $kernels; do
	for tier in ${VM_TIERS:-fentry kprobe tracepoint}; do
		tests/again.sh tests/e2e/vm.sh "$kernel" "$tier" || rc=1
	done
done
for kernel in ${VM_LIVE_KERNELS:-backports}; do
	tests/e2e/vm_live.sh "$kernel" || rc=1
done
# README, "Nothing is lost silently"
for kernel in 6.1 6.12; do
	case " $kernels " in
	*" $kernel "*) tests/again.sh tests/e2e/vm_short.sh "$kernel" || rc=1 ;;
	esac
done
check vm.5.10.refuses refuses
# shellcheck disable=SC2154
[ "$failed" = 0 ] || rc=1
exit $rc
