#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# build.sh - the build itself: both compilers, what a change rebuilds, install.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy of what is committed or about to be, so that nothing here is touched.
copy() {
	mkdir -p "$1"
	git ls-files -z -c -o --exclude-standard | tar --null --ignore-failed-read -cf - -T - 2>/dev/null | tar -xf - -C "$1"
}

build_with() {
	copy "$work/$1"
	make -s -j2 -C "$work/$1" CC="$1" tcptrail && "$work/$1/tcptrail" --version
}

# A header of either side rebuilds what includes it, and nothing rebuilds twice.
rebuilds() {
	local dir=$work/gcc out
	touch "$dir/bpf/event.h"
	out=$(make -n -C "$dir" tcptrail)
	grep -q 'bpf/state.bpf.c' <<<"$out" && grep -q 'user/decode.c' <<<"$out" || { echo "event.h is not tracked"; return 1; }
	make -s -j2 -C "$dir" tcptrail || return 1
	touch "$dir/user/record.h"
	out=$(make -n -C "$dir" tcptrail)
	grep -q 'user/sink_json.c' <<<"$out" || { echo "record.h is not tracked"; return 1; }
	! grep -q 'bpf/state.bpf.c' <<<"$out" || { echo "a user header rebuilds the kernel side"; return 1; }
	make -s -j2 -C "$dir" tcptrail || return 1
	make -q -C "$dir" tcptrail || { echo "not up to date after a build"; return 1; }
}

installs() {
	make -s -C "$work/gcc" install DESTDIR="$work/dest" PREFIX=/usr &&
		"$work/dest/usr/sbin/tcptrail" --version && [ -s "$work/dest/usr/share/man/man8/tcptrail.8" ]
}

# What is changed in /etc stays at the next install; nothing else is left behind.
uninstalls() {
	local dest=$work/gone left
	make -s -C "$work/gcc" install DESTDIR="$dest" PREFIX=/opt/tcptrail || return 1
	grep -q '^ExecStart=/opt/tcptrail/sbin/tcptrail ' "$dest/opt/tcptrail/lib/systemd/system/tcptrail.service" ||
		{ echo "the unit does not run what was installed"; return 1; }
	echo changed >"$dest/etc/default/tcptrail"
	make -s -C "$work/gcc" install uninstall DESTDIR="$dest" PREFIX=/opt/tcptrail || return 1
	left=$(find "$dest" -type f -printf '%P ' | sort)
	[ "$left" = "etc/default/tcptrail etc/logrotate.d/tcptrail " ] || { echo "left: $left"; return 1; }
	grep -qx changed "$dest/etc/default/tcptrail"
}

check build.gcc build_with gcc
check build.clang build_with clang
check build.dependencies rebuilds
check build.install installs
check build.uninstall uninstalls
check build.completion tests/completion.sh "$work/gcc/tcptrail" "$work/dest/usr/share/bash-completion/completions/tcptrail"
# shellcheck disable=SC2154
exit "$failed"
