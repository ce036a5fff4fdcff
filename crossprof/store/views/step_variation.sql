-- One row is the bare, or the profiled, steps of one rank, warm-up left out. Do steps take the same time, or which stand out?
-- Caveat: steps are taken in the order of their numbers, as if nothing lay between them.
-- uses: step_time
CREATE VIEW step_variation AS
WITH placed AS (
    SELECT run_id, run, rank, step, is_profiled, dur_ns, lag(dur_ns) OVER in_time AS before_ns, row_number() OVER in_time AS number
    FROM step_time
    WHERE NOT is_warmup
    WINDOW in_time AS (PARTITION BY run_id, rank, is_profiled ORDER BY step)
),
spread AS (
    SELECT run_id, rank, is_profiled, median(dur_ns) AS p50_ns, mad(dur_ns) AS mad_ns FROM placed GROUP BY run_id, rank, is_profiled
)
SELECT run_id, run, rank, is_profiled, count(*) AS steps, avg(dur_ns) AS mean_ns, any_value(p50_ns) AS p50_ns,
    quantile_cont(dur_ns, 0.95) AS p95_ns, stddev_samp(dur_ns) / nullif(avg(dur_ns), 0) AS variation_ratio, any_value(mad_ns) AS mad_ns,
    count(*) FILTER (abs(dur_ns - p50_ns) > 3 * mad_ns) AS outliers,
    coalesce(list(step ORDER BY step) FILTER (abs(dur_ns - p50_ns) > 3 * mad_ns), []) AS outlier_steps,
    CASE WHEN count(*) >= 5 AND var_pop(dur_ns) > 0 AND var_pop(before_ns) > 0 THEN corr(dur_ns, before_ns) END AS lag_correlation,
    CASE WHEN count(*) >= 5 THEN regr_slope(dur_ns, number) END AS drift_ns
FROM placed
JOIN spread USING (run_id, rank, is_profiled)
GROUP BY run_id, run, rank, is_profiled;

COMMENT ON VIEW step_variation IS 'How much the bare, or the profiled, steps of one rank differ, and which stand out.';
COMMENT ON COLUMN step_variation.run_id IS 'Run of the steps.';
COMMENT ON COLUMN step_variation.run IS 'Name of that run.';
COMMENT ON COLUMN step_variation.rank IS 'Rank that ran them.';
COMMENT ON COLUMN step_variation.is_profiled IS 'Whether a profiler was on.';
COMMENT ON COLUMN step_variation.steps IS 'How many steps, warm-up left out.';
COMMENT ON COLUMN step_variation.mean_ns IS 'Mean wall time.';
COMMENT ON COLUMN step_variation.p50_ns IS 'Median wall time.';
COMMENT ON COLUMN step_variation.p95_ns IS '95th percentile of the wall time.';
COMMENT ON COLUMN step_variation.variation_ratio IS 'Standard deviation over the mean. NULL for one step.';
COMMENT ON COLUMN step_variation.mad_ns IS 'Median distance from the median.';
COMMENT ON COLUMN step_variation.outliers IS 'Steps more than three times mad_ns from the median.';
COMMENT ON COLUMN step_variation.outlier_steps IS 'Numbers of these.';
COMMENT ON COLUMN step_variation.lag_correlation IS 'Correlation of each step with the one before it, -1 to 1. NULL under 5 steps, or where all are alike.';
COMMENT ON COLUMN step_variation.drift_ns IS 'Growth of the wall time from one step to the next, by least squares. NULL under 5 steps.';
