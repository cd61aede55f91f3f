#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# live.sh - tests on this machine's kernel, in network namespaces of their own.
#   LIVE_TESTS="e2e output service metrics summary recording listeners stalls limits failed_calls check accept connection follow filter drops flood short harmless refused scale"   which of them
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-/usr/bin/python3}
export TCPTRAIL=${TCPTRAIL:-./tcptrail} PLAY=${PLAY:-build/tests/play} PYTHON
rc=0
if [ "$(id -u)" != 0 ]; then
	echo "SKIP live: needs root"
	exit 0
fi
for name in ${LIVE_TESTS:-e2e output service metrics summary recording listeners stalls limits failed_calls check accept connection follow filter drops flood short harmless refused scale}; do
	if [ "$name" = e2e ]; then
		tests/again.sh tests/e2e/live.sh || rc=1
	else
		"$PYTHON" "tests/live/$name.py" || rc=1
	fi
done
exit $rc
