-- One row is one sample of a metric of capture quality or of fragmentation of one rank, part of metric_sample.
-- uses: category_summary
-- empty without: kernel, memory_event
CREATE VIEW _quality_sample AS
WITH categorized AS (
    SELECT run_id, run, rank, step, sum(total_ns)::DOUBLE AS total_ns, coalesce(sum(total_ns) FILTER (category <> 'other'), 0) AS known_ns
    FROM category_summary
    WHERE is_measured AND kind IN ('kernel', 'collective')
    GROUP BY run_id, run, rank, step
),
linked AS (
    SELECT run_id, rank, count(*)::DOUBLE AS kernels, count(call_id) AS launched
    FROM kernel
    WHERE kind IN ('kernel', 'collective')
    GROUP BY run_id, rank
    HAVING count(correlation_id) > 0
),
held AS ( -- at the first moment when most was allocated
    SELECT run_id, rank, device_id, max_by({allocated: allocated_bytes, reserved: reserved_bytes}, {bytes: allocated_bytes, earliness: -at_ns}) AS peak
    FROM memory_event
    WHERE device_id >= 0 AND allocated_bytes IS NOT NULL AND reserved_bytes > 0
    GROUP BY run_id, rank, device_id
),
scattered AS (
    SELECT run_id, rank, max((peak.reserved - peak.allocated) / peak.reserved) AS ratio
    FROM held
    WHERE peak.reserved >= peak.allocated -- XLA's count of what is reserved is not what it holds
    GROUP BY run_id, rank
),
told AS (
    SELECT run_id, run, rank, step, total_ns AS weight, {metric: 'category_coverage', value: known_ns / nullif(total_ns, 0)} AS reading
    FROM categorized
    UNION ALL
    SELECT run_id, run, rank, NULL, kernels, {metric: 'launch_coverage', value: launched / kernels}
    FROM linked
    JOIN run USING (run_id)
    UNION ALL
    SELECT run_id, run, rank, NULL, 1.0::DOUBLE, {metric: 'memory_fragmentation', value: ratio}
    FROM scattered
    JOIN run USING (run_id)
)
SELECT run_id, run, reading.metric AS metric, rank, step, NULL::BIGINT AS at_ns, reading.value AS value, weight FROM told;

COMMENT ON VIEW _quality_sample IS 'One sample of a metric of capture quality or of fragmentation of one rank.';
COMMENT ON COLUMN _quality_sample.run_id IS 'Run of the sample.';
COMMENT ON COLUMN _quality_sample.run IS 'Name of that run.';
COMMENT ON COLUMN _quality_sample.metric IS 'Id of the metric.';
COMMENT ON COLUMN _quality_sample.rank IS 'Rank of the sample.';
COMMENT ON COLUMN _quality_sample.step IS 'Step that it was taken over. NULL: the whole capture.';
COMMENT ON COLUMN _quality_sample.at_ns IS 'Always NULL.';
COMMENT ON COLUMN _quality_sample.value IS 'Value, in the unit of the metric.';
COMMENT ON COLUMN _quality_sample.weight IS 'Weight in a mean: the denominator.';
