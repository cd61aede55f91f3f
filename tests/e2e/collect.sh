#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# collect.sh TCPTRAIL PLAY TIER OUTDIR - traces every scenario: OUTDIR/truth has what the
# sockets were, OUTDIR/events what was seen of them, with RECORD OUTDIR/trail.rec the same recorded. POSIX: it also runs in a guest
# that has little more than a shell.
tcptrail=$1 play=$2 tier=$3 out=$4
mkdir -p "$out" || exit 1
rm -f "$out"/*

# What is started here ends here, also where it gave up: a stopped program would stay for ever.
stopped='' client='' early='' tracer=''
# shellcheck disable=SC2086
trap 'kill -KILL $stopped $client $early $tracer 2>/dev/null' EXIT

patience=1800	# tenths of a second
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
# A stopped program that listens: its client waits for accept().
port=$((20000 + $$ % 9000))
listens() { grep -q ":$(printf %04X $port) 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }
# A signal alone does not keep it from an accept() that it is in.
stands() { grep -q "^State:.T" "/proc/$stopped/status"; }
waits() {
	"$tcptrail" stalls --lport $port --over 300ms -o json >"$out/stalls" 2>"$out/stderr" &&
		grep -q accept-waiting "$out/stalls"
}
busybox nc -l -p $port </dev/null >/dev/null 2>&1 &
stopped=$!
until_true listens || exit 1
kill -STOP "$stopped"
until_true stands || exit 1
busybox nc 127.0.0.1 $port </dev/null >/dev/null 2>&1 &
client=$!
echo "$stopped $port" >"$out/stopped"
until_true waits || { cat "$out/stderr" >&2; exit 1; }
kill -KILL "$stopped" "$client"
wait "$stopped" "$client" 2>/dev/null
stopped='' client=''
"$tcptrail" doctor --probe "$tier" -o json >"$out/doctor" 2>"$out/stderr" || {
	cat "$out/stderr" >&2
	exit 1
}
# On one tier with a filter that wants everything and is asked in the kernel: each kernel's
# verifier has to take it, and nothing may be missing.
filter=
[ "$tier" != fentry ] || filter='not dst 192.0.2.0/24,2001:db8::/32 and comm != nobody,none* and uid < 4000000000
	and (family inet or family inet6 or netns 4026531999) and not port 65534-65535 and pid != 1 and not src 198.51.100.1'
TCPTRAIL_DEBUG=1 "$tcptrail" trace --all --probe "$tier" ${RECORD:+-w "$out/trail.rec"} -o json ${filter:+"$filter"} >"$out/events" 2>"$out/stderr" &
tracer=$!
until_true lines "$out/events" 1 || { cat "$out/stderr" >&2; exit 1; }
: >"$out/gate"
"$play" --all >>"$out/truth"
played=$?
rm -f "$out/gate"
wait "$early" || played=$?
early=''
# What is polled, and the end of a namespace, take a while.
sleep "${SETTLE:-4}"
kill -INT "$tracer"
wait "$tracer"
status=$?
tracer=''
grep '^skipped: ' "$out/stderr" >"$out/skipped"
echo "play $played tracer $status" >"$out/status"
[ $played = 0 ] && [ $status = 0 ] || { cat "$out/stderr" "$out/status" >&2; exit 1; }
