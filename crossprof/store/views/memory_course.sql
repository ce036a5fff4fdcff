-- One row is a reading of memory_timeline that a line over time needs: of 500 equal slices of the time of one counter the lowest, the highest
-- and the most reserved; every reading where there are at most 1,500. How did memory rise and fall, however many events there are?
-- Caveat: what lies between these is left out, so count and sum memory_timeline, not this. The step is that whose host window holds the reading.
-- uses: memory_timeline
CREATE VIEW memory_course AS
WITH reading AS NOT MATERIALIZED ( -- a filter on the run must reach it
    SELECT run_id, run, rank, device_id, counter, coalesce(allocator, '') AS allocator, at_ns,
        coalesce(used_bytes, allocated_bytes, reserved_bytes) AS bytes, reserved_bytes
    FROM memory_timeline
    WHERE coalesce(used_bytes, allocated_bytes, reserved_bytes) IS NOT NULL
),
series AS NOT MATERIALIZED (
    SELECT run_id, rank, device_id, counter, allocator, count(*) AS readings, min(at_ns) AS first_ns, max(at_ns) AS last_ns,
        arg_max(at_ns, {bytes: bytes, earliness: -at_ns}) AS peak_ns, max(bytes) AS peak_bytes, min(min(at_ns)) OVER (PARTITION BY run_id) AS origin_ns
    FROM reading
    GROUP BY run_id, rank, device_id, counter, allocator
),
placed AS NOT MATERIALIZED (
    SELECT reading.* EXCLUDE (at_ns, reserved_bytes), peak_ns, peak_bytes, origin_ns, reserved_bytes,
        {at_ns: at_ns, bytes: bytes, reserved_bytes: reserved_bytes} AS kept,
        if(readings <= 1500, at_ns - first_ns, (at_ns - first_ns) * 500 // (last_ns - first_ns + 1)) AS slice
    FROM reading
    JOIN series USING (run_id, rank, device_id, counter, allocator)
),
told AS (
    SELECT run_id, run, rank, device_id, counter, allocator, peak_ns, peak_bytes, origin_ns,
        unnest(list_distinct([arg_min(kept, bytes), arg_max(kept, bytes), arg_max(kept, reserved_bytes)]), recursive := true)
    FROM placed
    GROUP BY run_id, run, rank, device_id, counter, allocator, peak_ns, peak_bytes, origin_ns, slice
)
SELECT told.run_id, told.run, told.rank, device_id, counter, nullif(allocator, '') AS allocator, at_ns, at_ns - origin_ns AS since_ns,
    if(at_ns <= start_ns + dur_ns, step, NULL) AS step,
    if(at_ns <= start_ns + dur_ns, (at_ns - start_ns) / nullif(dur_ns, 0), NULL) AS step_ratio,
    bytes, reserved_bytes, if(counter = 'allocator' AND reserved_bytes >= bytes, reserved_bytes - bytes, NULL) AS free_bytes, at_ns = peak_ns AND bytes = peak_bytes AS is_peak
FROM told
ASOF LEFT JOIN step ON step.run_id = told.run_id AND step.rank = told.rank AND told.at_ns >= step.start_ns;

COMMENT ON VIEW memory_course IS 'One reading of the memory of one device that a line over time needs.';
COMMENT ON COLUMN memory_course.run_id IS 'Run of the reading.';
COMMENT ON COLUMN memory_course.run IS 'Name of that run.';
COMMENT ON COLUMN memory_course.rank IS 'Rank of the reading.';
COMMENT ON COLUMN memory_course.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_course.counter IS 'Who counted: allocator, driver or process.';
COMMENT ON COLUMN memory_course.allocator IS 'Allocator, as the trace names it.';
COMMENT ON COLUMN memory_course.at_ns IS 'Time of the reading.';
COMMENT ON COLUMN memory_course.since_ns IS 'Time since the first reading of the run, by any counter.';
COMMENT ON COLUMN memory_course.step IS 'Step whose host window holds it. NULL: outside of steps.';
COMMENT ON COLUMN memory_course.step_ratio IS 'Share of that step that has passed.';
COMMENT ON COLUMN memory_course.bytes IS 'Bytes in use: allocated by the allocator''s count, used by the driver''s, resident in the process; reserved where the allocator tells no more.';
COMMENT ON COLUMN memory_course.reserved_bytes IS 'Bytes that the allocator holds from the driver.';
COMMENT ON COLUMN memory_course.free_bytes IS 'Bytes reserved and not in use: cached, or lost to gaps between blocks. NULL where the allocator counts less as reserved than as in use.';
COMMENT ON COLUMN memory_course.is_peak IS 'Whether this is the first time that its series is at its highest.';
