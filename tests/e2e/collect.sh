#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# collect.sh TCPTRAIL PLAY TIER OUTDIR - traces every scenario: OUTDIR/truth has what the
# sockets were, OUTDIR/events what was seen of them. POSIX: it also runs in a guest
# that has little more than a shell.
tcptrail=$1 play=$2 tier=$3 out=$4
mkdir -p "$out" || exit 1
rm -f "$out"/*

patience=600	# tenths of a second
until_true() {
	n=0
	until "$@"; do
		n=$((n + 1))
		[ $n -lt $patience ] || { echo "collect: gave up: $*" >&2; return 1; }
		sleep 0.1
	done
}
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

: >"$out/truth"
: >"$out/events"
# Two listeners and one connection have to be there before the tracer is.
PLAY_GATE=$out/gate "$play" --before >>"$out/truth" &
early=$!
until_true lines "$out/truth" 4 || exit 1
"$tcptrail" listeners -i 300ms -c 1 -o json >"$out/listeners" 2>"$out/stderr" || {
	cat "$out/stderr" >&2
	exit 1
}
"$tcptrail" doctor --probe "$tier" -o json >"$out/doctor" 2>"$out/stderr" || {
	cat "$out/stderr" >&2
	exit 1
}
"$tcptrail" trace --all --probe "$tier" -o json >"$out/events" 2>"$out/stderr" &
tracer=$!
until_true lines "$out/events" 1 || { cat "$out/stderr" >&2; exit 1; }
: >"$out/gate"
"$play" --all >>"$out/truth"
played=$?
rm -f "$out/gate"
wait $early || played=$?
# What is polled, and the end of a namespace, take a while.
sleep "${SETTLE:-4}"
kill -INT $tracer
wait $tracer
status=$?
echo "play $played tracer $status" >"$out/status"
[ $played = 0 ] && [ $status = 0 ] || { cat "$out/stderr" "$out/status" >&2; exit 1; }
