#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# collect_short.sh TCPTRAIL LOAD CONNECTIONS OUTDIR - short connections with RPS on lo, traced:
# OUTDIR/truth has what was made, OUTDIR/events what was seen. POSIX, for a guest.
tcptrail=$1 load=$2 connections=$3 out=$4
mkdir -p "$out" && rm -f "$out"/* && mkfifo "$out/hold" || exit 1

until_filled() {
	n=0
	until [ -s "$1" ]; do
		n=$((n + 1))
		[ $n -lt 1200 ] || { echo "short: nothing in $1" >&2; cat "$out/stderr" >&2; exit 1; }
		sleep 0.1
	done
}

"$tcptrail" trace -o json -e state >"$out/events" 2>"$out/stderr" &
tracer=$!
until_filled "$out/events"
"$load" -n "$connections" -r -H <"$out/hold" >"$out/truth" &
load=$!
# It keeps its TIME-WAITs until this is closed.
exec 3>"$out/hold"
until_filled "$out/truth"
sleep 3
exec 3>&-
wait $load || exit 1
kill -INT $tracer
wait $tracer || { cat "$out/stderr" >&2; exit 1; }
rm "$out/hold"
