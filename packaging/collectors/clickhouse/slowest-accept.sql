-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Which services let clients wait longest for accept(). It needs -e accept; with
-- -e summary: tcptrail.accept_wait.p99_ns of action = 'summary'.
SELECT host, service, comm, dst_port, count() AS accepted,
    quantileExact(0.99)(duration_ns) / 1000000.0 AS p99_ms, max(duration_ns) / 1000000.0 AS max_ms
FROM tcptrail
WHERE action = 'accept' AND duration_ns > 0 AND time > {since:DateTime64(9)}
GROUP BY host, service, comm, dst_port
ORDER BY p99_ms DESC
LIMIT 20
