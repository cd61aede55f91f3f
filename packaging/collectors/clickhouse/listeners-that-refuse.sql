-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Which listeners refuse connections, and why. `events` and not rows: what was held
-- back came as one record with its count.
SELECT host, service, comm, dst_ip, dst_port, reason, sum(events) AS refused
FROM tcptrail
WHERE action = 'drop' AND time > {since:DateTime64(9)}
GROUP BY host, service, comm, dst_ip, dst_port, reason
HAVING refused > 0
ORDER BY refused DESC
LIMIT 20
