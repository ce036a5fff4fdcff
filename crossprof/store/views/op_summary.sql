-- One row is one operator (of one category) on one rank, over the whole capture. Which operators cost, on the host and on the device?
-- Caveat: total_ns holds the time of the ops inside, so it counts an op within an op of the same name twice; self_ns adds up.
-- device_ns sums the kernels launched directly under the op; NULL where the trace has no device work.
-- measured_* count the ops that start in a measured step.
-- empty without: op
CREATE VIEW op_summary AS
WITH measured AS (
    SELECT run_id, rank, step FROM step WHERE is_profiled AND NOT is_warmup
)
SELECT op.run_id, run.run, op.rank, op.name, op.category, count(*) AS calls, sum(op.dur_ns)::BIGINT AS total_ns,
    sum(op.self_ns)::BIGINT AS self_ns, sum(op.device_ns)::BIGINT AS device_ns,
    count(measured.step) AS measured_calls,
    coalesce(sum(op.self_ns) FILTER (measured.step IS NOT NULL), 0)::BIGINT AS measured_self_ns,
    sum(op.device_ns) FILTER (measured.step IS NOT NULL)::BIGINT AS measured_device_ns, min(op.dur_ns) AS min_ns, max(op.dur_ns) AS max_ns
FROM op
JOIN run USING (run_id)
LEFT JOIN measured ON measured.run_id = op.run_id AND measured.rank = op.rank AND measured.step = op.step
GROUP BY op.run_id, run.run, op.rank, op.name, op.category;

COMMENT ON VIEW op_summary IS 'One operator on one rank: how often, how long on the host and on the device.';
COMMENT ON COLUMN op_summary.run_id IS 'Run of the operators.';
COMMENT ON COLUMN op_summary.run IS 'Name of that run.';
COMMENT ON COLUMN op_summary.rank IS 'Rank that ran them.';
COMMENT ON COLUMN op_summary.name IS 'Name of the operator, without its instance.';
COMMENT ON COLUMN op_summary.category IS 'Sort of work, from the same rule table as kernels.';
COMMENT ON COLUMN op_summary.calls IS 'How many ran in the capture.';
COMMENT ON COLUMN op_summary.total_ns IS 'Sum of their durations on the host, the ops inside included.';
COMMENT ON COLUMN op_summary.self_ns IS 'Sum of their durations less what is inside them: adds up over operators.';
COMMENT ON COLUMN op_summary.device_ns IS 'Sum of the kernels launched directly under them. NULL where the trace has no device work.';
COMMENT ON COLUMN op_summary.measured_calls IS 'How many of them start in a measured step.';
COMMENT ON COLUMN op_summary.measured_self_ns IS 'Self time of those.';
COMMENT ON COLUMN op_summary.measured_device_ns IS 'Device time of those.';
COMMENT ON COLUMN op_summary.min_ns IS 'Shortest duration of one of them on the host.';
COMMENT ON COLUMN op_summary.max_ns IS 'Longest duration of one of them on the host.';
