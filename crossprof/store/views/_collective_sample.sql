-- One row is one sample of a metric of collectives: one measured step of one rank. metric_sample holds these rows.
-- uses: _collective, _profiled_step
-- empty without: kernel WHERE kind = 'collective'
CREATE VIEW _collective_sample AS
WITH summed AS (
    SELECT run_id, rank, step, sum(wait_ns)::DOUBLE AS wait_ns, sum(moved_bytes * bus_ratio) AS bus_bytes,
        sum(coalesce(transfer_ns, dur_ns)) FILTER (moved_bytes * bus_ratio IS NOT NULL)::DOUBLE AS bus_ns
    FROM _collective
    GROUP BY run_id, rank, step
),
told AS (
    SELECT run_id, step.run, rank, step,
        unnest([
            {metric: 'collective_wait_time', value: wait_ns, weight: 1.0::DOUBLE},
            {metric: 'bus_bandwidth', value: bus_bytes / nullif(bus_ns, 0), weight: bus_ns}
        ]) AS reading
    FROM summed
    JOIN _profiled_step AS step USING (run_id, rank, step)
    WHERE NOT is_warmup
)
SELECT run_id, run, reading.metric AS metric, rank, step, reading.value AS value, reading.weight AS weight
FROM told
WHERE reading.value IS NOT NULL;

COMMENT ON VIEW _collective_sample IS 'One sample of a metric of collectives.';
COMMENT ON COLUMN _collective_sample.run_id IS 'Run of the sample.';
COMMENT ON COLUMN _collective_sample.run IS 'Name of that run.';
COMMENT ON COLUMN _collective_sample.metric IS 'Id of the metric.';
COMMENT ON COLUMN _collective_sample.rank IS 'Rank of the sample.';
COMMENT ON COLUMN _collective_sample.step IS 'Step that it was taken over.';
COMMENT ON COLUMN _collective_sample.value IS 'Value, in the unit of the metric.';
COMMENT ON COLUMN _collective_sample.weight IS 'Weight in a mean: the denominator of a ratio, else 1.';
