-- One row is one kernel name of a rank under one way that its launches took: call, operators from the outermost in, module. Held at
-- publish, since walking up from each launch takes longer than one waits for a page.
-- Where the trace ties no operator to the launch but names one, that one is the way.
-- Ways are told apart by a hash of their operators' names, and only one operator of each is walked up to spell it.
-- empty without: kernel
CREATE VIEW _kernel_path AS
WITH RECURSIVE launcher AS MATERIALIZED (
    SELECT run_id, rank, op_id, parent_id, name, hash(name) AS code
    FROM op
    SEMI JOIN (SELECT run_id, rank FROM kernel WHERE op_id IS NOT NULL) USING (run_id, rank)
),
coded AS (
    SELECT run_id, rank, op_id, code FROM launcher WHERE parent_id IS NULL
    UNION ALL
    SELECT launcher.run_id, launcher.rank, launcher.op_id, hash(coded.code, launcher.code)
    FROM launcher
    JOIN coded ON coded.run_id = launcher.run_id AND coded.rank = launcher.rank AND coded.op_id = launcher.parent_id
),
summed AS MATERIALIZED (
    SELECT kernel.run_id, kernel.rank, kernel.name, kernel.kind, category, call.name AS call_name, code, op_name, module,
        any_value(kernel.op_id) AS op_id, count(*) AS calls, sum(kernel.dur_ns)::BIGINT AS total_ns
    FROM kernel
    LEFT JOIN runtime_call AS call ON call.run_id = kernel.run_id AND call.rank = kernel.rank AND call.call_id = kernel.call_id
    LEFT JOIN coded ON coded.run_id = kernel.run_id AND coded.rank = kernel.rank AND coded.op_id = kernel.op_id
    GROUP BY ALL
),
spelled AS (
    SELECT run_id, rank, op_id, parent_id, [launcher.name] AS ops
    FROM launcher
    SEMI JOIN summed USING (run_id, rank, op_id)
    UNION ALL
    SELECT spelled.run_id, spelled.rank, spelled.op_id, launcher.parent_id, list_prepend(name, ops)
    FROM launcher
    JOIN spelled ON spelled.run_id = launcher.run_id AND spelled.rank = launcher.rank AND spelled.parent_id = launcher.op_id
)
SELECT summed.run_id, run.run, summed.rank, name, kind, category, call_name, coalesce(ops, if(op_name IS NULL, [], [op_name])) AS ops, module,
    sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns
FROM summed
JOIN run USING (run_id)
LEFT JOIN spelled
    ON spelled.run_id = summed.run_id AND spelled.rank = summed.rank AND spelled.op_id = summed.op_id AND spelled.parent_id IS NULL
GROUP BY ALL;

COMMENT ON VIEW _kernel_path IS 'One kernel name under one way that its launches took.';
COMMENT ON COLUMN _kernel_path.run_id IS 'Run of the kernels.';
COMMENT ON COLUMN _kernel_path.run IS 'Name of that run.';
COMMENT ON COLUMN _kernel_path.rank IS 'Rank that launched them.';
COMMENT ON COLUMN _kernel_path.name IS 'Name of the kernel.';
COMMENT ON COLUMN _kernel_path.kind IS 'kernel, collective, memcpy, memset or async.';
COMMENT ON COLUMN _kernel_path.category IS 'Sort of work.';
COMMENT ON COLUMN _kernel_path.call_name IS 'Call that launched them. NULL where the launch is not in the file.';
COMMENT ON COLUMN _kernel_path.ops IS 'Operators around the call, the outermost first.';
COMMENT ON COLUMN _kernel_path.module IS 'XLA module, or module of the model.';
COMMENT ON COLUMN _kernel_path.calls IS 'How many kernels.';
COMMENT ON COLUMN _kernel_path.total_ns IS 'Sum of their durations.';
