-- One row is one node of the tree of what a kernel comes from: the call that launched it, in that the operators around the call from the
-- outermost in, in the innermost the module. Which code is behind a kernel's name, and how much of it?
-- `path` leads from the call to the node; what a node holds is the sum of what it branches into, all ranks and devices together.
-- Caveat: work launched by a graph belongs to the operator around the launch of the graph.
-- uses: _kernel_path, kernel_summary
CREATE VIEW kernel_origin AS
WITH family AS (
    SELECT DISTINCT run_id, name, family FROM kernel_summary
),
leaf AS (
    SELECT run_id, run, 'name' AS level, name, kind, category, call_name, ops, module, calls, total_ns FROM _kernel_path
    UNION ALL
    SELECT run_id, run, 'family', family, kind, category, call_name, ops, module, calls, total_ns
    FROM _kernel_path
    JOIN family USING (run_id, name)
),
chain AS (
    SELECT * EXCLUDE (call_name, ops, module),
        list_concat(
            if(call_name IS NULL, [], [{sort: 'call', label: call_name}]),
            [{sort: 'operator', label: op} FOR op IN ops],
            if(module IS NULL, [], [{sort: 'module', label: module}])
        ) AS chain
    FROM leaf
),
node AS (
    SELECT * EXCLUDE (chain), unnest([chain[:depth + 1] FOR depth IN range(len(chain))]) AS chain FROM chain
)
SELECT run_id, run, level, name, kind, category, [part.label FOR part IN chain] AS path, len(chain) - 1 AS depth, chain[-1].sort AS sort,
    chain[-1].label AS label, sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns
FROM node
GROUP BY ALL;

COMMENT ON VIEW kernel_origin IS 'One node of the tree of what a kernel comes from: call, operators, module.';
COMMENT ON COLUMN kernel_origin.run_id IS 'Run of the kernels.';
COMMENT ON COLUMN kernel_origin.run IS 'Name of that run.';
COMMENT ON COLUMN kernel_origin.level IS 'name or family: what the kernels share.';
COMMENT ON COLUMN kernel_origin.name IS 'Name of the kernel, or its family.';
COMMENT ON COLUMN kernel_origin.kind IS 'kernel, collective, memcpy, memset or async.';
COMMENT ON COLUMN kernel_origin.category IS 'Sort of work.';
COMMENT ON COLUMN kernel_origin.path IS 'Labels from the call to the node: sorted by it, the tree reads from the top.';
COMMENT ON COLUMN kernel_origin.depth IS 'How many nodes are above.';
COMMENT ON COLUMN kernel_origin.sort IS 'call, operator or module.';
COMMENT ON COLUMN kernel_origin.label IS 'Name of the call, operator or module.';
COMMENT ON COLUMN kernel_origin.calls IS 'How many kernels come from there.';
COMMENT ON COLUMN kernel_origin.total_ns IS 'Sum of their durations.';
