-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Who keeps connections that the peer closed: what the last stall record of each says,
-- unless that is its end. -e problems has them, once a minute while it goes on: what was
-- not told since `fresh`, two minutes ago, is told no more (tcptrail was restarted).
SELECT host, service, comm, peer, dst_port, sum(connections) AS leaked, max(oldest_ns) / 1000000000.0 AS oldest_s
FROM (
    SELECT host, pid, role, dst_port, CASE WHEN role = 'server' THEN '' ELSE dst_ip END AS peer,
        max(time) AS told, argMax(phase, time) AS last, argMax(events, time) AS connections,
        argMax(duration_ns, time) AS oldest_ns, argMax(service, time) AS service, argMax(comm, time) AS comm
    FROM tcptrail
    WHERE action = 'stall' AND verdict = 'close-wait' AND time > {since:DateTime64(9)}
    GROUP BY host, pid, role, dst_port, peer
) AS stalls
WHERE last != 'end' AND told > {fresh:DateTime64(9)}
GROUP BY host, service, comm, peer, dst_port
ORDER BY leaked DESC
LIMIT 20
