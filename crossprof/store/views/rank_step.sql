-- One row is one rank over one step that several ranks of the run ran, beside the median of these ranks. Which rank is late, and when?
-- Where a run has more than 64,000 of both, a row is several steps in a row and its times are means over them.
-- Caveat: ranks are matched by the number of their step; collectives make all ranks of a job as slow as the slowest (see straggler).
-- uses: step_time
CREATE VIEW rank_step AS
WITH every AS (
    SELECT run_id, step, count(*) AS ranks, median(dur_ns) AS median_ns
    FROM step_time
    GROUP BY run_id, step
    HAVING count(*) > 1
),
cell AS (
    SELECT *, (row_number() OVER (PARTITION BY run_id ORDER BY step) - 1) // ceil(sum(ranks) OVER (PARTITION BY run_id) / 64000)::BIGINT AS slice
    FROM every
)
SELECT run_id, any_value(run) AS run, rank, min(step) AS step, max(step) AS last_step, count(*) AS steps, bool_and(is_warmup) AS is_warmup,
    bool_and(is_profiled) AS is_profiled, avg(dur_ns) AS dur_ns, avg(median_ns) AS median_ns, avg(dur_ns - median_ns) AS excess_ns,
    sum(dur_ns) / nullif(sum(median_ns), 0) - 1 AS excess_ratio
FROM step_time
JOIN cell USING (run_id, step)
GROUP BY run_id, rank, slice;

COMMENT ON VIEW rank_step IS 'One rank over one step, or over a few of a long run, beside the median of the ranks.';
COMMENT ON COLUMN rank_step.run_id IS 'Run of the step.';
COMMENT ON COLUMN rank_step.run IS 'Name of that run.';
COMMENT ON COLUMN rank_step.rank IS 'Rank that ran it.';
COMMENT ON COLUMN rank_step.step IS 'Number of the step, or of the first of them.';
COMMENT ON COLUMN rank_step.last_step IS 'Number of the last of them.';
COMMENT ON COLUMN rank_step.steps IS 'How many steps the row is about.';
COMMENT ON COLUMN rank_step.is_warmup IS 'Whether every statistic leaves them out.';
COMMENT ON COLUMN rank_step.is_profiled IS 'Whether a profiler was on in all of them.';
COMMENT ON COLUMN rank_step.dur_ns IS 'Wall time of a step on this rank.';
COMMENT ON COLUMN rank_step.median_ns IS 'Median of the ranks that ran the step.';
COMMENT ON COLUMN rank_step.excess_ns IS 'dur_ns less median_ns: above zero where this rank took longer.';
COMMENT ON COLUMN rank_step.excess_ratio IS 'dur_ns over median_ns, less 1.';
