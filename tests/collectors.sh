#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# collectors.sh - the recipes of packaging/ against Debian's own programs, and the rest
# of them against the schema.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-/usr/bin/python3}
export TCPTRAIL=${TCPTRAIL:-./tcptrail}
rc=0
"$PYTHON" tests/collectors/recipes.py || rc=1
if [ "$(id -u)" = 0 ]; then
	"$PYTHON" tests/collectors/collectors.py || rc=1
	# The long form: make soak.
	EVENTS=200000 RESTARTS=2 STOP_SECONDS=3 KILLS=4 "$PYTHON" tests/collectors/soak.py || rc=1
else
	echo "SKIP collectors: needs root"
fi
exit $rc
