-- One row is one piece of advice for a run, with the evidence for it. What to do next? Only what was measured speaks: a rule (_advice_rule)
-- compares one figure of the run with its threshold, and a run without that figure gets no advice about it.
-- What takes less than a hundredth of the time gets none either.
-- Caveat: share_ratio bounds what is gained from above; what takes its place (the next bottleneck) is not foreseen.
-- uses: _advice_rule, time_part, run_metric, launch_summary, kernel_summary, op_flops, device_peak, memory_peak, step_variation
CREATE VIEW advice AS
WITH part AS (
    SELECT run_id, any_value(if(scope = 'steps', 'a measured step', 'the capture')) AS span,
        coalesce(sum(share_ratio) FILTER (part IN ('idle_host', 'idle_launch')), 0) AS launch_ratio,
        coalesce(sum(share_ratio) FILTER (part = 'idle_sync'), 0) AS sync_ratio, coalesce(sum(share_ratio) FILTER (part = 'idle_input'), 0) AS input_ratio,
        coalesce(sum(share_ratio) FILTER (part = 'idle_kernel'), 0) AS gap_ratio, coalesce(sum(share_ratio) FILTER (part = 'copy'), 0) AS copy_ratio,
        coalesce(sum(share_ratio) FILTER (part = 'compute'), 0) AS compute_ratio,
        coalesce(sum(share_ratio) FILTER (part = 'communication'), 0) AS communication_ratio,
        coalesce(sum(share_ratio) FILTER (part = 'outside_ops'), 0) AS outside_ratio
    FROM time_part
    GROUP BY run_id
),
figure AS (
    SELECT run_id, any_value(value) FILTER (metric = 'launches_per_step') AS launches, any_value(value) FILTER (metric = 'syncs_per_step') AS syncs,
        any_value(value) FILTER (metric = 'profiler_overhead') AS overhead, any_value(n) FILTER (metric = 'profiler_overhead') AS overhead_steps,
        any_value(value) FILTER (metric = 'collective_wait_time') / nullif(any_value(value) FILTER (metric = 'communication_time'), 0) AS wait_ratio
    FROM run_metric
    WHERE rank IS NULL
    GROUP BY run_id
),
launch AS (
    SELECT run_id, short_ratio, blocking_call, if(launch_ns < 1e6, format('{:.3g} µs', launch_ns / 1e3), format('{:,.3g} ms', launch_ns / 1e6)) AS launch_text,
        if(kernel_ns < 1e6, format('{:.3g} µs', kernel_ns / 1e3), format('{:,.3g} ms', kernel_ns / 1e6)) AS kernel_text
    FROM (
        SELECT run_id, sum(total_ns) FILTER (is_launch) / nullif(sum(calls) FILTER (is_launch), 0) AS launch_ns,
            sum(kernel_ns) FILTER (is_launch) / nullif(sum(kernels) FILTER (is_launch), 0) AS kernel_ns,
            sum(short_kernels) / nullif(sum(kernels), 0) AS short_ratio, max_by(name, total_ns) FILTER (kind IN ('sync', 'memcpy')) AS blocking_call
        FROM (SELECT *, kind IN ('launch', 'graph_launch') AS is_launch FROM launch_summary)
        GROUP BY run_id
    )
),
kernel_time AS (
    SELECT run_id, nullif(sum(total_ns) FILTER (is_work), 0) AS work_ns, sum(calls) FILTER (is_work) AS calls,
        coalesce(sum(total_ns) FILTER (is_work AND category IN ('elementwise', 'norm', 'reduce', 'softmax', 'optimizer')), 0) AS elementwise_ns,
        coalesce(sum(calls) FILTER (is_work AND category IN ('elementwise', 'norm', 'reduce', 'softmax', 'optimizer')), 0) AS elementwise_calls,
        coalesce(sum(total_ns) FILTER (is_work AND category IN ('gemm', 'conv') AND regexp_matches(name, '(?i)(^|[^a-z])(sgemm|scudnn)')
            AND NOT regexp_matches(name, '(?i)tf32|tensorop')), 0) AS single_ns,
        sum(total_ns) FILTER (kind = 'memcpy') AS copy_ns,
        coalesce(sum(total_ns) FILTER (kind = 'memcpy' AND contains(lower(name), 'pageable')), 0) AS pageable_ns
    FROM (SELECT *, kind IN ('kernel', 'collective') AS is_work FROM kernel_summary)
    GROUP BY run_id
),
peak AS ( -- devices of one model that do lower precisions faster
    SELECT run_id, any_value(model) AS model, any_value(fp32_flops_per_second) AS single, any_value(coalesce(tf32_flops_per_second,
        bf16_flops_per_second, fp16_flops_per_second)) AS mixed, any_value(if(tf32_flops_per_second IS NULL, 'half precision', 'TF32')) AS unit
    FROM device_peak
    GROUP BY run_id
    HAVING count(DISTINCT model) = 1
),
product AS (
    SELECT run_id, sum(device_ns) FILTER (peak_precision = 'fp32') AS single_ns
    FROM op_flops
    GROUP BY run_id
),
rank_compute AS (
    SELECT run_id, count(*) AS ranks, max(value) AS most_ns, avg(value) AS mean_ns, max_by(rank, value) AS slowest
    FROM run_metric
    WHERE metric = 'compute_time' AND rank IS NOT NULL AND value > 0
    GROUP BY run_id
    HAVING count(*) > 1
),
rank_wait AS (
    SELECT run_id, min_by(rank, value) AS awaited, min(value) AS least_ns, avg(value) AS mean_wait_ns
    FROM run_metric
    WHERE metric = 'collective_wait_time' AND rank IS NOT NULL
    GROUP BY run_id
    HAVING count(value) > 1
),
memory AS (
    SELECT run_id, max_by({reserved: peak_reserved_bytes, allocated: peak_allocated_bytes, size: memory_bytes}, peak_reserved_bytes) AS held
    FROM memory_peak
    JOIN device USING (run_id, rank, device_id)
    WHERE device_id >= 0 AND peak_reserved_bytes >= peak_allocated_bytes AND peak_reserved_bytes >= 0.5 * memory_bytes
    GROUP BY run_id
),
variation AS ( -- the worst rank, of its bare steps where there are enough
    SELECT run_id, max_by({steps: steps, outliers: outliers, ratio: p95_ns / p50_ns, numbers: outlier_steps, rank: rank}, (NOT is_profiled, p95_ns / p50_ns)) AS worst
    FROM step_variation
    WHERE steps >= 20 AND p50_ns > 0
    GROUP BY run_id
),
measured (run_id, code, value, share_ratio, evidence) AS (
    SELECT run_id, 'launch_bound', launch_ratio, launch_ratio, concat(
        format('The device is idle for {:.3g} % of {}, waiting for a launch', 100 * launch_ratio, span),
        coalesce(format(', with {:.0f} launches a step', launches), ''),
        coalesce(format('. A launch takes the host {}, and a kernel {} on average', launch_text, kernel_text), ''),
        if(short_ratio >= 0.01, format('; {:.3g} % of the work is shorter than its launch', 100 * short_ratio), ''), '.')
    FROM part LEFT JOIN figure USING (run_id) LEFT JOIN launch USING (run_id)
    UNION ALL
    SELECT run_id, 'input_bound', input_ratio, input_ratio,
        format('The device is idle for {:.3g} % of {} while a launching thread loads data.', 100 * input_ratio, span) FROM part
    UNION ALL
    SELECT run_id, 'host_blocked', sync_ratio, sync_ratio, concat(
        format('The device is idle for {:.3g} % of {} while a launching thread is in a call that blocks', 100 * sync_ratio, span),
        coalesce(format(', with {:.3g} synchronisations a step', syncs), ''), coalesce('; most time goes to ' || blocking_call, ''), '.')
    FROM part LEFT JOIN figure USING (run_id) LEFT JOIN launch USING (run_id)
    UNION ALL
    SELECT run_id, 'kernel_gaps', gap_ratio, gap_ratio, concat(
        format('The device is idle for {:.3g} % of {} though its next work was launched', 100 * gap_ratio, span),
        coalesce(format('; a kernel takes {} on average', kernel_text), ''), '.')
    FROM part LEFT JOIN launch USING (run_id)
    UNION ALL
    SELECT run_id, 'exposed_communication', communication_ratio, communication_ratio, concat(
        format('Collectives take {:.3g} % of {} with no compute beside them', 100 * communication_ratio, span),
        coalesce(format('; {:.3g} % of communication is waiting for other ranks', 100 * wait_ratio), ''),
        coalesce(format('. Rank {} waits least, {:.3g} ms a step where the mean is {:.3g} ms: the others wait for it', awaited, least_ns / 1e6, mean_wait_ns / 1e6), ''), '.')
    FROM part LEFT JOIN figure USING (run_id) LEFT JOIN rank_wait USING (run_id)
    UNION ALL
    SELECT run_id, 'uneven_ranks', most_ns / mean_ns - 1, NULL, format('Rank {} computes {:.3g} ms of a measured step, the mean of {} ranks is {:.3g} ms: {:.3g} % more.',
        slowest, most_ns / 1e6, ranks, mean_ns / 1e6, 100 * (most_ns / mean_ns - 1))
    FROM rank_compute
    UNION ALL
    SELECT run_id, 'low_precision', greatest(kernel_time.single_ns, coalesce(product.single_ns, 0)) / work_ns,
        greatest(kernel_time.single_ns, coalesce(product.single_ns, 0)) / work_ns * coalesce(compute_ratio, 1),
        format('{:.3g} % of kernel time is products and convolutions in fp32, by their types or their kernels'' names; {} reaches {:.3g} times the fp32 peak in {}.',
            100 * greatest(kernel_time.single_ns, coalesce(product.single_ns, 0)) / work_ns, model, mixed / single, unit)
    FROM kernel_time JOIN peak USING (run_id) LEFT JOIN product USING (run_id) LEFT JOIN part USING (run_id)
    WHERE mixed > single
    UNION ALL
    SELECT run_id, 'unfused_elementwise', elementwise_ns / work_ns, elementwise_ns / work_ns * coalesce(compute_ratio, 1),
        format('{:.3g} % of kernel time is elementwise work, norms, reductions and optimizer updates, in {} of {} kernels of the capture, {:.3g} µs each.',
            100 * elementwise_ns / work_ns, elementwise_calls, calls, elementwise_ns / nullif(elementwise_calls, 0) / 1000)
    FROM kernel_time LEFT JOIN part USING (run_id)
    UNION ALL
    SELECT run_id, 'exposed_copies', copy_ratio, copy_ratio, concat(
        format('Copies and memsets take {:.3g} % of {} with nothing beside them', 100 * copy_ratio, span),
        if(pageable_ns >= 0.01 * copy_ns, format('; {:.3g} % of the copied time is to or from pageable memory', 100 * pageable_ns / copy_ns), ''), '.')
    FROM part LEFT JOIN kernel_time USING (run_id)
    UNION ALL
    SELECT run_id, 'fragmentation', 1 - held.allocated / held.reserved, NULL, format('{} of {} reserved are in use at the most, on a device with {}.',
        format_bytes(held.allocated), format_bytes(held.reserved), format_bytes(held.size))
    FROM memory
    UNION ALL
    SELECT run_id, 'profiler_overhead', overhead - 1, NULL,
        format('Profiled steps take {:.3g} times as long as bare ones, over {} of them.', overhead, overhead_steps) FROM figure
    UNION ALL
    SELECT run_id, 'uneven_steps', worst.ratio - 1, NULL, format('The 95th percentile of {} steps of rank {} is {:.3g} times their median; {} stand out{}.',
        worst.steps, worst.rank, worst.ratio, worst.outliers, if(worst.outliers = 0, '', ': ' || array_to_string(worst.numbers[:6], ', ') || if(worst.outliers > 6, ', ...', '')))
    FROM variation
    UNION ALL
    SELECT run_id, 'outside_operators', outside_ratio, outside_ratio, format('{:.3g} % of {} lies outside of all operators.', 100 * outside_ratio, span) FROM part
)
SELECT run_id, run.run, code, title, value AS value_ratio, share_ratio, evidence, coalesce(framework_actions[run.framework], action) AS action,
    threshold_ratio, threshold_reason, page, replace(query, '$run_id', '''' || replace(run_id, '''', '''''') || '''') AS query
FROM measured
JOIN _advice_rule USING (code)
JOIN run USING (run_id)
WHERE isfinite(value) AND value >= threshold_ratio AND coalesce(share_ratio, 1) >= 0.01;

COMMENT ON VIEW advice IS 'One piece of advice for a run, with its evidence.';
COMMENT ON COLUMN advice.run_id IS 'Run that it is for.';
COMMENT ON COLUMN advice.run IS 'Name of that run.';
COMMENT ON COLUMN advice.code IS 'Stable name of the rule.';
COMMENT ON COLUMN advice.title IS 'What is the matter, in short.';
COMMENT ON COLUMN advice.value_ratio IS 'What was measured, as the threshold counts: a share, or by how much a ratio passes 1.';
COMMENT ON COLUMN advice.share_ratio IS 'Share of the measured time (of the capture where no step is measured) that it is about. NULL where it is not about a part of it.';
COMMENT ON COLUMN advice.evidence IS 'What was measured, in words.';
COMMENT ON COLUMN advice.action IS 'What to do, in the words of the run''s framework.';
COMMENT ON COLUMN advice.threshold_ratio IS 'From which value_ratio on the rule speaks.';
COMMENT ON COLUMN advice.threshold_reason IS 'Why from there on.';
COMMENT ON COLUMN advice.page IS 'Page of the dashboard that shows it.';
COMMENT ON COLUMN advice.query IS 'SQL that shows the evidence.';
