-- One row is one run among those that differ from it in the number of devices. How well do more devices help?
-- Runs belong together that share model (the name of the run where no model was given), framework, phase, precision and device. The
-- ideal is the throughput of the smallest of them (the median, where several are as small), times its own share of devices.
-- Caveats: throughput is that of the ranks in the store, so it is NULL for a run that lacks some, and for one that tells no samples. The
-- batch of a rank may differ: a fixed one is weak scaling, one that shrinks as devices grow strong scaling.
-- uses: step_time
CREATE VIEW scaling AS
WITH timed AS (
    SELECT run_id, rank, step, samples / nullif(dur_ns, 0) * 1e9 AS samples_per_second, dur_ns,
        is_profiled <> bool_or(NOT is_profiled) OVER (PARTITION BY run_id, rank) AS is_chosen
    FROM step_time
    WHERE NOT is_warmup
),
stepped AS (
    SELECT run_id, step, max(dur_ns) AS dur_ns, sum(samples_per_second) AS samples_per_second, count(*) = count(samples_per_second) AS is_whole
    FROM timed
    WHERE is_chosen
    GROUP BY run_id, step
),
measured AS (
    SELECT run_id, median(dur_ns) AS step_ns, median(if(is_whole, samples_per_second, NULL)) AS samples_per_second
    FROM stepped
    GROUP BY run_id
),
present AS (
    SELECT run_id, count(DISTINCT rank) AS ranks FROM rank GROUP BY run_id
),
placed AS (
    SELECT run_id, run, coalesce(model, run) AS model, framework, phase, precision, device_model, batch_size,
        coalesce(world_size, ranks) * coalesce(nullif(device_count, 0), 1) AS devices, step_ns,
        if(ranks >= coalesce(world_size, ranks), samples_per_second, NULL) AS samples_per_second
    FROM run
    JOIN present USING (run_id)
    JOIN measured USING (run_id)
),
based AS (
    SELECT *, min(if(samples_per_second IS NULL, NULL, devices)) OVER alike AS base_devices
    FROM placed
    WINDOW alike AS (PARTITION BY model, framework, phase, precision, device_model)
),
ideal AS (
    SELECT *, median(if(devices = base_devices, samples_per_second, NULL)) OVER alike * devices / base_devices AS ideal_samples_per_second
    FROM based
    WINDOW alike AS (PARTITION BY model, framework, phase, precision, device_model)
)
SELECT run_id, run, model, framework, phase, precision, device_model, batch_size, devices, base_devices, step_ns, samples_per_second,
    ideal_samples_per_second, samples_per_second / nullif(ideal_samples_per_second, 0) AS efficiency_ratio
FROM ideal;

COMMENT ON VIEW scaling IS 'One run beside the runs of the same model with other numbers of devices.';
COMMENT ON COLUMN scaling.run_id IS 'Identity of the run.';
COMMENT ON COLUMN scaling.run IS 'Name of the run.';
COMMENT ON COLUMN scaling.model IS 'Model, or the name of the run where none was given: runs that share it and the next four belong together.';
COMMENT ON COLUMN scaling.framework IS 'Framework.';
COMMENT ON COLUMN scaling.phase IS 'training or inference.';
COMMENT ON COLUMN scaling.precision IS 'Numeric precision.';
COMMENT ON COLUMN scaling.device_model IS 'Model of the devices.';
COMMENT ON COLUMN scaling.batch_size IS 'Samples per step and rank.';
COMMENT ON COLUMN scaling.devices IS 'Ranks of the job times devices of a rank.';
COMMENT ON COLUMN scaling.base_devices IS 'Devices of the smallest run with a throughput.';
COMMENT ON COLUMN scaling.step_ns IS 'Median over steps of the longest wall time over ranks: bare steps, profiled ones where no bare one was timed.';
COMMENT ON COLUMN scaling.samples_per_second IS 'Median over these steps of the throughput of all ranks together.';
COMMENT ON COLUMN scaling.ideal_samples_per_second IS 'Throughput of the smallest run times the devices of this one over those of the smallest.';
COMMENT ON COLUMN scaling.efficiency_ratio IS 'samples_per_second over the ideal. Above 1 where more devices help more than their number says.';
