-- One row is one profiled step of one rank, as a stretch of time that no other step shares. Which step does an instant belong to?
-- Steps follow each other, so one that reaches into the next is cut there.
CREATE VIEW _profiled_step AS
SELECT step.run_id, run.run, rank, step, capture, is_warmup, start_ns,
    least(start_ns + dur_ns, coalesce(lead(start_ns) OVER (PARTITION BY step.run_id, rank ORDER BY start_ns, step), start_ns + dur_ns)) AS end_ns
FROM step
JOIN run USING (run_id)
WHERE is_profiled;

COMMENT ON VIEW _profiled_step IS 'One profiled step of one rank, as a stretch of time that no other step shares.';
COMMENT ON COLUMN _profiled_step.run_id IS 'Run of the step.';
COMMENT ON COLUMN _profiled_step.run IS 'Name of that run.';
COMMENT ON COLUMN _profiled_step.rank IS 'Rank that ran it.';
COMMENT ON COLUMN _profiled_step.step IS 'Number of the step.';
COMMENT ON COLUMN _profiled_step.capture IS 'Profiling window that it belongs to.';
COMMENT ON COLUMN _profiled_step.is_warmup IS 'Whether every statistic leaves it out.';
COMMENT ON COLUMN _profiled_step.start_ns IS 'Start on the host.';
COMMENT ON COLUMN _profiled_step.end_ns IS 'End of the step, or start of the next one where that comes first.';
