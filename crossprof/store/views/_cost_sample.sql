-- One row is one sample of a metric of what the recording of one rank cost, part of metric_sample.
CREATE VIEW _cost_sample AS
WITH written AS (
    SELECT run_id, rank, sum(bytes)::DOUBLE AS bytes
    FROM artifact
    WHERE capture IS NOT NULL
    GROUP BY run_id, rank
),
told AS (
    SELECT process.run_id, run, process.rank,
        unnest([
            {metric: 'profiler_start_time', value: profiler_start_ns::DOUBLE},
            {metric: 'profiler_stop_time', value: profiler_stop_ns::DOUBLE},
            {metric: 'profiler_export_time', value: profiler_export_ns::DOUBLE},
            {metric: 'trace_size', value: written.bytes},
            {metric: 'sampler_cpu', value: sampler_cpu_ratio}
        ]) AS reading
    FROM rank AS process
    JOIN run USING (run_id)
    LEFT JOIN written USING (run_id, rank)
)
SELECT run_id, run, reading.metric AS metric, rank, NULL::BIGINT AS step, NULL::BIGINT AS at_ns, reading.value AS value, 1.0::DOUBLE AS weight
FROM told
WHERE reading.value IS NOT NULL;

COMMENT ON VIEW _cost_sample IS 'One sample of a metric of what the recording of one rank cost.';
COMMENT ON COLUMN _cost_sample.run_id IS 'Run of the sample.';
COMMENT ON COLUMN _cost_sample.run IS 'Name of that run.';
COMMENT ON COLUMN _cost_sample.metric IS 'Id of the metric.';
COMMENT ON COLUMN _cost_sample.rank IS 'Rank of the sample.';
COMMENT ON COLUMN _cost_sample.step IS 'Always NULL: the whole run.';
COMMENT ON COLUMN _cost_sample.at_ns IS 'Always NULL.';
COMMENT ON COLUMN _cost_sample.value IS 'Value, in the unit of the metric.';
COMMENT ON COLUMN _cost_sample.weight IS 'Always 1.';
