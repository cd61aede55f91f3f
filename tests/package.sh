#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# package.sh - the Debian package, built in a copy; the recipes for containers.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
PYTHON=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$PATH:/usr/sbin:/sbin
umask 022

builds() {
	mkdir "$work/tree" || return 1
	git ls-files -z -c -o --exclude-standard | tar --null --ignore-failed-read -cf - -T - 2>/dev/null | tar -xf - -C "$work/tree"
	(cd "$work/tree" && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b) || return 1
	deb=$(echo "$work"/tcptrail_*.deb)
	[ -s "$deb" ]
}

# Every file that belongs into it, with its mode, and nothing at other places.
contains() {
	local listing missing='' other
	listing=$(dpkg-deb --contents "$deb" | awk '{ print $1, $2, $6 }' | grep -v '/$')
	while read -r mode path; do
		grep -qE "^$mode root/root \./$path\$" <<<"$listing" || missing+=" $path"
	done <<-END
		-rwxr-xr-x usr/sbin/tcptrail
		-rw-r--r-- usr/share/man/man8/tcptrail\.8\.gz
		-rw-r--r-- usr/share/bash-completion/completions/tcptrail
		-rw-r--r-- (usr/)?lib/systemd/system/tcptrail\.service
		-rw-r--r-- usr/lib/sysusers\.d/tcptrail\.conf
		-rw-r--r-- etc/default/tcptrail
		-rw-r--r-- etc/logrotate\.d/tcptrail
		-rw-r--r-- usr/share/doc/tcptrail/copyright
	END
	[ -z "$missing" ] || { echo "missing:$missing in"; echo "$listing"; return 1; }
	other=$(awk '{ print $3 }' <<<"$listing" | grep -vE '/sbin/tcptrail$|/share/(man|doc|bash-completion)/|/lib/(systemd|sysusers)|^\./etc/(default|logrotate\.d)/tcptrail$')
	[ -z "$other" ] || { echo "at other places: $other"; return 1; }
}

# Unpacked, as a machine has it that builds nothing.
runs() {
	local there version=$work/there/usr/sbin/tcptrail
	dpkg-deb --extract "$deb" "$work/there" && there=$("$version" --version) || return 1
	[ "$there" = "tcptrail $(dpkg-deb --field "$deb" Version)" ] || { echo "$there in $(dpkg-deb --field "$deb" Version)"; return 1; }
	grep -q '^ExecStart=/usr/sbin/tcptrail ' "$work"/there/{usr/,}lib/systemd/system/tcptrail.service 2>/dev/null ||
		{ echo "the unit runs something else"; return 1; }
}

# What is linked is what it depends on; its user is made, its service waits to be asked for.
controls() {
	local depends
	depends=$(dpkg-deb --field "$deb" Depends)
	for library in libbpf libc6; do
		grep -q "$library" <<<"$depends" || { echo "no $library in: $depends"; return 1; }
	done
	dpkg-deb --ctrl-tarfile "$deb" | tar -xOf - ./postinst | grep -q sysusers || { echo "its user is not made"; return 1; }
	# Enabled again only where it was.
	dpkg-deb --ctrl-tarfile "$deb" | tar -xOf - ./postinst >"$work/postinst"
	grep -q 'debian-installed .tcptrail\.service' "$work/postinst" && ! grep -q 'deb-systemd-invoke' "$work/postinst" ||
		{ echo "starts by itself"; cat "$work/postinst"; return 1; }
	[ "$(dpkg-deb --ctrl-tarfile "$deb" | tar -xOf - ./conffiles | tr '\n' ' ')" = "/etc/default/tcptrail /etc/logrotate.d/tcptrail " ]
}

# Renamed, told so, opened anew: by the snippet itself, but for who runs it and where.
rotates() {
	local dir=$work/log
	mkdir "$dir" && echo '{}' >"$dir/tcptrail.ndjson" || return 1
	sed "s|/var/log/tcptrail|$dir|; s|su tcptrail tcptrail|su root root|; s|systemctl .*|touch $dir/told|" \
		packaging/collectors/logrotate/tcptrail >"$work/logrotate"
	chmod 644 "$work/logrotate"
	logrotate --force --state "$work/state" "$work/logrotate" || return 1
	[ -e "$dir/told" ] && [ -s "$dir/tcptrail.1.ndjson" ] && [ ! -e "$dir/tcptrail.ndjson" ] || { ls -l "$dir"; return 1; }
}

lints() { lintian --fail-on error --allow-root --no-tag-display-limit "$deb"; }

rc=0
"$PYTHON" tests/container.py || rc=1
if ! command -v dpkg-buildpackage >/dev/null || ! command -v dh >/dev/null; then
	for name in build contents runs control lintian; do skip "package.$name" "no dpkg-dev and debhelper"; done
else
	deb=
	builds >"$work/log.build" 2>&1 && pass package.build || { fail package.build "see"; tail -n 30 "$work/log.build"; }
	check package.contents contains
	check package.runs runs
	check package.control controls
	if command -v lintian >/dev/null; then check package.lintian lints; else skip package.lintian "no lintian"; fi
fi
if command -v logrotate >/dev/null; then check package.logrotate rotates; else skip package.logrotate "no logrotate"; fi
[ "$failed" = 0 ] || rc=1
exit $rc
