-- One row is one sort of stretch (kind, category and name) of the critical path of one step. What makes the step as long as it is?
-- The rows of a step add up to it. Waits are summed without regard to a name, but for those of a call.
-- Caveat: shortening work on the path gains no more than this; how much, the gain_ns of the single stretches bounds.
-- uses: critical_path
CREATE VIEW critical_path_summary AS
WITH stretch AS (
    SELECT run_id, run, rank, step, kind, dur_ns, gain_ns, ends_with(kind, '_wait') AS is_wait, category, name FROM critical_path
),
summed AS (
    SELECT run_id, run, rank, step, kind, if(is_wait, NULL, category) AS category, if(is_wait AND kind NOT IN ('sync_wait', 'queue_wait'), NULL, name) AS name,
        count(*) AS segments, sum(dur_ns)::BIGINT AS total_ns, max(gain_ns) AS max_gain_ns
    FROM stretch
    GROUP BY ALL
)
SELECT *, total_ns / sum(total_ns) OVER (PARTITION BY run_id, rank, step) AS share_ratio
FROM summed;

COMMENT ON VIEW critical_path_summary IS 'One sort of stretch of the critical path of one step: how often, how long, which share of the step.';
COMMENT ON COLUMN critical_path_summary.run_id IS 'Run of the step.';
COMMENT ON COLUMN critical_path_summary.run IS 'Name of that run.';
COMMENT ON COLUMN critical_path_summary.rank IS 'Rank of the step.';
COMMENT ON COLUMN critical_path_summary.step IS 'Number of the step. NULL: all events of a rank without measured steps.';
COMMENT ON COLUMN critical_path_summary.kind IS 'Kind of the stretches, as in critical_path.';
COMMENT ON COLUMN critical_path_summary.category IS 'Sort of work. NULL for calls, gaps and waits.';
COMMENT ON COLUMN critical_path_summary.name IS 'Name of the operator, call or kernel, or of the range around a gap.';
COMMENT ON COLUMN critical_path_summary.segments IS 'How many stretches.';
COMMENT ON COLUMN critical_path_summary.total_ns IS 'Sum of their durations.';
COMMENT ON COLUMN critical_path_summary.max_gain_ns IS 'The most that the step would gain without one of them.';
COMMENT ON COLUMN critical_path_summary.share_ratio IS 'total_ns over the length of the step.';
