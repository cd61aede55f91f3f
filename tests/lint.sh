#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# lint.sh - what a reader would object to: scripts, man page, licence lines, functions too long.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

scripts() {
	git ls-files -c -o --exclude-standard | while read -r f; do
		[ -f "$f" ] || continue
		case $(head -c 64 "$f" | tr -d '\0' | head -n 1) in
		'#!/bin/bash'* | '#!/bin/sh'*) echo "$f" ;;
		esac
	done
}

# Every file that can carry the line does.
licence() {
	local missing
	missing=$(git ls-files -c -o --exclude-standard | grep -vE '\.(ok|json|md|raw|rec|gitignore|sum)$|^LICENSES/|^debian/(changelog|copyright|source/format)$|expected-count|known-skips' |
		while read -r f; do [ -f "$f" ] && { grep -qI SPDX-License-Identifier "$f" || echo "$f"; }; done)
	[ -z "$missing" ] || { echo "no SPDX line: $missing"; return 1; }
}

shell() {
	local files
	mapfile -t files < <(scripts)
	# SC2317: functions called through check; SC2001: sed indents many lines, ${//} only one;
	# SC2015: `a && b || report` reports when either fails, which is what is meant.
	shellcheck -x -e SC2317,SC2001,SC2015 "${files[@]}"
}

# A function's body, from its opening brace in the first column to the closing one.
long_functions() {
	git ls-files -c -o --exclude-standard '*.c' '*.h' | xargs awk '
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start > 80) { print FILENAME ":" start ": " FNR - start " lines"; bad = 1 }
			start = 0 }
		FNR == 1 { start = 0 }
		END { exit bad }'
}

man() {
	local out
	out=$(mandoc -Tlint -Wwarning user/tcptrail.8) && [ -z "$out" ] || { echo "$out"; return 1; }
}

check lint.licence licence
check lint.functions long_functions
if command -v shellcheck >/dev/null; then check lint.shell shell; else skip lint.shell "no shellcheck"; fi
if command -v mandoc >/dev/null; then check lint.man man; else skip lint.man "no mandoc"; fi
# failed is set by report.sh
# shellcheck disable=SC2154
exit "$failed"
