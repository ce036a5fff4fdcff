-- What takes all events of an XSpace together, once xplane.sql has seen the last of them. Variable: capture.

INSERT INTO staged_step BY NAME -- of several loops that mark steps, the one with the most
WITH loop AS (SELECT name, thread FROM xplane_step GROUP BY ALL ORDER BY count(*) DESC, min(start_ns) LIMIT 1)
SELECT step, start_ns, end_ns, getvariable('capture') AS capture
FROM xplane_step JOIN loop USING (name, thread);

-- A free may not say how much: then it is what was allocated at its address, else the fall of the allocator's own count.
INSERT INTO staged_memory_event BY NAME
WITH sized AS (
    SELECT *, coalesce(
        allocation_bytes,
        last_value(allocation_bytes IGNORE NULLS) OVER (PARTITION BY device_id, allocator, address ORDER BY at_ns, event),
        abs(allocated_bytes - lag(allocated_bytes) OVER (PARTITION BY device_id, allocator ORDER BY at_ns, event)), 0
    ) AS size
    FROM xplane_memory_event
)
SELECT device_id, at_ns, try_cast(CASE WHEN is_allocation THEN size ELSE -size END AS BIGINT) AS bytes,
    try_cast(address AS UBIGINT) AS address, try_cast(allocated_bytes AS BIGINT) AS allocated_bytes,
    try_cast(nullif(reserved_bytes, 0) AS BIGINT) AS reserved_bytes, try_cast(peak_bytes AS BIGINT) AS peak_bytes,
    coalesce(allocator, CASE WHEN index_on_host IS NOT NULL THEN 'TPU_' || index_on_host END) AS allocator,
    nullif(op_name, '') AS op_name, getvariable('capture') AS capture
FROM sized;

INSERT INTO staged_fact BY NAME
WITH fact(key, value) AS (
    SELECT 'n_events', coalesce(sum(events), 0)::VARCHAR FROM xplane_count
    UNION ALL SELECT 'has_absolute_time', min(zero_ns >= 100000000000000000)::VARCHAR FROM xplane_timeline SEMI JOIN xplane_count USING (line)
)
SELECT key, value, getvariable('capture') AS capture FROM fact WHERE value IS NOT NULL;

INSERT INTO staged_finding BY NAME
SELECT 'no_events' AS code, 'error' AS severity, 1 AS count,
    'The trace holds no events: the profiler was stopped before it recorded any.' AS detail,
    'There is nothing to measure.' AS effect, getvariable('capture') AS capture
WHERE NOT EXISTS (FROM xplane_count);

DROP TABLE xplane_memory_event;
DROP TABLE xplane_no_event;
DROP TABLE xplane_stat;
DROP TABLE xplane_step;
DROP TABLE xplane_count;
DROP TABLE xplane_name;
DROP TABLE xplane_module;
DROP TABLE xplane_timeline;
DROP TABLE xplane_plane_fact;
DROP MACRO xplane_number;
DROP MACRO xplane_amount;
DROP MACRO xplane_is_time;
