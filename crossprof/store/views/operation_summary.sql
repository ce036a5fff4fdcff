-- One row is one kernel or operator of a run, all its ranks and devices together, at one level of naming. Which of them cost, and how do
-- runs differ in them? `level` says what shares a row: 'name' and 'family' are kernels on a device, 'operator' and 'operator and shape'
-- are operators on the host. Rows of one level add up; rows of several never do.
-- Caveats: total_ns of an operator holds the operators inside it, so share_ratio and per_step_ns go by self_ns there. *_per_step is over
-- measured steps, and over ranks and devices: the mean of one device in one step.
-- uses: _device_time, kernel_summary, op_summary
-- empty without: kernel, op
CREATE VIEW operation_summary AS
WITH measured AS (
    SELECT run_id, true AS is_device, count(*) AS steps FROM _device_time WHERE is_measured GROUP BY run_id
    UNION ALL
    SELECT run_id, false, count(*) FROM step WHERE is_profiled AND NOT is_warmup GROUP BY run_id
),
host_work AS ( -- a text is cut once for all calls of one shape
    SELECT op.run_id, name, category, op.shapes, count(*) AS calls, sum(op.dur_ns) AS total_ns, min(op.dur_ns) AS min_ns, max(op.dur_ns) AS max_ns,
        sum(self_ns) AS self_ns, sum(device_ns) AS device_ns, count(step.step) AS measured_calls,
        coalesce(sum(self_ns) FILTER (step.step IS NOT NULL), 0) AS measured_ns
    FROM op
    LEFT JOIN step ON step.run_id = op.run_id AND step.rank = op.rank AND step.step = op.step AND is_profiled AND NOT is_warmup
    GROUP BY ALL
),
operation AS (
    SELECT run_id, true AS is_device, 'name' AS level, name, kind, category, NULL::VARCHAR AS shapes, any_value(family) AS family,
        sum(calls) AS calls, sum(total_ns) AS total_ns, min(min_ns) AS min_ns, max(max_ns) AS max_ns, NULL::HUGEINT AS self_ns,
        NULL::HUGEINT AS device_ns, sum(measured_calls) AS measured_calls, sum(measured_ns) AS measured_ns
    FROM kernel_summary
    GROUP BY ALL
    UNION ALL
    SELECT run_id, true, 'family', family, kind, category, NULL, any_value(family), sum(calls), sum(total_ns), min(min_ns), max(max_ns), NULL,
        NULL, sum(measured_calls), sum(measured_ns)
    FROM kernel_summary
    GROUP BY run_id, family, kind, category
    UNION ALL
    SELECT run_id, false, 'operator', name, 'op', category, NULL, NULL, sum(calls), sum(total_ns), min(min_ns), max(max_ns), sum(self_ns),
        sum(device_ns), sum(measured_calls), sum(measured_self_ns)
    FROM op_summary
    GROUP BY run_id, name, category
    UNION ALL
    SELECT run_id, false, 'operator and shape', name, 'op', category, regexp_replace(shapes, '(,\[\])+\]$', ']'), NULL, sum(calls),
        sum(total_ns), min(min_ns), max(max_ns), sum(self_ns), sum(device_ns), sum(measured_calls), sum(measured_ns)
    FROM host_work
    GROUP BY ALL
),
shared AS (
    SELECT *, if(kind = 'async', NULL, coalesce(self_ns, total_ns)) AS own_ns FROM operation
)
SELECT shared.run_id, run.run, level, name, kind, category, shapes, family, calls::BIGINT AS calls, total_ns::BIGINT AS total_ns,
    total_ns / calls AS mean_ns, min_ns, max_ns, self_ns::BIGINT AS self_ns, device_ns::BIGINT AS device_ns,
    own_ns / nullif(sum(own_ns) OVER (PARTITION BY shared.run_id, level), 0) AS share_ratio, steps, measured_calls / steps AS per_step_calls,
    measured_ns / steps AS per_step_ns
FROM shared
JOIN run USING (run_id)
LEFT JOIN measured ON measured.run_id = shared.run_id AND measured.is_device = shared.is_device;

COMMENT ON VIEW operation_summary IS 'One kernel or operator of a run at one level of naming: how often, how long, how much of a step.';
COMMENT ON COLUMN operation_summary.run_id IS 'Run of the work.';
COMMENT ON COLUMN operation_summary.run IS 'Name of that run.';
COMMENT ON COLUMN operation_summary.level IS 'What shares a row: name or family (kernels), operator or operator and shape (operators).';
COMMENT ON COLUMN operation_summary.name IS 'Name of the kernel, its family, or the operator.';
COMMENT ON COLUMN operation_summary.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN operation_summary.category IS 'Sort of work.';
COMMENT ON COLUMN operation_summary.shapes IS 'Input shapes, JSON, without the empty ones at the end. NULL at the other levels, and where none were recorded.';
COMMENT ON COLUMN operation_summary.family IS 'Family of the kernel. NULL for operators.';
COMMENT ON COLUMN operation_summary.calls IS 'How many in the capture.';
COMMENT ON COLUMN operation_summary.total_ns IS 'Sum of their durations; of operators with all that is inside them.';
COMMENT ON COLUMN operation_summary.mean_ns IS 'Mean duration.';
COMMENT ON COLUMN operation_summary.min_ns IS 'Shortest duration.';
COMMENT ON COLUMN operation_summary.max_ns IS 'Longest duration.';
COMMENT ON COLUMN operation_summary.self_ns IS 'Of operators: durations less what is inside them. NULL for kernels.';
COMMENT ON COLUMN operation_summary.device_ns IS 'Of operators: sum of the kernels launched directly under them. NULL for kernels, and where the trace has no device work.';
COMMENT ON COLUMN operation_summary.share_ratio IS 'total_ns, of operators self_ns, over the sum of all rows of the level but async. NULL for async.';
COMMENT ON COLUMN operation_summary.steps IS 'Measured steps, those of each rank and device counted. NULL where the run has none.';
COMMENT ON COLUMN operation_summary.per_step_calls IS 'Calls of a measured step on one device or rank.';
COMMENT ON COLUMN operation_summary.per_step_ns IS 'Duration, of operators self time, of a measured step on one device or rank.';
