-- One row is one sample behind one metric of one rank: a step, a telemetry reading, or the run as a whole. What is a metric made of?
-- run_metric and every comparison are computed from these rows and from nothing else. Figures of several devices of one rank are means
-- over its devices, memory peaks their maximum. `weight` is the denominator where samples are averaged.
-- uses: step_time, _device_time, category_summary, memory_peak, utilization, memory_phase, _launch_sample, _collective_sample, _work_sample, _quality_sample, _cost_sample
CREATE VIEW metric_sample AS
WITH timed AS NOT MATERIALIZED ( -- a filter on the run must reach it
    SELECT run_id, rank, bool_or(NOT is_profiled) AS has_bare, median(dur_ns) FILTER (NOT is_profiled) AS bare_ns,
        min(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns, avg(dur_ns) AS step_ns, avg(samples) AS step_samples
    FROM step_time
    WHERE NOT is_warmup
    GROUP BY run_id, rank
),
counted AS (
    SELECT step_time.run_id, run, step_time.rank, step, step_time.start_ns, dur_ns, is_profiled, samples, tokens, bare_ns,
        is_profiled <> has_bare AS is_chosen
    FROM step_time
    JOIN timed USING (run_id, rank)
    WHERE NOT is_warmup
),
by_step AS (
    SELECT run_id, run, rank, step, start_ns AS at_ns, 1.0::DOUBLE AS weight,
        unnest([
            {metric: 'step_time', value: if(is_chosen, dur_ns, NULL)::DOUBLE},
            {metric: 'step_time_mean', value: if(is_chosen, dur_ns, NULL)::DOUBLE},
            {metric: 'step_time_p95', value: if(is_chosen, dur_ns, NULL)::DOUBLE},
            {metric: 'step_time_p99', value: if(is_chosen, dur_ns, NULL)::DOUBLE},
            {metric: 'throughput', value: if(is_chosen, samples / nullif(dur_ns, 0) * 1e9, NULL)},
            {metric: 'throughput_tokens', value: if(is_chosen, tokens / nullif(dur_ns, 0) * 1e9, NULL)},
            {metric: 'step_time_profiled', value: if(is_profiled, dur_ns, NULL)::DOUBLE},
            {metric: 'step_time_profiled_mean', value: if(is_profiled, dur_ns, NULL)::DOUBLE},
            {metric: 'step_time_profiled_p95', value: if(is_profiled, dur_ns, NULL)::DOUBLE},
            {metric: 'profiler_overhead', value: if(is_profiled, dur_ns / nullif(bare_ns, 0), NULL)}
        ]) AS reading
    FROM counted
),
worked AS (
    SELECT run_id, run, rank, step, count(*) AS devices, sum(busy_ns) AS busy_ns, sum(window_ns)::DOUBLE AS window_ns,
        avg(compute_ns) AS compute_ns, avg(communication_ns) AS communication_ns,
        avg(exposed_communication_ns) AS exposed_communication_ns, avg(copy_ns) AS copy_ns, avg(window_ns - busy_ns) AS idle_ns
    FROM _device_time
    WHERE is_measured
    GROUP BY run_id, run, rank, step
),
launched AS (
    SELECT run_id, rank, step, sum(total_ns) AS total_ns, sum(calls) AS calls
    FROM category_summary
    WHERE is_measured AND kind IN ('kernel', 'collective')
    GROUP BY run_id, rank, step
),
by_device AS (
    SELECT run_id, run, rank, step, NULL::BIGINT AS at_ns, unnest([window_ns, 1, 1, 1, window_ns, window_ns, 1, 1, 1, 1]) AS weight,
        unnest([
            {metric: 'device_busy', value: busy_ns / nullif(window_ns, 0)},
            {metric: 'compute_time', value: compute_ns},
            {metric: 'communication_time', value: communication_ns},
            {metric: 'exposed_communication_time', value: exposed_communication_ns},
            {metric: 'communication_share', value: communication_ns * devices / nullif(window_ns, 0)},
            {metric: 'exposed_communication_share', value: exposed_communication_ns * devices / nullif(window_ns, 0)},
            {metric: 'copy_time', value: copy_ns},
            {metric: 'idle_time', value: idle_ns},
            {metric: 'kernel_time', value: coalesce(total_ns, 0) / devices},
            {metric: 'kernels_per_step', value: coalesce(calls, 0) / devices}
        ]) AS reading
    FROM worked
    LEFT JOIN launched USING (run_id, rank, step)
),
by_category AS ( -- a rank whose operators never communicate is no measure of communication: its profiler may not show it
    SELECT run_id, run, rank, step, any_value(step_ns)::DOUBLE AS step_ns, sum(total_ns)::DOUBLE AS total_ns,
        coalesce(sum(total_ns) FILTER (category = 'communication'), 0)::DOUBLE AS communication_ns,
        sum(communication_ns) OVER (PARTITION BY run_id, rank) > 0 AS communicates
    FROM category_summary
    WHERE is_measured AND kind = 'op'
    GROUP BY run_id, run, rank, step
),
by_op AS (
    SELECT run_id, run, rank, step, NULL::BIGINT AS at_ns, unnest([1, step_ns, step_ns]) AS weight,
        unnest([
            {metric: 'op_time', value: total_ns},
            {metric: 'op_coverage', value: total_ns / nullif(step_ns, 0)},
            {metric: 'communication_share', value: if(communicates AND device.run_id IS NULL, communication_ns / nullif(step_ns, 0), NULL)}
        ]) AS reading
    FROM by_category
    LEFT JOIN (SELECT DISTINCT run_id FROM worked) AS device USING (run_id)
),
telemetry AS (
    SELECT utilization.run_id, run, utilization.rank, device_id, at_ns, value, step_ns, step_samples,
        CASE metric
            WHEN 'hw.gpu.utilization' THEN 'device_utilization'
            WHEN 'hw.tpu.utilization' THEN 'device_utilization'
            WHEN 'process.cpu.utilization' THEN 'cpu_utilization'
            WHEN 'hw.gpu.memory.activity' THEN 'memory_activity'
            WHEN 'hw.gpu.sm.activity' THEN 'sm_activity'
            WHEN 'hw.gpu.tensor.activity' THEN 'tensor_activity'
            WHEN 'hw.gpu.dram.activity' THEN 'dram_activity'
            WHEN 'hw.tpu.memory.bandwidth.utilization' THEN 'dram_activity'
            WHEN 'hw.gpu.throttle' THEN 'throttle_share'
            WHEN 'hw.gpu.power' THEN 'power'
            WHEN 'hw.gpu.energy' THEN 'energy_per_step'
        END AS metric
    FROM utilization
    LEFT JOIN timed USING (run_id, rank)
    WHERE metric IN (
            'hw.gpu.utilization', 'hw.tpu.utilization', 'hw.gpu.memory.activity', 'process.cpu.utilization', 'hw.gpu.sm.activity',
            'hw.gpu.tensor.activity', 'hw.gpu.dram.activity', 'hw.tpu.memory.bandwidth.utilization', 'hw.gpu.throttle', 'hw.gpu.power', 'hw.gpu.energy'
        )
        AND (step_ns IS NULL OR at_ns BETWEEN start_ns AND end_ns)
),
counter AS ( -- one for a device of a rank
    SELECT run_id, run, rank, device_id, (max(value) - min(value)) / (max(at_ns) - min(at_ns)) * any_value(step_ns) AS joules,
        any_value(step_samples) AS samples
    FROM telemetry
    WHERE metric = 'energy_per_step' AND step_ns IS NOT NULL
    GROUP BY run_id, run, rank, device_id
    HAVING max(at_ns) > min(at_ns)
),
energy AS ( -- the ranks of a host all read the same boards: each takes its share, so that their sum counts a board once
    SELECT counter.run_id, run, counter.rank, samples,
        joules / count(*) OVER (PARTITION BY counter.run_id, coalesce(uuid, concat_ws(' ', host, counter.device_id))) AS joules
    FROM counter
    LEFT JOIN device USING (run_id, rank, device_id)
    LEFT JOIN rank AS process USING (run_id, rank)
),
peak AS (
    SELECT run_id, run, rank, max(peak_used_bytes) AS used_bytes, max(peak_allocated_bytes) AS allocated_bytes, max(peak_reserved_bytes) AS reserved_bytes
    FROM memory_peak
    JOIN ( -- telemetry sees the GPU of the host on a CPU run too
        SELECT run_id, rank, max(device_id) >= 0 AND any_value(device_kind) IS DISTINCT FROM 'cpu' AS has_device
        FROM memory_peak
        JOIN run USING (run_id)
        GROUP BY run_id, rank
    ) USING (run_id, rank)
    WHERE (device_id >= 0) = has_device
    GROUP BY run_id, run, rank
),
by_run AS (
    SELECT run_id, run, rank, NULL::BIGINT AS step, NULL::BIGINT AS at_ns, 1.0::DOUBLE AS weight,
        unnest([
            {metric: 'peak_memory', value: used_bytes::DOUBLE},
            {metric: 'peak_memory_allocated', value: allocated_bytes::DOUBLE},
            {metric: 'peak_memory_reserved', value: reserved_bytes::DOUBLE}
        ]) AS reading
    FROM peak
),
told AS (
    FROM by_step
    UNION ALL FROM by_device
    UNION ALL FROM by_op
    UNION ALL FROM by_run
),
sampled AS (
    SELECT run_id, run, reading.metric AS metric, rank, step, at_ns, reading.value AS value, weight FROM told
    UNION ALL
    SELECT run_id, run, metric, rank, step, NULL, value, weight FROM _launch_sample
    UNION ALL
    SELECT run_id, run, metric, rank, step, NULL, value, weight FROM _collective_sample
    UNION ALL
    SELECT run_id, run, metric, rank, NULL, at_ns, value, 1.0 FROM telemetry WHERE metric <> 'energy_per_step'
    UNION ALL
    SELECT run_id, run, 'energy_per_step', rank, NULL, NULL, sum(joules), 1.0
    FROM energy
    GROUP BY run_id, run, rank
    UNION ALL
    SELECT run_id, run, 'energy_per_sample', rank, NULL, NULL, sum(joules) / nullif(any_value(samples), 0), any_value(samples)
    FROM energy
    GROUP BY run_id, run, rank
    UNION ALL
    SELECT run_id, run, 'peak_memory_' || phase, rank, NULL, NULL, max(peak_allocated_bytes)::DOUBLE, 1.0
    FROM memory_phase
    WHERE phase <> 'other' AND device_id >= 0
    GROUP BY run_id, run, rank, phase
    UNION ALL
    SELECT run_id, run, metric, rank, step, at_ns, value, weight FROM _work_sample
    UNION ALL
    SELECT run_id, run, metric, rank, step, at_ns, value, weight FROM _quality_sample
    UNION ALL
    SELECT run_id, run, metric, rank, step, at_ns, value, weight FROM _cost_sample
)
FROM sampled
WHERE value IS NOT NULL;

COMMENT ON VIEW metric_sample IS 'One sample behind one metric of one rank.';
COMMENT ON COLUMN metric_sample.run_id IS 'Run of the sample.';
COMMENT ON COLUMN metric_sample.run IS 'Name of that run.';
COMMENT ON COLUMN metric_sample.metric IS 'Id of the metric: a row of the view metric says what it means.';
COMMENT ON COLUMN metric_sample.rank IS 'Rank of the sample.';
COMMENT ON COLUMN metric_sample.step IS 'Step that it was taken over. NULL: a telemetry reading, or the whole run.';
COMMENT ON COLUMN metric_sample.at_ns IS 'Time of the reading, or start of the step where that is at hand.';
COMMENT ON COLUMN metric_sample.value IS 'Value, in the unit of the metric.';
COMMENT ON COLUMN metric_sample.weight IS 'Weight in a mean: the denominator of a ratio, else 1.';
