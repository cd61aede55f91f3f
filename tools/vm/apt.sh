#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Sourced by fetch: apt with a configuration of its own. The system's sources
# are only read, to learn the mirror; its lists, cache and pins are not used.
# Each archive gets a directory $1, with what apt needs below it.
set -euo pipefail

# The archives this machine uses, one URL a line. apt itself reads its
# sources, whichever format they are in. Only suites named *-security
# (or *-security/updates) are wanted for "security", only others for "main".
apt_system_archives() {
	local kind=$1
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --no-release-info \
		--format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v kind="$kind" '
			$3 != "main" || $1 ~ /^(cdrom|file|copy):/ { next }
			($2 ~ /-security/) != (kind == "security") { next }
			!seen[$1]++ { print $1 }'
}

# Where to look for a suite, best first. A machine without a security source
# most likely has a mirror that carries that archive next to the main one.
apt_archives_for() {
	case $1 in
	*-security)
		apt_system_archives security
		apt_system_archives main | sed 's:/*$:-security/:'
		;;
	*)
		apt_system_archives main
		;;
	esac
}

# apt_setup DIR ARCHIVE SUITE
apt_setup() {
	local dir=$1 archive=$2 suite=$3 options=arch=amd64
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	# Without that file apt falls back to the keys the machine trusts.
	[ ! -e "$keys" ] || options+=" signed-by=$keys"
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	printf 'deb [%s] %s %s main\n' "$options" "$archive" "$suite" \
		>"$dir/sources.list"
	apt_configuration "$dir" >"$dir/apt.conf"
}

# Read after the system's configuration (a proxy set there is still used).
# The clears: hooks that act on the system, a release this archive has not got.
apt_configuration() {
	local dir=$1
	cat <<-EOF
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Post-Invoke;
		#clear APT::Default-Release;
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
	EOF
}

# apt_update DIR; --error-on=any: without it apt reports old lists as success.
apt_update() {
	timeout 120 apt-get -c "$1/apt.conf" -qq --error-on=any update \
		</dev/null >"$1/log" 2>&1
}

# apt_record DIR PACKAGE: the newest version's record
apt_record() {
	apt-cache -c "$1/apt.conf" --no-all-versions show "$2" 2>/dev/null
}

# apt_download DIR DEST PACKAGE...: apt checks the hashes, up from the signature
apt_download() {
	local dir=$1 dest=$2
	shift 2
	(cd "$dest" && timeout 600 apt-get -c "$dir/apt.conf" -qq download "$@") \
		</dev/null >"$dir/log" 2>&1
}

# The last thing apt complained of, in one line.
apt_complaint() {
	sed -nE '/^[EW]: / { s///p; q }' "$1/log" | grep . || echo "apt-get failed, see $1/log"
}
