-- One row is one sample of a metric of launches or of idle time by cause: one measured step of one rank. metric_sample holds these rows.
-- Figures of several devices are means over them; the depth of the queue is that of all devices of the rank together.
-- uses: idle_cause, _profiled_step
-- empty without: kernel, runtime_call
CREATE VIEW _launch_sample AS
WITH waited AS (
    SELECT run_id, run, rank, step, bool_or(is_launched) AS is_launched, avg(host_wait_ns) AS host_wait_ns, avg(sync_wait_ns) AS sync_wait_ns,
        avg(input_wait_ns) AS input_wait_ns, avg(launch_wait_ns) AS launch_wait_ns, avg(kernel_wait_ns) AS kernel_wait_ns,
        avg(unknown_ns) AS unknown_ns, sum(launch_wait_ns) AS latency_ns, sum(fresh_launches)::DOUBLE AS fresh_launches,
        sum(window_ns)::DOUBLE AS window_ns
    FROM idle_cause
    WHERE is_measured
    GROUP BY run_id, run, rank, step
),
measured AS NOT MATERIALIZED (
    SELECT run_id, run, rank, step, (end_ns - start_ns)::DOUBLE AS step_ns FROM _profiled_step WHERE NOT is_warmup AND end_ns > start_ns
),
called AS (
    SELECT run_id, rank, step, count(*) FILTER (kind IN ('launch', 'graph_launch')) AS launches,
        sum(dur_ns) FILTER (kind IN ('launch', 'graph_launch')) AS launch_ns,
        count(*) FILTER (kind = 'sync' AND NOT regexp_matches(name, '(?i)query|waitevent')) AS syncs
    FROM runtime_call
    WHERE kind IN ('launch', 'graph_launch', 'memcpy', 'memset', 'sync')
    GROUP BY run_id, rank, step
),
delayed AS (
    SELECT run_id, rank, step, sum(greatest(start_ns - launch_ns, 0)) AS delay_ns
    FROM kernel
    WHERE launch_ns IS NOT NULL AND kind <> 'async'
    GROUP BY run_id, rank, step
),
told AS (
    SELECT run_id, run, rank, step,
        unnest([
            {metric: 'idle_host_time', value: if(is_launched, host_wait_ns, NULL), weight: 1.0::DOUBLE},
            {metric: 'idle_sync_time', value: if(is_launched, sync_wait_ns, NULL), weight: 1.0::DOUBLE},
            {metric: 'idle_input_time', value: if(is_launched, input_wait_ns, NULL), weight: 1.0::DOUBLE},
            {metric: 'idle_launch_time', value: if(is_launched, launch_wait_ns, NULL), weight: 1.0::DOUBLE},
            {metric: 'idle_kernel_time', value: if(is_launched, kernel_wait_ns, NULL), weight: 1.0::DOUBLE},
            {metric: 'idle_unknown_time', value: unknown_ns, weight: 1.0::DOUBLE},
            {metric: 'launch_latency', value: latency_ns / nullif(fresh_launches, 0), weight: fresh_launches}
        ]) AS reading
    FROM waited
    UNION ALL
    SELECT run_id, run, rank, step,
        unnest([
            {metric: 'launches_per_step', value: coalesce(launches, 0)::DOUBLE, weight: 1.0::DOUBLE},
            {metric: 'launch_time', value: coalesce(launch_ns, 0)::DOUBLE, weight: 1.0},
            {metric: 'syncs_per_step', value: coalesce(syncs, 0)::DOUBLE, weight: 1.0},
            {metric: 'queue_depth', value: coalesce(delay_ns, 0) / step_ns, weight: step_ns}
        ])
    FROM measured
    SEMI JOIN called USING (run_id, rank) -- no calls in the file: not none, but not known
    LEFT JOIN called USING (run_id, rank, step)
    LEFT JOIN delayed USING (run_id, rank, step)
)
SELECT run_id, run, reading.metric AS metric, rank, step, reading.value AS value, reading.weight AS weight
FROM told
WHERE reading.value IS NOT NULL;

COMMENT ON VIEW _launch_sample IS 'One sample of a metric of launches or of idle time by cause.';
COMMENT ON COLUMN _launch_sample.run_id IS 'Run of the sample.';
COMMENT ON COLUMN _launch_sample.run IS 'Name of that run.';
COMMENT ON COLUMN _launch_sample.metric IS 'Id of the metric.';
COMMENT ON COLUMN _launch_sample.rank IS 'Rank of the sample.';
COMMENT ON COLUMN _launch_sample.step IS 'Step that it was taken over.';
COMMENT ON COLUMN _launch_sample.value IS 'Value, in the unit of the metric.';
COMMENT ON COLUMN _launch_sample.weight IS 'Weight in a mean: the denominator of a ratio, else 1.';
