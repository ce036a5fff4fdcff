-- One row is one kernel name (of one kind and category) on one device, over the whole capture. Where did device time go?
-- Caveat: total_ns is a sum: kernels on several streams at once count in full. For busy time see device_busy.
-- measured_* count what the measured steps launched (by the step of the launch; by device time where no launch is in the file).
CREATE VIEW kernel_summary AS
WITH measured AS (
    SELECT run_id, rank, step FROM step WHERE is_profiled AND NOT is_warmup
),
summed AS (
    SELECT kernel.run_id, kernel.rank, device_id, name, kind, category, count(*) AS calls, sum(dur_ns)::BIGINT AS total_ns,
        avg(dur_ns) AS mean_ns, min(dur_ns) AS min_ns, max(dur_ns) AS max_ns,
        count(measured.step) AS measured_calls, coalesce(sum(dur_ns) FILTER (measured.step IS NOT NULL), 0)::BIGINT AS measured_ns
    FROM kernel
    LEFT JOIN measured
        ON measured.run_id = kernel.run_id AND measured.rank = kernel.rank AND measured.step = coalesce(kernel.step, kernel.device_step)
    GROUP BY ALL
)
SELECT summed.run_id, run.run, summed.* EXCLUDE (run_id, measured_calls, measured_ns),
    CASE WHEN kind <> 'async'
        THEN total_ns / nullif(sum(total_ns) FILTER (kind <> 'async') OVER (PARTITION BY summed.run_id, rank, device_id), 0) END AS share_ratio,
    measured_calls, measured_ns
FROM summed
JOIN run USING (run_id);

COMMENT ON VIEW kernel_summary IS 'One kernel name on one device: how often, how long.';
COMMENT ON COLUMN kernel_summary.run_id IS 'Run of the kernels.';
COMMENT ON COLUMN kernel_summary.run IS 'Name of that run.';
COMMENT ON COLUMN kernel_summary.rank IS 'Rank that launched them.';
COMMENT ON COLUMN kernel_summary.device_id IS 'Device that they ran on.';
COMMENT ON COLUMN kernel_summary.name IS 'Name of the kernel, HLO instruction or copy.';
COMMENT ON COLUMN kernel_summary.kind IS 'kernel, collective, memcpy, memset or async.';
COMMENT ON COLUMN kernel_summary.category IS 'Sort of work.';
COMMENT ON COLUMN kernel_summary.calls IS 'How many ran in the capture.';
COMMENT ON COLUMN kernel_summary.total_ns IS 'Sum of their durations.';
COMMENT ON COLUMN kernel_summary.mean_ns IS 'Mean duration.';
COMMENT ON COLUMN kernel_summary.min_ns IS 'Shortest duration.';
COMMENT ON COLUMN kernel_summary.max_ns IS 'Longest duration.';
COMMENT ON COLUMN kernel_summary.share_ratio IS 'total_ns over the sum of all rows of the device but async. NULL for async.';
COMMENT ON COLUMN kernel_summary.measured_calls IS 'How many of them the measured steps launched.';
COMMENT ON COLUMN kernel_summary.measured_ns IS 'Sum of the durations of those.';
