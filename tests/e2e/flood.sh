#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# flood.sh TCPTRAIL FLOOD TIER OUTDIR - traces 5 s of SYNs that are refused, and 2 s of
# SYNs that cookies answer: OUTDIR/flood0 and 1 have what was sent, flooded0 and 1 what
# was seen of it. POSIX, as collect.sh.
tcptrail=$1 flood=$2 tier=$3 out=$4
# What kprobes do not see is read from counters, where nothing is filtered out: twice
# before it is told.
filter="--lport 7777" keep=200
[ "$tier" != kprobe ] || { filter="" keep=2500; }

until_some() {
	n=0
	until [ -s "$1" ]; do
		n=$((n + 1))
		[ $n -lt 600 ] || { echo "flood: gave up: $1" >&2; return 1; }
		sleep 0.1
	done
}

# flooded SYNCOOKIES SECONDS
flooded() {
	flooder="" view=""
	# shellcheck disable=SC2086
	"$tcptrail" trace --all --probe "$tier" $filter -o json >"$out/flooded$1" 2>"$out/stderr" &
	tracer=$!
	until_some "$out/flooded$1" || return 1
	rm -f "$out/gate"
	"$flood" -c "$1" -s "$2" -p 7777 -k $keep -g "$out/gate" >"$out/flood$1" &
	flooder=$!
	"$tcptrail" listeners -i 500ms -o json --lport 7777 >"$out/listeners$1" 2>"$out/stderr" &
	view=$!
	until_some "$out/listeners$1" || return 1
	: >"$out/gate"
	wait $flooder || return 1
	kill -INT $view
	wait $view || { cat "$out/stderr" >&2; return 1; }
	# Without their listener requests go when their timer looks at them the next time.
	sleep "${SETTLE:-4}"
	kill -INT $tracer
	wait $tracer || { cat "$out/stderr" >&2; return 1; }
}

flooded 0 5 && flooded 1 2 && exit
# shellcheck disable=SC2086
kill $tracer $flooder $view 2>/dev/null
exit 1
