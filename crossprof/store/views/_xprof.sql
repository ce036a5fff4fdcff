-- One row is one number of xprof's kernel_stats, hlo_stats or overview_page for one XPlane file. Why does xprof say something else?
-- kernel_stats lists the kernels of GPUs, no copies, and nothing of a TPU. hlo_stats lists what belongs to an HLO operation: here the work
-- that names its module. All devices of the file together. The overview is of TPUs only, and has two clocks: the duty cycle is busy
-- time over the time from each core's first program to its last, the idle share is taken from its first operation to its last.
-- Caveat: on a TPU hlo_stats adds up durations by the clock of the core, this view those on the timeline.
-- uses: _peer_file, _peer_work
CREATE VIEW _xprof AS
WITH sorted AS (
    SELECT *, end_ns - start_ns AS dur_ns, NOT is_tpu AND kind IN ('kernel', 'collective') AS is_kernel
    FROM _peer_work
    WHERE is_xplane
),
total AS (
    SELECT run_id, run, rank, capture, nullif(count(*) FILTER (is_kernel), 0) AS kernels, sum(dur_ns) FILTER (is_kernel) AS kernel_ns,
        sum(dur_ns) FILTER (module IS NOT NULL) AS hlo_ns
    FROM sorted
    GROUP BY run_id, run, rank, capture
),
program AS (
    SELECT run_id, rank, capture, device_id, max(start_ns + dur_ns) - min(start_ns) AS span_ns
    FROM annotation
    JOIN _peer_file USING (run_id, rank)
    WHERE kind = 'module' AND device_id IS NOT NULL AND start_ns >= since_ns AND start_ns < until_ns
    GROUP BY run_id, rank, capture, device_id
),
core AS (
    SELECT run_id, rank, capture, device_id, sum(dur_ns) AS busy_ns, max(end_ns) - min(start_ns) AS span_ns
    FROM sorted
    WHERE is_tpu
    GROUP BY run_id, rank, capture, device_id
),
duty AS (
    SELECT run_id, rank, capture, sum(busy_ns) / sum(greatest(core.span_ns, program.span_ns)) AS duty_cycle_ratio,
        1 - sum(busy_ns) / sum(core.span_ns) AS idle_ratio
    FROM core
    LEFT JOIN program USING (run_id, rank, capture, device_id)
    GROUP BY ALL
    HAVING sum(core.span_ns) > 0
),
told AS (
    SELECT run_id, run, rank, capture, unnest([
        {metric: 'xprof.kernel_count', value: kernels::DOUBLE},
        {metric: 'xprof.kernel_time', value: kernel_ns},
        {metric: 'xprof.hlo_time', value: hlo_ns},
        {metric: 'xprof.duty_cycle', value: duty_cycle_ratio},
        {metric: 'xprof.idle_ratio', value: idle_ratio}
    ], recursive := true)
    FROM total
    LEFT JOIN duty USING (run_id, rank, capture)
)
FROM told
WHERE value IS NOT NULL;

COMMENT ON VIEW _xprof IS 'One number of xprof''s kernel_stats, hlo_stats or overview_page for one XPlane file.';
COMMENT ON COLUMN _xprof.run_id IS 'Run of the file.';
COMMENT ON COLUMN _xprof.run IS 'Name of that run.';
COMMENT ON COLUMN _xprof.rank IS 'Rank of the file.';
COMMENT ON COLUMN _xprof.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _xprof.metric IS 'Id of the number: a row of the view metric says what it means.';
COMMENT ON COLUMN _xprof.value IS 'Value in nanoseconds, a count, or a share of 0..1, over all devices of the file.';
