-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Which services let clients wait longest for accept(): of the summaries (-e summary, one
-- every ten seconds) the worst one's 99th percentile. Percentiles have no sum: for one over
-- all of the time, trace -e accept and take it from event.duration.
SELECT host, service, comm, dst_port, sum(accepts) AS accepted,
    max(accept_p99_ns) / 1000000.0 AS worst_p99_ms, max(accept_max_ns) / 1000000.0 AS max_ms
FROM tcptrail
WHERE action = 'summary' AND accepts > 0 AND time > {since:DateTime64(9)}
GROUP BY host, service, comm, dst_port
ORDER BY worst_p99_ms DESC
LIMIT 20
