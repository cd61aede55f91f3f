-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Who keeps connections that the peer closed: what the last stall record of each says,
-- unless that is its end. (-e problems has them, once a minute while it goes on.)
SELECT host, service, comm, dst_ip, dst_port, sum(connections) AS leaked, max(oldest_ns) / 1000000000.0 AS oldest_s
FROM (
    SELECT host, stream, pid, role, dst_ip, dst_port, argMax(phase, sequence) AS last,
        argMax(events, sequence) AS connections, argMax(duration_ns, sequence) AS oldest_ns,
        argMax(service, sequence) AS service, argMax(comm, sequence) AS comm
    FROM tcptrail
    WHERE action = 'stall' AND verdict = 'close-wait' AND time > {since:DateTime64(9)}
    GROUP BY host, stream, pid, role, dst_ip, dst_port
) AS stalls
WHERE last != 'end'
GROUP BY host, service, comm, dst_ip, dst_port
ORDER BY leaked DESC
LIMIT 20
