#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# run.sh PROGRAM... - each fuzzer over its kept corpus, tests/fuzz/NAME/, and then for a
# bounded time (FUZZ_SECONDS, 10) on what it makes of it. What it finds goes to
# build/fuzz/NAME-*; a new case that is worth it is added to the corpus by hand.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh
seconds=${FUZZ_SECONDS:-10}

fuzz() {
	local program=$1 name=$2 new
	new=$(mktemp -d)
	"$program" -artifact_prefix="build/fuzz/$name-" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -error_exitcode=1 \
		-print_final_stats=1 "$new" "tests/fuzz/$name"
	local rc=$?
	rm -rf "$new"
	return "$rc"
}

# One to a processor.
jobs=$(nproc)
for program in "$@"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n || failed=1
	done
	name=$(basename "$program")
	(check "fuzz.$name" fuzz "$program" "$name"; exit "$failed") &
done
for job in $(jobs -p); do
	wait "$job" || failed=1
done
# shellcheck disable=SC2154
exit "$failed"
