-- One row is one run among those that differ from it in the number of devices. How well do more devices help?
-- Runs belong together that share model (the name of the run where no model was given), framework, phase, precision and device. A run is set
-- against the smallest of them with its batch of a rank: weak scaling; where it has no smaller one, against the smallest with its batch of all
-- ranks: strong scaling. The ideal is the throughput of that run (the median, where several are as small), times its own share of devices.
-- Caveat: throughput is that of the ranks in the store, so it is NULL for a run that lacks some, and for one that tells no samples.
-- uses: step_time, _device_time
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
exposed AS (
    SELECT run_id, sum(exposed_communication_ns) / nullif(sum(window_ns), 0) AS exposed_communication_ratio
    FROM _device_time
    WHERE is_measured
    GROUP BY run_id
),
present AS (
    SELECT run_id, count(DISTINCT rank) AS ranks FROM rank GROUP BY run_id
),
placed AS (
    SELECT run_id, run, coalesce(model, run) AS model, framework, phase, precision, device_model, batch_size,
        coalesce(world_size, ranks) * coalesce(nullif(device_count, 0), 1) AS devices, step_ns,
        if(ranks >= coalesce(world_size, ranks), samples_per_second, NULL) AS samples_per_second,
        ranks, coalesce(world_size, ranks) AS world_size, exposed_communication_ratio
    FROM run
    JOIN present USING (run_id)
    JOIN measured USING (run_id)
    LEFT JOIN exposed USING (run_id)
),
based AS (
    SELECT *, min(if(samples_per_second IS NULL, NULL, {devices: devices, run_id: run_id})) OVER same_of_rank AS weak,
        min(if(samples_per_second IS NULL, NULL, {devices: devices, run_id: run_id})) OVER same_of_all AS strong
    FROM placed
    WINDOW same_of_rank AS (PARTITION BY model, framework, phase, precision, device_model, batch_size),
        same_of_all AS (PARTITION BY model, framework, phase, precision, device_model, batch_size * devices)
),
ideal AS (
    SELECT *, CASE WHEN devices <> weak.devices THEN 'weak' WHEN devices <> strong.devices THEN 'strong' WHEN devices = weak.devices THEN 'base' END AS mode,
        if(mode = 'strong', strong, weak) AS smallest,
        if(mode = 'strong', median(if(devices = strong.devices, samples_per_second, NULL)) OVER same_of_all,
            median(if(devices = weak.devices, samples_per_second, NULL)) OVER same_of_rank) * devices / struct_extract(smallest, 'devices') AS ideal_samples_per_second
    FROM based
    WINDOW same_of_rank AS (PARTITION BY model, framework, phase, precision, device_model, batch_size),
        same_of_all AS (PARTITION BY model, framework, phase, precision, device_model, batch_size * devices)
)
SELECT run_id, run, model, framework, phase, precision, device_model, batch_size, devices, smallest.devices AS base_devices, step_ns, samples_per_second,
    ideal_samples_per_second, samples_per_second / nullif(ideal_samples_per_second, 0) AS efficiency_ratio, mode, smallest.run_id AS base_run_id,
    coalesce(samples_per_second = quantile_disc(samples_per_second, 0.5) OVER repeated, count(samples_per_second) OVER repeated = 0) AS is_typical,
    ranks, world_size, exposed_communication_ratio
FROM ideal
WINDOW repeated AS (PARTITION BY model, framework, phase, precision, device_model, devices, batch_size);

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
COMMENT ON COLUMN scaling.base_devices IS 'Devices of the run that it is set against.';
COMMENT ON COLUMN scaling.step_ns IS 'Median over steps of the longest wall time over ranks: bare steps, profiled ones where no bare one was timed.';
COMMENT ON COLUMN scaling.samples_per_second IS 'Median over these steps of the throughput of all ranks together.';
COMMENT ON COLUMN scaling.ideal_samples_per_second IS 'Throughput of the run that it is set against times the devices of this one over those of that.';
COMMENT ON COLUMN scaling.efficiency_ratio IS 'samples_per_second over the ideal. Above 1 where more devices help more than their number says.';
COMMENT ON COLUMN scaling.mode IS 'weak: set against a run with the same batch of a rank; strong: with the same batch of all ranks; base: it is the smallest. NULL: none has a throughput.';
COMMENT ON COLUMN scaling.base_run_id IS 'Run that it is set against, the first of those that are as small.';
COMMENT ON COLUMN scaling.is_typical IS 'Whether its throughput is the median of the runs with as many devices and as large a batch, or none of them has any: what a line goes through.';
COMMENT ON COLUMN scaling.ranks IS 'Ranks in the store. Fewer than world_size: the throughput of all together is not known.';
COMMENT ON COLUMN scaling.world_size IS 'Ranks of the job.';
COMMENT ON COLUMN scaling.exposed_communication_ratio IS 'Share of the measured steps in which a collective ran and no kernel, over the devices in the store. NULL without device work.';
