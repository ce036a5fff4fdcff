-- One row is one kernel or operator of two runs, at one level of naming. How does it differ between them?
-- A run that lacks it spends nothing on it: the change is all of it. A run that tells a measure of no row, as one without measured steps tells
-- none per step, has no change in it. A run stands beside each other one, in both orders: ask for a base_run_id and a run_id.
-- Caveat: rows are matched by name, kind, category and shapes; compare() says how much of two runs' time a level can match.
-- uses: operation_summary
CREATE VIEW operation_change AS
WITH pair AS (
    SELECT base.run_id AS base_run_id, run.run_id, run.run FROM run CROSS JOIN run AS base WHERE base.run_id <> run.run_id
),
told AS (
    SELECT base_run_id, pair.run_id, pair.run, true AS is_base, operation.* EXCLUDE (run_id, run)
    FROM pair
    JOIN operation_summary AS operation ON operation.run_id = base_run_id
    UNION ALL
    SELECT base_run_id, pair.run_id, pair.run, false, operation.* EXCLUDE (run_id, run)
    FROM pair
    JOIN operation_summary AS operation ON operation.run_id = pair.run_id
),
matched AS (
    SELECT base_run_id, run_id, run, level, name, kind, category, shapes, any_value(family) AS family,
        any_value(calls) FILTER (is_base) AS base_calls, any_value(calls) FILTER (NOT is_base) AS calls,
        any_value(total_ns) FILTER (is_base) AS base_total_ns, any_value(total_ns) FILTER (NOT is_base) AS total_ns,
        any_value(self_ns) FILTER (is_base) AS base_self_ns, any_value(self_ns) FILTER (NOT is_base) AS self_ns,
        any_value(device_ns) FILTER (is_base) AS base_device_ns, any_value(device_ns) FILTER (NOT is_base) AS device_ns,
        any_value(mean_ns) FILTER (is_base) AS base_mean_ns, any_value(mean_ns) FILTER (NOT is_base) AS mean_ns,
        any_value(per_step_calls) FILTER (is_base) AS base_per_step_calls, any_value(per_step_calls) FILTER (NOT is_base) AS per_step_calls,
        any_value(per_step_ns) FILTER (is_base) AS base_per_step_ns, any_value(per_step_ns) FILTER (NOT is_base) AS per_step_ns
    FROM told
    GROUP BY base_run_id, run_id, run, level, name, kind, category, shapes
)
SELECT *,
    if(base_calls IS NULL AND calls IS NULL OR max(base_calls) OVER of_level IS NULL OR max(calls) OVER of_level IS NULL, NULL,
        coalesce(calls, 0) - coalesce(base_calls, 0)) AS change_calls,
    if(base_total_ns IS NULL AND total_ns IS NULL OR max(base_total_ns) OVER of_level IS NULL OR max(total_ns) OVER of_level IS NULL, NULL,
        coalesce(total_ns, 0) - coalesce(base_total_ns, 0)) AS change_total_ns,
    if(base_self_ns IS NULL AND self_ns IS NULL OR max(base_self_ns) OVER of_level IS NULL OR max(self_ns) OVER of_level IS NULL, NULL,
        coalesce(self_ns, 0) - coalesce(base_self_ns, 0)) AS change_self_ns,
    if(base_device_ns IS NULL AND device_ns IS NULL OR max(base_device_ns) OVER of_level IS NULL OR max(device_ns) OVER of_level IS NULL, NULL,
        coalesce(device_ns, 0) - coalesce(base_device_ns, 0)) AS change_device_ns,
    if(base_mean_ns IS NULL AND mean_ns IS NULL OR max(base_mean_ns) OVER of_level IS NULL OR max(mean_ns) OVER of_level IS NULL, NULL,
        coalesce(mean_ns, 0) - coalesce(base_mean_ns, 0)) AS change_mean_ns,
    if(base_per_step_calls IS NULL AND per_step_calls IS NULL OR max(base_per_step_calls) OVER of_level IS NULL OR max(per_step_calls) OVER of_level IS NULL, NULL,
        coalesce(per_step_calls, 0) - coalesce(base_per_step_calls, 0)) AS change_per_step_calls,
    if(base_per_step_ns IS NULL AND per_step_ns IS NULL OR max(base_per_step_ns) OVER of_level IS NULL OR max(per_step_ns) OVER of_level IS NULL, NULL,
        coalesce(per_step_ns, 0) - coalesce(base_per_step_ns, 0)) AS change_per_step_ns
FROM matched
WINDOW of_level AS (PARTITION BY base_run_id, run_id, level);

COMMENT ON VIEW operation_change IS 'One kernel or operator of two runs: its figures in both, and their difference.';
COMMENT ON COLUMN operation_change.base_run_id IS 'Run that it is compared with.';
COMMENT ON COLUMN operation_change.run_id IS 'Run of the work.';
COMMENT ON COLUMN operation_change.run IS 'Name of that run.';
COMMENT ON COLUMN operation_change.level IS 'What shares a row: name or family (kernels), operator or operator and shape (operators).';
COMMENT ON COLUMN operation_change.name IS 'Name of the kernel, its family, or the operator.';
COMMENT ON COLUMN operation_change.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN operation_change.category IS 'Sort of work.';
COMMENT ON COLUMN operation_change.shapes IS 'Input shapes, JSON, at the level operator and shape.';
COMMENT ON COLUMN operation_change.family IS 'Family of the kernel. NULL for operators.';
COMMENT ON COLUMN operation_change.base_calls IS 'How many calls in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.calls IS 'How many calls in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_calls IS 'How many calls in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
COMMENT ON COLUMN operation_change.base_total_ns IS 'Sum of the durations in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.total_ns IS 'Sum of the durations in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_total_ns IS 'Sum of the durations in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
COMMENT ON COLUMN operation_change.base_self_ns IS 'Self time in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.self_ns IS 'Self time in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_self_ns IS 'Self time in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
COMMENT ON COLUMN operation_change.base_device_ns IS 'Kernels launched directly under it in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.device_ns IS 'Kernels launched directly under it in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_device_ns IS 'Kernels launched directly under it in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
COMMENT ON COLUMN operation_change.base_mean_ns IS 'Mean duration in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.mean_ns IS 'Mean duration in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_mean_ns IS 'Mean duration in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
COMMENT ON COLUMN operation_change.base_per_step_calls IS 'Calls of a measured step in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.per_step_calls IS 'Calls of a measured step in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_per_step_calls IS 'Calls of a measured step in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
COMMENT ON COLUMN operation_change.base_per_step_ns IS 'Time of a measured step in base_run_id, as in operation_summary. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.per_step_ns IS 'Time of a measured step in run_id. NULL: it has none of it.';
COMMENT ON COLUMN operation_change.change_per_step_ns IS 'Time of a measured step in run_id less that in base_run_id. NULL where one of the runs tells it of no row of the level.';
