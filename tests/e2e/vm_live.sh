#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# vm_live.sh KERNEL - tests of this machine's kernel that have no other dependence on it,
# on a Debian kernel in QEMU: what connections are stuck by and what limits they meet.
#   TESTS='stalls: nothing_of_healthy_connections' HEALTHY_SECONDS=600 SECONDS_AT_MOST=900
#   such connections for ten minutes, a path of 300 ms among them
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
TCPTRAIL=${TCPTRAIL:-./tcptrail} LOAD=${LOAD:-build/tests/load}
kernel=$1
stdlib=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Python's own, without what nobody here imports.
library() {
	mkdir -p "$work/lib"
	tar -C "$stdlib" --exclude=test --exclude=idlelib --exclude=lib2to3 --exclude=tkinter --exclude=ensurepip \
		--exclude=dist-packages --exclude=config-* --exclude=pydoc_data -cf - . | tar -C "$work/lib" -xf -
}

# Not those of costs and deadlines: an emulated CPU takes ten times as long.
TESTS=${TESTS:-"stalls: stalls_and_their_cure stalls_at_a_peer_and_in_queues a_neighbour_that_is_missing \
a_peer_that_hears_nothing final_acks_ignored_by_a_full_queue events_of_what_begins_and_is_over why_this_host_drops_it because_of_a_queue_that_is_full \
nothing_of_healthy_connections
limits: limits_reached_and_their_cure buffers_and_queues socket_memory_of_a_cgroup conntrack_full \
calls_that_fail what_try_says_cures_it both_limits_of_descriptors time_wait_buckets
host_limits:"}

commands() {
	local name tests
	echo "echo +memory >/sys/fs/cgroup/cgroup.subtree_control; rc=0"
	while IFS=: read -r name tests; do
		echo "python3 /t/tests/live/$name.py $tests || rc=1"
	done <<<"$TESTS"
	echo "exit \$rc"
}

library
commands >"$work/commands"
tools/vm/run -k "$kernel" -b "$TCPTRAIL" -b /usr/bin/python3 -b ip -b ss -b nstat -b tc -b nft -b unshare -b nsenter \
	-b prlimit -b sysctl -f "$work/lib:$stdlib" -f tests/live:/t/tests/live -f "$LOAD:/t/build/tests/load" \
	-f "$work/commands:/commands" \
	-M tcp_diag,nf_tables,nft_ct,nf_conntrack,sch_netem,sch_tbf -t "${SECONDS_AT_MOST:-600}" \
	-- "export TCPTRAIL=/usr/bin/tcptrail TCPTRAIL_TEST_SLOW=4 TCPTRAIL_TEST_GUEST=1 HEALTHY_SECONDS=${HEALTHY_SECONDS:-9}; sh /commands" >"$work/out" 2>&1
rc=$?
if [ $rc = 77 ]; then
	echo "SKIP vm.$kernel.live: $(tail -n 1 "$work/out")"
	exit 0
fi
sed -n "s/^\(PASS\|FAIL\|SKIP\|AGAIN\) live/\1 vm.$kernel.live/p; /^    /p" "$work/out" | awk '/run: the guest did not finish/ { exit } { print }'
case $rc in
0 | 1) exit $rc ;;
esac
echo "FAIL vm.$kernel.live: exit $rc"
tail -n 30 "$work/out" | sed 's/^/    /'
exit 1
