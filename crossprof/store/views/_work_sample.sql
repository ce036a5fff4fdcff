-- One row is one sample of a metric of work (flops_per_step, achieved_flops, mfu, ...) of one rank, part of metric_sample.
-- Operations of a step are those of the measured steps; the time they are set against is that of the bare steps, as for step_time.
-- Figures of a rank are NULL, but for flops_coverage, where a tenth or more of the device time of its products of matrices, convolutions and
-- attention is of operations that nobody counted: what is left would be read as the whole.
-- uses: step_time, _op_work, device_peak, category_summary
-- empty without: op WHERE flops IS NOT NULL OR shapes IS NOT NULL, kernel WHERE flops IS NOT NULL
CREATE VIEW _work_sample AS
WITH peak AS (
    SELECT run_id, rank, any_value(COLUMNS('_per_second$')) FROM device_peak GROUP BY run_id, rank HAVING count(DISTINCT model) = 1
),
work AS (
    SELECT run_id, rank, step, sum(flops)::DOUBLE AS flops, sum(device_ns)::DOUBLE AS device_ns, sum(bytes_accessed)::DOUBLE AS bytes_accessed,
        sum(flops) FILTER (bytes_accessed IS NOT NULL)::DOUBLE AS weighed_flops
    FROM _op_work
    GROUP BY run_id, rank, step
),
ideal AS ( -- the time that the operations would take at the peaks of their precisions; not known where one of them isn't
    SELECT run_id, rank, step, if(count(seconds) = count(*), sum(seconds), NULL) AS seconds
    FROM (
        SELECT run_id, rank, step, flops / CASE peak_precision
                WHEN 'fp64' THEN fp64_flops_per_second WHEN 'fp32' THEN fp32_flops_per_second WHEN 'tf32' THEN tf32_flops_per_second
                WHEN 'bf16' THEN bf16_flops_per_second WHEN 'fp16' THEN fp16_flops_per_second WHEN 'fp8' THEN fp8_flops_per_second
                WHEN 'int8' THEN int8_ops_per_second
            END AS seconds
        FROM _op_work
        LEFT JOIN peak USING (run_id, rank)
        WHERE flops > 0
    )
    GROUP BY run_id, rank, step
),
launched AS (
    SELECT run_id, rank, step, count(DISTINCT device_id) AS devices, sum(total_ns) AS kernel_ns
    FROM category_summary
    WHERE kind IN ('kernel', 'collective')
    GROUP BY run_id, rank, step
),
heavy AS ( -- the device time of what makes up the operations of a model, and the part of it that was counted
    SELECT run_id, rank, sum(total_ns) AS heavy_ns
    FROM category_summary
    WHERE is_measured AND kind = 'kernel' AND category IN ('gemm', 'conv', 'attention')
    GROUP BY run_id, rank
),
told_heavy AS (
    SELECT run_id, rank, sum(device_ns) AS counted_ns
    FROM _op_work
    SEMI JOIN (FROM step_time WHERE is_profiled AND NOT is_warmup) AS measured_step USING (run_id, rank, step)
    GROUP BY run_id, rank
),
whole AS (
    SELECT run_id, rank, coalesce(counted_ns, 0) >= 0.9 * heavy_ns AS is_whole FROM heavy LEFT JOIN told_heavy USING (run_id, rank)
),
measured AS NOT MATERIALIZED ( -- a filter on the run must reach it
    SELECT step_time.run_id, run, rank, step, if(coalesce(is_whole, true), flops, NULL) AS flops,
        if(coalesce(is_whole, true), bytes_accessed, NULL) AS bytes_accessed, weighed_flops, seconds, devices, device_ns, kernel_ns,
        coalesce(is_whole, true) AS is_whole
    FROM step_time
    LEFT JOIN whole USING (run_id, rank)
    SEMI JOIN (SELECT DISTINCT run_id, rank FROM _op_work) AS counted USING (run_id, rank)
    LEFT JOIN work USING (run_id, rank, step)
    LEFT JOIN ideal USING (run_id, rank, step)
    LEFT JOIN launched USING (run_id, rank, step)
    WHERE is_profiled AND NOT is_warmup
),
typical AS (
    SELECT run_id, rank, sum(flops) / count(*) AS flops, if(count(seconds) = count(flops), sum(seconds) / count(*), NULL) / max(devices) AS seconds
    FROM measured
    WHERE is_whole
    GROUP BY run_id, rank
),
timed AS (
    SELECT run_id, run, rank, step, start_ns, dur_ns, is_profiled <> bool_or(NOT is_profiled) OVER (PARTITION BY run_id, rank) AS is_chosen
    FROM step_time
    WHERE NOT is_warmup
),
told AS (
    SELECT run_id, run, rank, step, start_ns AS at_ns, dur_ns::DOUBLE AS weight,
        unnest([
            {metric: 'achieved_flops', value: flops / nullif(dur_ns * 1e-9, 0)},
            {metric: 'mfu', value: seconds / nullif(dur_ns * 1e-9, 0)}
        ]) AS reading
    FROM timed
    JOIN typical USING (run_id, rank)
    WHERE is_chosen
    UNION ALL
    SELECT run_id, run, rank, step, NULL, 1.0::DOUBLE, {metric: 'flops_per_step', value: coalesce(flops, 0)} FROM measured WHERE is_whole
    UNION ALL
    SELECT run_id, run, rank, step, NULL, bytes_accessed, {metric: 'arithmetic_intensity', value: weighed_flops / nullif(bytes_accessed, 0)} FROM measured
    UNION ALL
    SELECT run_id, run, rank, step, NULL, kernel_ns::DOUBLE, {metric: 'flops_coverage', value: coalesce(device_ns, 0) / nullif(kernel_ns, 0)}
    FROM measured
)
SELECT run_id, run, reading.metric AS metric, rank, step, at_ns, reading.value AS value, weight FROM told;

COMMENT ON VIEW _work_sample IS 'One sample of a metric of work of one rank.';
COMMENT ON COLUMN _work_sample.run_id IS 'Run of the sample.';
COMMENT ON COLUMN _work_sample.run IS 'Name of that run.';
COMMENT ON COLUMN _work_sample.metric IS 'Id of the metric.';
COMMENT ON COLUMN _work_sample.rank IS 'Rank of the sample.';
COMMENT ON COLUMN _work_sample.step IS 'Step that it was taken over.';
COMMENT ON COLUMN _work_sample.at_ns IS 'Start of the step where that is at hand.';
COMMENT ON COLUMN _work_sample.value IS 'Value, in the unit of the metric.';
COMMENT ON COLUMN _work_sample.weight IS 'Weight in a mean.';
