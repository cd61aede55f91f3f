#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Sourced by run: builds the guest's file system below a directory, the first
# argument of every function here, and packs it.
set -euo pipefail

# All the usual directories of programs are one, so that a program is found by
# whichever of its paths a script names. busybox has applets of ip and others:
# they are links here, which a carried program of that name replaces. They
# would win inside busybox's own shell, therefore dash is the guest's sh.
initramfs_base() {
	local root=$1 busybox=$2 applet
	mkdir -p "$root"/{dev,etc,out,proc,root,run,sys,tmp} "$root"/usr/{bin,lib,lib64}
	ln -s bin "$root/usr/sbin"
	ln -s usr/bin "$root/bin"
	ln -s usr/bin "$root/sbin"
	ln -s usr/lib "$root/lib"
	ln -s usr/lib64 "$root/lib64"
	initramfs_program "$root" "$busybox"
	for applet in $("$busybox" --list); do
		ln -s busybox "$root/usr/bin/$applet" 2>/dev/null || true
	done
	initramfs_program "$root" "$(command -v dash)" sh
	install -m 755 "$(dirname "${BASH_SOURCE[0]}")/guest-init" "$root/init"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' \
		>"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
}

# initramfs_program ROOT PROGRAM [NAME]: with the libraries it is linked to
initramfs_program() {
	local root=$1 program=$2 name=${3:-$(basename "$2")}
	# Not through the link to busybox that may be there.
	rm -f "$root/usr/bin/$name"
	install -m 755 "$program" "$root/usr/bin/$name"
	initramfs_libraries "$root" "$program"
}

# Libraries go to one directory that the loader looks into by itself, because
# the guest has no ld.so.cache; the loader stays where the program expects it.
initramfs_libraries() {
	local root=$1 program=$2 library
	# ldd fails for what needs none: static programs, scripts.
	{ ldd "$program" 2>/dev/null || true; } |
		awk '$2 == "=>" && $3 ~ /^\// { print $3, "/usr/lib/" $1 }
			$1 ~ /^\// { print $1, $1 }' |
		while read -r library dest; do
			[ -e "$root$dest" ] || install -D -m 755 "$library" "$root$dest"
		done
}

# initramfs_file ROOT SRC DEST: a file or a directory, links followed
initramfs_file() {
	local root=$1 src=$2 dest=$3
	mkdir -p "$root$(dirname "$dest")"
	[ ! -L "$root$dest" ] || [ -d "$root$dest" ] || rm "$root$dest"
	cp -rLT --preserve=mode,timestamps "$src" "$root$dest"
}

# initramfs_modules ROOT KERNEL MODULE...: those named are loaded at the start,
# the kernel may load others of them later by itself (an alias, say)
initramfs_modules() {
	local root=$1 kernel=$2 release modules module
	shift 2
	release=$(<"$kernel/release")
	modules=$root/lib/modules/$release
	mkdir -p "$modules"
	: >"$root/etc/modules"
	for module; do
		initramfs_module "$kernel/root" "$modules" "$module" || return
		printf '%s\n' "$module" >>"$root/etc/modules"
	done
	(cd "$kernel/root" && cp "lib/modules/$release"/modules.{builtin,builtin.modinfo,order} \
		"$modules/")
	depmod -b "$root" "$release"
}

# One module and what it needs, uncompressed: busybox knows not every format.
# -C: this machine's modprobe.d is no concern of the guest.
initramfs_module() {
	local from=$1 to=$2 module=$3 depends kind path dest
	depends=$(modprobe -C /dev/null -d "$from" -S "$(basename "$to")" \
		--show-depends "$module" 2>/dev/null) || return
	while read -r kind path; do
		[ "$kind" = insmod ] || continue
		path=${path% }
		dest=$to/$(basename "${path%.ko*}").ko
		case $path in
		*.xz) xz -dc "$path" >"$dest" ;;
		*.zst) zstd -dqc "$path" >"$dest" ;;
		*) cp "$path" "$dest" ;;
		esac
	done <<<"$depends"
}

# The owners become root's, whoever runs this.
initramfs_pack() {
	local root=$1 image=$2
	(cd "$root" && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet) >"$image"
}
