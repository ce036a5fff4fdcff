-- One row is one step of one rank. How long is a step? Bare and profiled ones are told apart, since a profiler slows what it watches.
-- Caveat: a step is host time; work that it launched on a device may end after it.
-- empty without: step
CREATE VIEW step_time AS
SELECT
    step.run_id, run.run, step.rank, step.step, step.start_ns, step.dur_ns, step.is_profiled, step.is_warmup, step.samples,
    step.tokens, step.capture, step.source
FROM step
JOIN run USING (run_id);

COMMENT ON VIEW step_time IS 'One step of one rank: how long it took on the host, with or without a profiler.';
COMMENT ON COLUMN step_time.run_id IS 'Run of the step.';
COMMENT ON COLUMN step_time.run IS 'Name of that run.';
COMMENT ON COLUMN step_time.rank IS 'Rank that ran it.';
COMMENT ON COLUMN step_time.step IS 'Number of the step.';
COMMENT ON COLUMN step_time.start_ns IS 'Start on the host.';
COMMENT ON COLUMN step_time.dur_ns IS 'Wall time on the host, from this start to the next one, less the profiler''s own work between the two.';
COMMENT ON COLUMN step_time.is_profiled IS 'Whether a profiler was on: such steps are slower than bare ones.';
COMMENT ON COLUMN step_time.is_warmup IS 'Whether every statistic leaves it out.';
COMMENT ON COLUMN step_time.samples IS 'Samples that the step handled on this rank.';
COMMENT ON COLUMN step_time.tokens IS 'Tokens that the step handled on this rank.';
COMMENT ON COLUMN step_time.capture IS 'Profiling window that it belongs to. NULL for a bare step.';
COMMENT ON COLUMN step_time.source IS 'crossprof (our own marker) or profiler (a marker in the trace).';
