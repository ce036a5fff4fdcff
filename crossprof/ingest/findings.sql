-- What is wrong or notable in the capture of one rank, read off the tables of that rank. Variables: run_id, rank.

CREATE OR REPLACE TEMP TABLE found (code VARCHAR, severity VARCHAR, count BIGINT, detail VARCHAR, effect VARCHAR);

CREATE OR REPLACE TEMP VIEW own_kernel AS
SELECT * FROM kernel WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND kind <> 'async';

INSERT INTO found
SELECT code, severity, sum(count)::BIGINT, any_value(detail), any_value(effect) FROM staged_finding GROUP BY code, severity, detail;

INSERT INTO found
SELECT 'no_step_markers', 'warning', 1, 'The capture marks no steps.',
    'Figures hold for the whole capture; those by step, and metrics that need steps, are missing.'
WHERE NOT EXISTS (FROM step WHERE run_id = getvariable('run_id') AND rank = getvariable('rank'))
    AND (EXISTS (FROM staged_kernel) OR EXISTS (FROM staged_op));

INSERT INTO found
SELECT 'no_device_work', 'warning', count(*),
    count(*) || ' launches were recorded, but no work on a device.',
    'The profiler was not told to record the device, or could not: nothing can be said of the device.'
FROM staged_runtime_call
JOIN call_name USING (name)
WHERE kind IN ('launch', 'graph_launch') AND NOT EXISTS (FROM staged_kernel)
HAVING count(*) > 0;

INSERT INTO found
SELECT 'kernels_without_launch', 'warning', count(*) FILTER (call_id IS NULL),
    printf('%d of %d pieces of device work (%.1f %% of their time) have no launch in the file.', count(*) FILTER (call_id IS NULL),
        count(*), 100 * coalesce(sum(dur_ns) FILTER (call_id IS NULL), 0) / greatest(sum(dur_ns), 1)),
    'They belong to no step of launch and to no operator; device busy, breakdown and sums over the capture count them.'
FROM own_kernel
WHERE EXISTS (FROM staged_runtime_call)
HAVING count(*) FILTER (call_id IS NULL) > 0;

INSERT INTO found
SELECT 'kernels_before_launch', 'warning', count(*),
    printf('%d kernels start before the call that launched them, by up to %.3f µs.', count(*),
        max(launch_ns - start_ns) / 1000),
    'The clocks of host and device disagree by that much: gaps and delays between them are no better.'
FROM own_kernel
WHERE start_ns < launch_ns
HAVING count(*) > 0;

INSERT INTO found
WITH timed AS (
    SELECT start_ns, end_ns FROM staged_kernel UNION ALL SELECT start_ns, end_ns FROM staged_op
    UNION ALL SELECT start_ns, end_ns FROM staged_runtime_call UNION ALL SELECT start_ns, end_ns FROM staged_annotation
)
SELECT unnest([
    struct_pack(code := 'negative_durations', severity := 'error', count := count(*) FILTER (end_ns < start_ns),
        detail := printf('%d of %d events end before they start.', count(*) FILTER (end_ns < start_ns), count(*)),
        effect := 'They count with a duration of 0: times are too low.'),
    struct_pack(code := 'missing_durations', severity := 'error', count := count(*) FILTER (end_ns IS NULL),
        detail := printf('%d of %d events have no readable duration.', count(*) FILTER (end_ns IS NULL), count(*)),
        effect := 'They count with a duration of 0: times are too low.')
], max_depth := 2)
FROM timed;

INSERT INTO found
SELECT 'unclassified_share', 'warning', count(DISTINCT name) FILTER (category = 'other'),
    printf('%.1f %% of device time is in %d kernel names that no rule knows, most of it in %s.',
        100 * sum(dur_ns) FILTER (category = 'other') / sum(dur_ns), count(DISTINCT name) FILTER (category = 'other'),
        left(arg_max(name, dur_ns) FILTER (category = 'other'), 80)),
    'They are shown as category other; a breakdown by category is incomplete.'
FROM own_kernel
HAVING sum(dur_ns) FILTER (category = 'other') > 0.05 * sum(dur_ns);

INSERT INTO found
SELECT 'unclassified_share', 'warning', count(DISTINCT name) FILTER (category = 'other'),
    printf('%.1f %% of the self time of operators is in %d names that no rule knows, most of it in %s.',
        100 * sum(self_ns) FILTER (category = 'other') / sum(self_ns), count(DISTINCT name) FILTER (category = 'other'),
        left(arg_max(name, self_ns) FILTER (category = 'other'), 80)),
    'They are shown as category other; a breakdown by category is incomplete.'
FROM op
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND NOT EXISTS (FROM staged_kernel)
HAVING sum(self_ns) FILTER (category = 'other') > 0.05 * sum(self_ns);

INSERT INTO found
SELECT 'memory_totals_relative', 'info', count(*),
    'The trace has no memory totals: they are sums over the ' || count(*) || ' events since the capture began.',
    'Peaks are relative to the start of the capture.'
FROM staged_memory_event
WHERE NOT EXISTS (SELECT 1 FROM staged_memory_event WHERE allocated_bytes IS NOT NULL)
HAVING count(*) > 0;

INSERT INTO found
SELECT 'memory_totals_relative', 'info', count(*),
    'The CPU totals of ' || count(*) || ' memory events count only blocks that were allocated since the capture began.',
    'CPU memory is relative to the start of the capture and may fall below zero; compare the peak of the process instead.'
FROM staged_memory_event
WHERE device_id = -1 AND allocated_bytes IS NOT NULL AND EXISTS (FROM staged_fact WHERE key = 'framework' AND value = 'torch')
HAVING count(*) > 0;

-- Operators inside steps against the time of those steps, on a run whose work is on the CPU.
INSERT INTO found
WITH work AS (
    SELECT step, sum(self_ns) AS self_ns FROM op
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND step IS NOT NULL GROUP BY ALL
),
share AS (
    SELECT count(*) AS steps, sum(work.self_ns) / sum(step.dur_ns) AS coverage_ratio
    FROM step LEFT JOIN work USING (step)
    WHERE step.run_id = getvariable('run_id') AND step.rank = getvariable('rank') AND step.is_profiled AND NOT step.is_warmup
),
hidden AS (
    SELECT EXISTS (FROM staged_fact WHERE key = 'framework' AND value = 'tensorflow') AND NOT EXISTS (
        FROM staged_fact WHERE key = 'options_effective' AND (value::JSON ->> 'host_tracer_level')::INTEGER >= 3) AS is_so
)
SELECT
    CASE WHEN is_so THEN 'ops_hidden' ELSE 'op_coverage_low' END,
    'warning', steps,
    printf('Operators account for %.0f %% of the time of %d steps.', 100 * coalesce(coverage_ratio, 0), steps),
    CASE WHEN is_so
        THEN 'TensorFlow leaves cheap operators out of a CPU trace after warm-up: compare step times, or record with host_tracer_level=3.'
        ELSE 'Most of the step is outside the operators of the trace: compare step times first.' END
FROM share, hidden
WHERE steps > 0 AND NOT EXISTS (FROM staged_kernel) AND coalesce(coverage_ratio, 0) < 0.5;

INSERT INTO finding BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, code, severity, count, detail, effect
FROM found
WHERE count > 0;

DROP VIEW own_kernel;
DROP TABLE found;
