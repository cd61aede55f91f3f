#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Sourced by fetch and run: messages, exit codes and where the kernels are kept.
set -euo pipefail

readonly VM_USAGE=2 VM_SKIP=77
readonly VM_NAMES="5.10 6.1 6.12 backports"

# An ordinary user's PATH has neither depmod nor modprobe in it.
PATH=$PATH:/usr/sbin:/sbin

vm_say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

vm_bad_usage() {
	vm_say "$* (see --help)"
	exit "$VM_USAGE"
}

vm_skip() {
	vm_say "$*"
	exit "$VM_SKIP"
}

vm_need_tools() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || vm_skip "$tool is not installed"
	done
}

# The guests are amd64 and carry this machine's programs.
vm_need_amd64() {
	[ "$(uname -m)" = x86_64 ] || vm_skip "needs x86_64, this is $(uname -m)"
}

vm_check_name() {
	case " $VM_NAMES " in
	*" $1 "*) ;;
	*) vm_bad_usage "unknown kernel '$1', known: $VM_NAMES" ;;
	esac
}

vm_top() {
	cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd
}

# One directory per kernel:
#	vmlinuz   link to the image to boot
#	release   its `uname -r`
#	packages  name=version of the packages it came from, one a line
#	root/     the packages as unpacked, with root/lib/modules/RELEASE
vm_kernel_dir() {
	printf '%s/kernels/%s\n' "$VM_CACHE" "$1"
}

# vmlinuz is linked last, so that a kernel with one is a whole one.
vm_have_kernel() {
	[ -e "$(vm_kernel_dir "$1")/vmlinuz" ]
}

# Absolute, and without a need to write: another user may have fetched.
vm_set_cache() {
	VM_CACHE=$(realpath -m "${TCPTRAIL_VM_CACHE:-$(vm_top)/build/vm}")
}
