-- One row is the work of one HLO category of one XLA program that one thing limits, on one rank. What does XLA's work cost, what bounds it?
-- hlo_op has the operations themselves; their names (fusion.3) change with each compilation, so two runs are compared by these rows.
-- Caveat: total_ns counts what runs inside a while or a call twice, in it and by itself; self_ns and share_ratio count it once.
CREATE VIEW hlo_summary AS
WITH summed AS (
    SELECT run_id, rank, module, category, bound_by, count(DISTINCT (program_id, name)) AS ops, sum(occurrences)::BIGINT AS calls,
        sum(total_ns)::BIGINT AS total_ns, sum(self_ns)::BIGINT AS self_ns, sum(flops)::BIGINT AS flops,
        sum(bytes_accessed)::BIGINT AS bytes_accessed, sum(hbm_bytes_accessed)::BIGINT AS hbm_bytes_accessed
    FROM hlo_op
    GROUP BY ALL
)
SELECT summed.run_id, run.run, summed.* EXCLUDE (run_id),
    self_ns / nullif(sum(self_ns) OVER (PARTITION BY summed.run_id, rank), 0) AS share_ratio,
    flops / nullif(total_ns * 1e-9, 0) AS flops_per_second, bytes_accessed / nullif(total_ns * 1e-9, 0) AS bytes_per_second
FROM summed
JOIN run USING (run_id);

COMMENT ON VIEW hlo_summary IS 'The work of one HLO category of one XLA program by what limits it, as xprof counts it (ingest --xla).';
COMMENT ON COLUMN hlo_summary.run_id IS 'Run of the work.';
COMMENT ON COLUMN hlo_summary.run IS 'Name of that run.';
COMMENT ON COLUMN hlo_summary.rank IS 'Rank that ran it.';
COMMENT ON COLUMN hlo_summary.module IS 'Name of the program: jit_train_step, ... Programs of one name are one. NULL where the trace lacks the HLO.';
COMMENT ON COLUMN hlo_summary.category IS 'Category by XLA: loop fusion, convolution, custom-call, all-reduce, ...';
COMMENT ON COLUMN hlo_summary.bound_by IS 'What limits it under the roofline: Compute, HBM, a nearer memory, Unknown.';
COMMENT ON COLUMN hlo_summary.ops IS 'How many instructions of the programs.';
COMMENT ON COLUMN hlo_summary.calls IS 'How often they ran, all cores and captures together.';
COMMENT ON COLUMN hlo_summary.total_ns IS 'Sum of their durations, all cores together, by the clock of the device.';
COMMENT ON COLUMN hlo_summary.self_ns IS 'That sum without the time of the instructions inside them.';
COMMENT ON COLUMN hlo_summary.flops IS 'Floating-point operations of the model; 0 where XLA does not know the cost, as of many a custom call.';
COMMENT ON COLUMN hlo_summary.bytes_accessed IS 'Traffic with all memories, by XLA''s estimate of the cost.';
COMMENT ON COLUMN hlo_summary.hbm_bytes_accessed IS 'The part of that traffic with the memory of the device.';
COMMENT ON COLUMN hlo_summary.share_ratio IS 'self_ns over the sum of all rows of the rank.';
COMMENT ON COLUMN hlo_summary.flops_per_second IS 'flops over total_ns.';
COMMENT ON COLUMN hlo_summary.bytes_per_second IS 'bytes_accessed over total_ns. Starts of asynchronous copies far exceed what any memory can.';
