-- One row is one kernel or operator in one step of a run, all ranks and devices together. Does its time grow, jump or stand out in a step?
-- Work belongs to the step that it counts for in kernel_summary and op_summary; work of no step has no row here.
-- Rows are summed where they are read, before anything is joined to them: names are then compared once each.
-- Caveat: a step without a call has no row.
-- Over many large runs ask by run_id: a filter on the run's name reads the events of all of them first.
-- uses: _launching_device, kernel_summary
CREATE VIEW operation_step AS
WITH device_work AS NOT MATERIALIZED ( -- a filter on the run must reach it
    SELECT run_id, rank, device_id, name, kind, category, step, device_step, count(*) AS calls, sum(dur_ns) AS total_ns FROM kernel GROUP BY ALL
),
host_work AS NOT MATERIALIZED (
    SELECT run_id, rank, name, category, shapes, step, count(*) AS calls, sum(dur_ns) AS total_ns, sum(self_ns) AS self_ns FROM op GROUP BY ALL
),
piece AS (
    SELECT run_id, 'name' AS level, name, kind, category, NULL::VARCHAR AS shapes, rank, if(is_launched, step, device_step) AS step, calls,
        total_ns, total_ns AS self_ns
    FROM device_work
    JOIN _launching_device USING (run_id, rank, device_id)
    UNION ALL
    SELECT run_id, 'family', family, kind, category, NULL, rank, if(is_launched, step, device_step), calls, total_ns, total_ns
    FROM device_work
    JOIN _launching_device USING (run_id, rank, device_id)
    JOIN (SELECT DISTINCT run_id, name, family FROM kernel_summary) USING (run_id, name)
    UNION ALL
    SELECT run_id, 'operator', name, 'op', category, NULL, rank, step, count(*), sum(dur_ns), sum(self_ns) FROM op GROUP BY ALL
    UNION ALL
    SELECT run_id, 'operator and shape', name, 'op', category, regexp_replace(shapes, '(,\[\])+\]$', ']'), rank, step, calls, total_ns, self_ns
    FROM host_work
),
summed AS (
    SELECT piece.run_id, level, name, kind, category, shapes, piece.step, coalesce(bool_and(is_profiled AND NOT is_warmup), false) AS is_measured,
        len(list_distinct(list(piece.rank)))::BIGINT AS ranks, sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns,
        sum(self_ns)::BIGINT AS self_ns
    FROM piece
    LEFT JOIN step ON step.run_id = piece.run_id AND step.rank = piece.rank AND step.step = piece.step
    WHERE piece.step IS NOT NULL
    GROUP BY ALL
)
SELECT summed.run_id, run.run, summed.* EXCLUDE (run_id)
FROM summed
JOIN run USING (run_id);

COMMENT ON VIEW operation_step IS 'One kernel or operator in one step: how often, how long.';
COMMENT ON COLUMN operation_step.run_id IS 'Run of the work.';
COMMENT ON COLUMN operation_step.run IS 'Name of that run.';
COMMENT ON COLUMN operation_step.level IS 'name or family (kernels), operator or operator and shape (operators).';
COMMENT ON COLUMN operation_step.name IS 'Name of the kernel, its family, or the operator.';
COMMENT ON COLUMN operation_step.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN operation_step.category IS 'Sort of work.';
COMMENT ON COLUMN operation_step.shapes IS 'Input shapes, JSON, at the level operator and shape.';
COMMENT ON COLUMN operation_step.step IS 'Number of the step.';
COMMENT ON COLUMN operation_step.is_measured IS 'Whether the step enters statistics on all these ranks: profiled, and no warm-up.';
COMMENT ON COLUMN operation_step.ranks IS 'Ranks that had any of it in the step.';
COMMENT ON COLUMN operation_step.calls IS 'How many.';
COMMENT ON COLUMN operation_step.total_ns IS 'Sum of their durations; of operators with all that is inside them.';
COMMENT ON COLUMN operation_step.self_ns IS 'Of operators: durations less what is inside them; of device work their durations.';
