-- One row is one number of xprof's kernel_stats or hlo_stats for one XPlane file. Why does xprof say something else?
-- kernel_stats lists the kernels of GPUs, no copies, and nothing of a TPU. hlo_stats lists what belongs to an HLO operation: here the work
-- that names its module. All devices of the file together.
-- Caveat: on a TPU hlo_stats adds up the device's own count of each duration, this view the durations of the events.
-- uses: _peer_work
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
told AS (
    SELECT run_id, run, rank, capture, unnest([
        {metric: 'xprof.kernel_count', value: kernels::DOUBLE},
        {metric: 'xprof.kernel_time', value: kernel_ns},
        {metric: 'xprof.hlo_time', value: hlo_ns}
    ], recursive := true)
    FROM total
)
FROM told
WHERE value IS NOT NULL;

COMMENT ON VIEW _xprof IS 'One number of xprof''s kernel_stats or hlo_stats for one XPlane file.';
COMMENT ON COLUMN _xprof.run_id IS 'Run of the file.';
COMMENT ON COLUMN _xprof.run IS 'Name of that run.';
COMMENT ON COLUMN _xprof.rank IS 'Rank of the file.';
COMMENT ON COLUMN _xprof.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _xprof.metric IS 'Id of the number: a row of the view metric says what it means.';
COMMENT ON COLUMN _xprof.value IS 'Value in nanoseconds, or a count, over all devices of the file.';
