-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Who keeps connections that the peer closed long ago: those whose last transition
-- was into CLOSE-WAIT, before `until`. It needs -e state; without it, the records of
-- -e connection have time_in_ns.close_wait, once it ended.
SELECT host, service, comm, count() AS leaked, min(since) AS oldest
FROM (
    SELECT host, stream, cookie, argMax(state, sequence) AS last, max(time) AS since,
        argMax(service, sequence) AS service, argMax(comm, sequence) AS comm
    FROM tcptrail
    WHERE action = 'state' AND cookie != '' AND time > {since:DateTime64(9)}
    GROUP BY host, stream, cookie
) AS connections
WHERE last = 'close_wait' AND since < {until:DateTime64(9)}
GROUP BY host, service, comm
ORDER BY leaked DESC
LIMIT 20
