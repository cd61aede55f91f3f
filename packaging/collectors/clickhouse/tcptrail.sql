-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- ClickHouse: the line as it came, and columns for what is asked for. Fill it with
--   INSERT INTO tcptrail FORMAT JSONAsString
-- ORDER BY is the index: one kind of event of one host over a time. A field that a
-- record has not is '' or 0 here; in `line` it is left out.
CREATE TABLE IF NOT EXISTS tcptrail (
    line String CODEC(ZSTD(3)),
    time DateTime64(9, 'UTC') MATERIALIZED parseDateTime64BestEffort(JSONExtractString(line, '@timestamp'), 9, 'UTC'),
    host LowCardinality(String) MATERIALIZED JSONExtractString(line, 'host', 'name'),
    stream LowCardinality(String) MATERIALIZED JSONExtractString(line, 'agent', 'ephemeral_id'),
    sequence UInt64 MATERIALIZED JSONExtractUInt(line, 'event', 'sequence'),
    action LowCardinality(String) MATERIALIZED JSONExtractString(line, 'event', 'action'),
    outcome LowCardinality(String) MATERIALIZED JSONExtractString(line, 'event', 'outcome'),
    duration_ns UInt64 MATERIALIZED JSONExtractUInt(line, 'event', 'duration'),
    state LowCardinality(String) MATERIALIZED JSONExtractString(line, 'network', 'connection', 'state'),
    src_ip String MATERIALIZED JSONExtractString(line, 'source', 'ip'),
    src_port UInt16 MATERIALIZED JSONExtractUInt(line, 'source', 'port'),
    dst_ip String MATERIALIZED JSONExtractString(line, 'destination', 'ip'),
    dst_port UInt16 MATERIALIZED JSONExtractUInt(line, 'destination', 'port'),
    comm LowCardinality(String) MATERIALIZED JSONExtractString(line, 'process', 'name'),
    pid UInt32 MATERIALIZED JSONExtractUInt(line, 'process', 'pid'),
    service LowCardinality(String) MATERIALIZED JSONExtractString(line, 'service', 'name'),
    container String MATERIALIZED JSONExtractString(line, 'container', 'id'),
    error LowCardinality(String) MATERIALIZED JSONExtractString(line, 'error', 'code'),
    role LowCardinality(String) MATERIALIZED JSONExtractString(line, 'tcptrail', 'role'),
    cause LowCardinality(String) MATERIALIZED JSONExtractString(line, 'tcptrail', 'cause'),
    reason LowCardinality(String) MATERIALIZED JSONExtractString(line, 'tcptrail', 'reason'),
    verdict LowCardinality(String) MATERIALIZED JSONExtractString(line, 'tcptrail', 'verdict'),
    phase LowCardinality(String) MATERIALIZED JSONExtractString(line, 'tcptrail', 'phase'),
    accepts UInt64 MATERIALIZED JSONExtractUInt(line, 'tcptrail', 'accept_wait', 'count'),
    accept_p99_ns UInt64 MATERIALIZED JSONExtractUInt(line, 'tcptrail', 'accept_wait', 'p99_ns'),
    accept_max_ns UInt64 MATERIALIZED JSONExtractUInt(line, 'tcptrail', 'accept_wait', 'max_ns'),
    events UInt64 MATERIALIZED JSONExtractUInt(line, 'tcptrail', 'count'),
    cookie String MATERIALIZED JSONExtractString(line, 'tcptrail', 'cookie'),
    netns UInt32 MATERIALIZED JSONExtractUInt(line, 'tcptrail', 'netns')
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (action, host, time)
TTL toDateTime(time) + INTERVAL 30 DAY;
