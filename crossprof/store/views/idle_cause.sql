-- One row is one device during one profiled step (warm-up ones too), or (step NULL) over its span, as in breakdown. Why was it idle?
-- The causes exclude each other and add up to idle_ns, which is that of breakdown. What a device does next decides at each idle instant:
--   its launch has not begun   the host is late: sync_wait (a launching thread is in a call that blocks), else input_wait (in the data
--                              loader), else host_wait. So is the idle time after the last work of the file
--   its launch has begun       launch_wait where the launch began in this gap; kernel_wait where it began while the device still worked
--                              (dependencies between streams, the device's own scheduling)
--   no launch in the file      unknown
-- A call that blocks is a synchronisation (queries and waits of streams return at once) or a copy that is not asynchronous.
-- Work of zero length ends a gap too: the next one begins at it. What starts at one instant counts by its earliest launch.
-- Caveats: by device time and over all streams together. HTA splits each stream by whole gaps: its host wait is our host, sync, input and
-- launch wait together, its kernel wait (gaps under 30 ns) and other wait our kernel_wait. It rounds to us and leaves out the last step; told
-- not to, it agrees (tests/store/test_real_timelines.py) but on times of 19 digits, where its doubles put a launch before or after an end
-- at random. Data loading is known where the trace marks it: DataLoader of PyTorch, operators of category input.
-- uses: _capture, _host_wait, _profiled_step
-- empty without: kernel
CREATE VIEW idle_cause AS
WITH work AS (
    SELECT run_id, rank, device_id, start_ns, start_ns + dur_ns AS end_ns, launch_ns FROM kernel WHERE kind <> 'async'
),
span AS (
    SELECT run_id, rank, device_id, capture, min(start_ns) AS start_ns, max(end_ns) AS end_ns, count(launch_ns) AS launches
    FROM work
    JOIN _capture USING (run_id, rank)
    WHERE start_ns >= since_ns AND start_ns < until_ns
    GROUP BY ALL
),
worker AS (
    SELECT run_id, rank, device_id, sum(launches) > 0 AS is_launched, sum(end_ns - start_ns)::BIGINT AS span_ns
    FROM span
    GROUP BY run_id, rank, device_id
),
stretch AS (
    SELECT run_id, rank, device_id, start_ns, end_ns, 0::BIGINT AS step_key, 1 AS span, 0 AS sync, 0 AS input FROM span
    UNION ALL
    SELECT run_id, rank, device_id, start_ns, end_ns, step + 1, 0, 0, 0
    FROM _profiled_step
    JOIN worker USING (run_id, rank)
    UNION ALL
    SELECT run_id, rank, device_id, start_ns, end_ns, 0, 0, sync, input
    FROM _host_wait
    JOIN worker USING (run_id, rank)
),
change AS (
    SELECT run_id, rank, device_id, at_ns, sum(step_key) AS step_key, sum(span) AS span, sum(sync) AS sync, sum(input) AS input
    FROM (
        SELECT run_id, rank, device_id, start_ns AS at_ns, step_key, span, sync, input FROM stretch
        UNION ALL
        SELECT run_id, rank, device_id, end_ns, -step_key, -span, -sync, -input FROM stretch
    )
    GROUP BY ALL
),
state AS ( -- what holds from one change to the next
    SELECT run_id, rank, device_id, at_ns, row_number() OVER so_far AS number, sum(step_key) OVER so_far AS step_key,
        sum(span) OVER so_far > 0 AS is_span, sum(sync) OVER so_far > 0 AS is_sync, sum(input) OVER so_far > 0 AS is_input
    FROM change
    WINDOW so_far AS (PARTITION BY run_id, rank, device_id ORDER BY at_ns ROWS UNBOUNDED PRECEDING)
),
line AS (
    SELECT run_id, rank, device_id, start_ns AS at_ns, end_ns, coalesce(launch_ns, -1) AS launch_key, NULL::BIGINT AS number FROM work
    UNION ALL
    SELECT run_id, rank, device_id, at_ns, NULL, NULL, number FROM state
),
gap AS ( -- before each start of work and each change: since when the device is free, and what comes next
    SELECT run_id, rank, device_id, at_ns, end_ns IS NOT NULL AS is_work, max(end_ns) OVER before AS free_ns, max(number) OVER before AS number,
        first_value(launch_key IGNORE NULLS) OVER ahead AS launch_key
    FROM line
    WINDOW before AS (PARTITION BY run_id, rank, device_id ORDER BY at_ns, launch_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        ahead AS (PARTITION BY run_id, rank, device_id ORDER BY at_ns, launch_key ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
),
idle AS (
    SELECT run_id, rank, device_id, step_key, is_span, is_sync, is_input, gap.at_ns - greatest(free_ns, state.at_ns) AS idle_ns,
        if(launch_key < 0 OR launch_key IS NULL AND NOT is_launched, NULL,
            least(gap.at_ns, greatest(free_ns, state.at_ns, coalesce(launch_key, gap.at_ns))) - greatest(free_ns, state.at_ns)) AS late_ns,
        coalesce(launch_key > free_ns, true) AS is_fresh, is_work
    FROM gap
    JOIN state USING (run_id, rank, device_id, number)
    JOIN worker USING (run_id, rank, device_id)
    WHERE gap.at_ns > greatest(free_ns, state.at_ns)
),
total AS (
    SELECT run_id, rank, device_id, step_key, is_span, sum(idle_ns) AS idle_ns,
        sum(late_ns) FILTER (NOT is_sync AND NOT is_input) AS host_wait_ns, sum(late_ns) FILTER (is_sync) AS sync_wait_ns,
        sum(late_ns) FILTER (is_input AND NOT is_sync) AS input_wait_ns, sum(idle_ns - late_ns) FILTER (is_fresh) AS launch_wait_ns,
        sum(idle_ns - late_ns) FILTER (NOT is_fresh) AS kernel_wait_ns, sum(idle_ns) FILTER (late_ns IS NULL) AS unknown_ns,
        count(*) FILTER (is_work AND is_fresh AND late_ns IS NOT NULL) AS fresh_launches
    FROM idle
    GROUP BY ALL
),
counted AS (
    FROM total WHERE step_key > 0
    UNION ALL BY NAME
    SELECT * REPLACE (0 AS step_key) FROM total WHERE is_span
),
scope AS (
    SELECT run_id, rank, device_id, is_launched, step, NOT is_warmup AS is_measured, step + 1 AS step_key, end_ns - start_ns AS window_ns
    FROM _profiled_step
    JOIN worker USING (run_id, rank)
    WHERE end_ns > start_ns
    UNION ALL
    SELECT run_id, rank, device_id, is_launched, NULL, false, 0, span_ns FROM worker
)
SELECT scope.run_id, run.run, scope.rank, device_id, scope.step, is_measured, is_launched,
    coalesce(sum(idle_ns), 0)::BIGINT AS idle_ns, coalesce(sum(host_wait_ns), 0)::BIGINT AS host_wait_ns,
    coalesce(sum(sync_wait_ns), 0)::BIGINT AS sync_wait_ns, coalesce(sum(input_wait_ns), 0)::BIGINT AS input_wait_ns,
    coalesce(sum(launch_wait_ns), 0)::BIGINT AS launch_wait_ns, coalesce(sum(kernel_wait_ns), 0)::BIGINT AS kernel_wait_ns,
    coalesce(sum(unknown_ns), 0)::BIGINT AS unknown_ns, coalesce(sum(fresh_launches), 0)::BIGINT AS fresh_launches,
    window_ns
FROM scope
JOIN run USING (run_id)
LEFT JOIN counted USING (run_id, rank, device_id, step_key)
GROUP BY ALL;

COMMENT ON VIEW idle_cause IS 'Why one device was idle, by step and over its span.';
COMMENT ON COLUMN idle_cause.run_id IS 'Run of the device.';
COMMENT ON COLUMN idle_cause.run IS 'Name of that run.';
COMMENT ON COLUMN idle_cause.rank IS 'Rank that used it.';
COMMENT ON COLUMN idle_cause.device_id IS 'Number of the device.';
COMMENT ON COLUMN idle_cause.step IS 'Profiled step. NULL: from the first start to the last end of work on the device.';
COMMENT ON COLUMN idle_cause.is_measured IS 'Whether the step enters statistics: profiled, and no warm-up.';
COMMENT ON COLUMN idle_cause.is_launched IS 'Whether any launch of its work is in the file. Where none is, all idle time is unknown.';
COMMENT ON COLUMN idle_cause.idle_ns IS 'Time with no work but async running: the sum of the six causes.';
COMMENT ON COLUMN idle_cause.host_wait_ns IS 'Part of it before the next launch began, the host doing something else than the two that follow.';
COMMENT ON COLUMN idle_cause.sync_wait_ns IS 'Part of it before the next launch began, while a thread that launches was in a call that blocks.';
COMMENT ON COLUMN idle_cause.input_wait_ns IS 'Part of it before the next launch began, while a thread that launches was in the data loader, and in no call that blocks.';
COMMENT ON COLUMN idle_cause.launch_wait_ns IS 'Part of it after the next launch began, where it began in the same gap.';
COMMENT ON COLUMN idle_cause.kernel_wait_ns IS 'Part of it where the next work was launched before the gap.';
COMMENT ON COLUMN idle_cause.unknown_ns IS 'Part of it where the launch of the next work is not in the file.';
COMMENT ON COLUMN idle_cause.fresh_launches IS 'Gaps that end with work launched in them: launch_wait_ns over it is the latency of a launch on an idle device.';
COMMENT ON COLUMN idle_cause.window_ns IS 'Length of the step, or of the span.';
