#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# completion.sh TCPTRAIL COMPLETION - what bash offers is what the program takes.
set -uo pipefail
tcptrail=$1
# shellcheck disable=SC1090
. "$2" || exit 1
failed=0
wrong() { echo "$*"; failed=1; }

# offered WORD... - for the last word, one a line.
offered() {
	COMP_WORDS=(tcptrail "$@")
	COMP_CWORD=$#
	_tcptrail
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

complete -p tcptrail | grep -q -- '-F _tcptrail' || wrong "not registered"
for command in trace listeners stalls limits check doctor schema; do
	grep -qx "$command" < <(offered "") || wrong "not offered: $command"
	options=$(offered "$command" --)
	known=$("$tcptrail" "$command" --help | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort)
	[ "$options" = "$known" ] || wrong "$command: $(diff <(echo "$options") <(echo "$known"))"
	# Each is one: what is refused is its argument or what comes after.
	for option in $options $(offered "$command" - | grep -v '^--'); do
		"$tcptrail" "$command" "$option" --zz --zz 2>&1 </dev/null | grep -qF -- "option '$option'" && wrong "$command $option is none"
	done
done
for pair in -e --output -o --probe --color; do
	values=$(offered trace "$pair" "")
	[ -n "$values" ] || wrong "nothing for $pair"
	for value in $values; do
		"$tcptrail" trace "$pair" "$value" --help >/dev/null || wrong "$pair $value is refused"
	done
done
for term in $(offered trace "" | grep -v '^-'); do
	"$tcptrail" trace --explain "$term" 2>&1 | grep -q 'is no term' && wrong "$term is no term of a filter"
	for value in $(offered trace "$term" ""); do
		case $term in state | from | to | event | cause | limit | verdict | role)
			"$tcptrail" trace --explain "$term" "$value" >/dev/null || wrong "$term $value is refused" ;;
		esac
	done
done
for pair in "from clos" "event acc" "verdict zero" "un"; do
	# shellcheck disable=SC2086
	[ -n "$(offered stalls $pair)" ] || wrong "nothing for $pair"
done
[ "$(offered trace -e state,re | tr '\n' ' ')" = "state,reset state,retransmit " ] || wrong "kinds: $(offered trace -e state,re)"
[ "$(offered trace --output = j)" = json ] || wrong "--output=j: $(offered trace --output = j)"
grep -qx /etc/passwd < <(offered trace -r /etc/passw) || wrong "no files for -r"
[ -z "$(offered trace --pid "")" ] || wrong "--pid: $(offered trace --pid "")"
for view in $(offered schema "" | grep -v '^-'); do
	"$tcptrail" schema "$view" | grep -qF json-schema.org || wrong "schema $view is none"
done
grep -qx listeners < <(offered schema lis) || wrong "no views for schema"
grep -qx bash < <(offered trace -- bas) || wrong "no commands after --"
exit $failed
