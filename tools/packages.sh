# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# packages.sh - sourced: what a fresh machine needs, and how it gets it. Says
# everything on stderr; nothing is installed that is there, so it works offline.

# "package:what it gives": a program in PATH, a header, or else the package.
run_packages=(make:make gcc:gcc clang:clang pkg-config:pkg-config libbpf-dev:/usr/include/bpf/libbpf.h
	bpftool:bpftool libelf-dev:/usr/include/libelf.h zlib1g-dev:/usr/include/zlib.h)
check_packages=(libcmocka-dev:/usr/include/cmocka.h iproute2:ip qemu-system-x86:qemu-system-x86_64
	busybox-static:busybox kmod:depmod cpio:cpio xz-utils:xz zstd:zstd mandoc:mandoc
	shellcheck:shellcheck python3-yaml:/usr/lib/python3/dist-packages/yaml libclang-rt-14-dev:- util-linux:setpriv procps:ps
	python3:/usr/bin/python3 python3-jsonschema:/usr/lib/python3/dist-packages/jsonschema
	systemd:systemd-analyze logrotate:logrotate git:git nftables:nft build-essential:-
	dpkg-dev:dpkg-buildpackage debhelper:dh lintian:lintian)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

have() {
	local gives=${1#*:} package=${1%%:*}
	PATH=$PATH:/usr/sbin:/sbin
	case $gives in
	-) dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ;;
	/*) [ -e "$gives" ] ;;
	*) command -v "$gives" >/dev/null ;;
	esac
}

# The names on this machine: bpftool is in linux-tools on Ubuntu, the sanitizers'
# package carries clang's version.
name_here() {
	case $1 in
	bpftool) apt-cache show bpftool >/dev/null 2>&1 && echo bpftool || echo "linux-tools-common linux-tools-$(uname -r)" ;;
	libclang-rt-14-dev)
		if apt-cache show "$1" 2>/dev/null | grep -q ^Package; then echo "$1"; else echo libclang-rt-dev; fi
		;;
	*) echo "$1" ;;
	esac
}

# install PACKAGE:GIVES... - only what is missing.
install() {
	local missing=() names=() p
	for p in "$@"; do
		have "$p" || missing+=("${p%%:*}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		say "please install what Debian calls: ${missing[*]}"
		return 1
	fi
	[ "$(id -u)" = 0 ] || { say "missing: ${missing[*]}; run this as root to install them"; return 1; }
	say "installing ${missing[*]}"
	apt-get -qq update >&2 || say "apt-get update failed; trying with what is known"
	for p in "${missing[@]}"; do
		read -ra p <<<"$(name_here "$p")"
		names+=("${p[@]}")
	done
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y install "${names[@]}" >&2 ||
		{ say "could not install ${names[*]}"; return 1; }
}

# as_root "$@" - goes on as root, by sudo where that is needed and there.
as_root() {
	[ "$(id -u)" != 0 ] || return 0
	command -v sudo >/dev/null || { say "needs root, and there is no sudo"; exit 3; }
	local keep=() name
	for name in CI NO_COLOR CHECKS LIVE_TESTS VM_KERNELS VM_TIERS TCPTRAIL_VM_CACHE TCPTRAIL_VM_ACCEL; do
		[ -z "${!name:-}" ] || keep+=("$name=${!name}")
	done
	exec sudo -- env "${keep[@]}" "$0" "$@"
}

build() {
	local log
	log=$(mktemp)
	if ! make -j"$(nproc)" "$@" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		say "the build failed"
		return 1
	fi
	rm -f "$log"
}
