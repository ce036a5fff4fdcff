-- One row is the most memory of one device during one step, by one counter. How does memory develop from step to step?
-- A reading belongs to the step whose host window holds it; readings between steps, before and after them are in no row.
-- Caveat: telemetry sees a step only if it took a reading in it. The three counts differ by design: see memory_timeline.
-- uses: memory_timeline, step_time
CREATE VIEW memory_step AS
WITH sampled AS ( -- telemetry does not know of steps
    SELECT reading.* REPLACE (step_time.step AS step), start_ns + dur_ns AS end_ns
    FROM (FROM memory_timeline WHERE counter <> 'allocator') AS reading
    ASOF JOIN step_time ON step_time.run_id = reading.run_id AND step_time.rank = reading.rank AND start_ns <= at_ns
),
placed AS (
    FROM memory_timeline WHERE counter = 'allocator' AND step IS NOT NULL
    UNION ALL
    SELECT * EXCLUDE (end_ns) FROM sampled WHERE at_ns < end_ns
)
SELECT run_id, run, rank, device_id, counter, allocator, step, max(coalesce(used_bytes, allocated_bytes)) AS peak_bytes,
    count(*) AS readings
FROM placed
WHERE coalesce(used_bytes, allocated_bytes) IS NOT NULL
GROUP BY ALL;

COMMENT ON VIEW memory_step IS 'The most memory of one device during one step, by one counter.';
COMMENT ON COLUMN memory_step.run_id IS 'Run of the step.';
COMMENT ON COLUMN memory_step.run IS 'Name of that run.';
COMMENT ON COLUMN memory_step.rank IS 'Rank of the step.';
COMMENT ON COLUMN memory_step.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_step.counter IS 'Who counted: allocator, driver or process.';
COMMENT ON COLUMN memory_step.allocator IS 'Allocator, as the trace names it.';
COMMENT ON COLUMN memory_step.step IS 'Number of the step.';
COMMENT ON COLUMN memory_step.peak_bytes IS 'Most bytes in use: allocated by the allocator''s count, else used.';
COMMENT ON COLUMN memory_step.readings IS 'Number of readings during the step.';
