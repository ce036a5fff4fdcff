-- What a timeline is made of: the events of one run on one clock, and the readings beside them. `kind` is 0 for work on a device,
-- 1 an operator, 2 a runtime call, 3 a named range, 4 a step; (kind, rank, id) names an event, also in an address.
-- Names come apart: millions of events share some hundreds, and each long text of them would take room again.
WITH found AS (
    SELECT rank, CASE kind WHEN 'async' THEN 'async' ELSE 'device' END AS family, device_id, stream AS place, 0 AS kind, kernel_id AS id, hash(name) AS name_key,
        category, start_ns, dur_ns
    FROM kernel
    WHERE run_id = $run_id
    UNION ALL
    SELECT rank, 'host', NULL, thread, 1, op_id, hash(name), category, start_ns, dur_ns
    FROM op
    WHERE run_id = $run_id
    UNION ALL
    SELECT rank, 'host', NULL, thread, 2, call_id, hash(name), CASE kind WHEN 'sync' THEN 'sync' ELSE 'call' END, start_ns, dur_ns
    FROM runtime_call
    WHERE run_id = $run_id
    UNION ALL
    SELECT rank, CASE WHEN device_id IS NOT NULL THEN 'range' WHEN kind = 'python' THEN 'python' ELSE 'host' END, device_id, thread, 3,
        row_number() OVER (PARTITION BY rank ORDER BY start_ns, dur_ns DESC, name, thread) - 1, hash(name),
        CASE kind WHEN 'python' THEN 'python' ELSE 'range' END, start_ns, dur_ns
    FROM annotation
    WHERE run_id = $run_id AND kind <> 'step'
    UNION ALL
    SELECT rank, 'step', NULL, NULL, 4, step, hash('step ' || step),
        concat('step', if(is_profiled, '_profiled', ''), if(is_warmup, '_warmup', ''), if(is_profiled OR is_warmup, '', '_bare')), start_ns, dur_ns
    FROM step
    WHERE run_id = $run_id
)
SELECT found.* REPLACE (start_ns + coalesce(clock_offset_ns, 0) AS start_ns)
FROM found
LEFT JOIN (SELECT rank, clock_offset_ns FROM rank WHERE run_id = $run_id) USING (rank);

-- the names
SELECT DISTINCT hash(name) AS name_key, name
FROM (
    SELECT name FROM kernel WHERE run_id = $run_id
    UNION ALL
    SELECT name FROM op WHERE run_id = $run_id
    UNION ALL
    SELECT name FROM runtime_call WHERE run_id = $run_id
    UNION ALL
    SELECT name FROM annotation WHERE run_id = $run_id
    UNION ALL
    SELECT 'step ' || step FROM step WHERE run_id = $run_id
);

-- the readings, but those that only grow, those that hardly change, and those that another has in short. A share of processor time is
-- that since the reading before: it is drawn from there on, and the first, which says of what, is none.
WITH found AS (
    SELECT rank, device_id, concat_ws(', ', 'memory by the ' || counter, allocator) AS counter, 'By' AS unit, at_ns,
        coalesce(used_bytes, allocated_bytes)::DOUBLE AS value
    FROM memory_timeline
    WHERE run_id = $run_id
    UNION ALL
    SELECT rank, device_id, metric, unit, if(ends_with(metric, '.cpu.utilization'), before_ns, at_ns), value
    FROM (SELECT *, lag(at_ns) OVER (PARTITION BY rank, device_id, metric ORDER BY at_ns) AS before_ns FROM utilization WHERE run_id = $run_id)
    WHERE run_id = $run_id AND metric NOT IN ('hw.gpu.memory.usage', 'hw.tpu.memory.usage', 'process.memory.usage')
        AND NOT regexp_matches(metric, '\.io\.|\.(limit|energy|peak|count|time|instant|temperature)$|\.clock\.memory$|\.throttle\.|^process\.gpu\.|\.occupancy$')
)
SELECT found.* REPLACE (at_ns + coalesce(clock_offset_ns, 0) AS at_ns)
FROM found
LEFT JOIN (SELECT rank, clock_offset_ns FROM rank WHERE run_id = $run_id) USING (rank)
WHERE value IS NOT NULL AND at_ns IS NOT NULL;
