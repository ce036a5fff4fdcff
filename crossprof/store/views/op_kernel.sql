-- One row is one kernel that one operator launched, itself or through operators inside it. What does an operator run on the device?
-- direct_* count the kernels whose innermost operator it is. All ranks and devices together.
-- Caveat: rows of an operator add up to its device time; rows of several operators hold the same kernels again.
-- uses: _kernel_path
CREATE VIEW op_kernel AS
WITH around AS (
    SELECT *, ops[-1] AS innermost, unnest(list_distinct(ops)) AS op_name FROM _kernel_path
)
SELECT run_id, run, op_name, name, kind, category, sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns,
    coalesce(sum(calls) FILTER (innermost = op_name), 0)::BIGINT AS direct_calls,
    coalesce(sum(total_ns) FILTER (innermost = op_name), 0)::BIGINT AS direct_ns
FROM around
GROUP BY ALL;

COMMENT ON VIEW op_kernel IS 'One kernel under one operator: how often, how long.';
COMMENT ON COLUMN op_kernel.run_id IS 'Run of the kernels.';
COMMENT ON COLUMN op_kernel.run IS 'Name of that run.';
COMMENT ON COLUMN op_kernel.op_name IS 'Name of the operator.';
COMMENT ON COLUMN op_kernel.name IS 'Name of the kernel.';
COMMENT ON COLUMN op_kernel.kind IS 'kernel, collective, memcpy, memset or async.';
COMMENT ON COLUMN op_kernel.category IS 'Sort of work of the kernel.';
COMMENT ON COLUMN op_kernel.calls IS 'How many were launched inside the operator, at any depth.';
COMMENT ON COLUMN op_kernel.total_ns IS 'Sum of their durations.';
COMMENT ON COLUMN op_kernel.direct_calls IS 'How many of them no operator inside it launched.';
COMMENT ON COLUMN op_kernel.direct_ns IS 'Sum of the durations of those.';
