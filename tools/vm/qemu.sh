#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Sourced by run: one boot of one virtual machine. A directory, the first
# argument of every function here, holds what goes in and what comes out:
#	initrd   in
#	disk     out: what the guest wrote, a tar archive
#	console  out: the guest's console
#	notes    out: what guest-init had to say
#	errors   out: qemu's own
set -euo pipefail

# Software emulation, unless asked otherwise: it is everywhere the same and
# needs no rights, and a /dev/kvm that is there does not say that it works.
qemu_acceleration() {
	case ${TCPTRAIL_VM_ACCEL:-tcg} in
	tcg) echo "-accel tcg,thread=multi,tb-size=256 -cpu max,la57=off" ;;
	kvm) echo "-accel kvm -cpu host" ;;
	esac
}

# qemu_exec DIR KERNEL-IMAGE MB CPUS SECONDS
qemu_exec() {
	local dir=$1 image=$2 mb=$3 cpus=$4 seconds=$5 acceleration
	read -ra acceleration < <(qemu_acceleration)
	# panic and reboot: a guest that crashes ends at once, by -no-reboot.
	exec timeout -k 5 "$seconds" qemu-system-x86_64 \
		"${acceleration[@]}" -machine q35 -smp "$cpus" -m "$mb" \
		-nodefaults -no-user-config -display none -no-reboot \
		-chardev stdio,id=console,signal=off -serial chardev:console \
		-serial "file:$dir/notes" \
		-drive "file=$dir/disk,format=raw,if=none,id=out,cache=unsafe" \
		-device nvme,drive=out,serial=out \
		-kernel "$image" -initrd "$dir/initrd" \
		-append "console=ttyS0 quiet loglevel=4 oops=panic panic=-1 reboot=t nokaslr rdinit=/init" \
		</dev/null 2>"$dir/errors"
}

# Sets vm_pid, for qemu_stop, and leaves qemu's status (timeout's 124) as its own.
qemu_boot() {
	local dir=$1 mb=$3 reader status=0
	rm -f "$dir"/{disk,notes,console,fifo}
	# As large as the guest's memory: its /out cannot be larger. It is sparse.
	truncate -s "${mb}M" "$dir/disk"
	mkfifo "$dir/fifo"
	sed -u 's/\r*$//' <"$dir/fifo" | tee -p "$dir/console" &
	reader=$!
	qemu_exec "$@" >"$dir/fifo" &
	vm_pid=$!
	wait "$vm_pid" || status=$?
	vm_pid=
	wait "$reader" || true
	return "$status"
}

# timeout passes the signal on, and follows it up if that is not enough.
qemu_stop() {
	[ -n "${vm_pid:-}" ] || return 0
	kill "$vm_pid" 2>/dev/null || true
	wait "$vm_pid" || true
	vm_pid=
}

# The command's exit status; fails when the guest did not come to its end.
qemu_guest_status() {
	tar -xOf "$1/disk" status 2>/dev/null
}

qemu_guest_files() {
	tar -C "$2" --strip-components=1 --no-same-owner -xf "$1/disk" out
}

# Whether the console has anything but the kernel's messages, which start with
# a time in brackets.
qemu_guest_spoke() {
	grep -qvE '^\[ *[0-9]+\.[0-9]+\]|^$' "$1/console"
}

# The kernel's last words, if it had any.
qemu_guest_panic() {
	sed -n '/Kernel panic/ { s/^\[[^]]*\] //p; q }' "$1/console"
}
