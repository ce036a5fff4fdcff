-- One row is one step that several ranks of a run ran, or the worst of a few steps in a row where a run has more than 1,000. How far apart are the ranks?
-- Caveat: a start on another host is known as well as its clock is: skew_ns means nothing below residual_ns.
-- uses: step_time
CREATE VIEW rank_skew AS
WITH every AS (
    SELECT run_id, any_value(run) AS run, step, count(*) AS ranks, bool_or(is_warmup) AS is_warmup, max(dur_ns) - min(dur_ns) AS spread_ns,
        if(count(clock_offset_ns) = count(*), max(start_ns + clock_offset_ns) - min(start_ns + clock_offset_ns), NULL) AS skew_ns,
        if(count(clock_offset_ns) = count(*), arg_max(rank, {at_ns: start_ns + clock_offset_ns, rank: -rank}), NULL) AS latest_rank,
        arg_max(rank, {dur_ns: dur_ns, rank: -rank}) AS slowest_rank, max(clock_residual_ns) AS residual_ns
    FROM step_time
    JOIN rank USING (run_id, rank)
    GROUP BY run_id, step
    HAVING count(*) > 1
),
slice AS (
    SELECT *, (row_number() OVER (PARTITION BY run_id ORDER BY step) - 1) // ceil(count(*) OVER (PARTITION BY run_id) / 1000)::BIGINT AS slice
    FROM every
)
SELECT run_id, any_value(run) AS run, min(step) AS step, count(*) AS steps, max(ranks) AS ranks, bool_and(is_warmup) AS is_warmup,
    max(spread_ns) AS spread_ns, arg_max(slowest_rank, spread_ns) AS slowest_rank, max(skew_ns) AS skew_ns,
    arg_max(latest_rank, skew_ns) AS latest_rank, max(residual_ns) AS residual_ns
FROM slice
GROUP BY run_id, slice;

COMMENT ON VIEW rank_skew IS 'How far apart the ranks of a run are in one step, or in the worst of a few steps of a long run.';
COMMENT ON COLUMN rank_skew.run_id IS 'Run of the step.';
COMMENT ON COLUMN rank_skew.run IS 'Name of that run.';
COMMENT ON COLUMN rank_skew.step IS 'Number of the step, or of the first of them.';
COMMENT ON COLUMN rank_skew.steps IS 'How many steps the row is about.';
COMMENT ON COLUMN rank_skew.ranks IS 'Ranks in the store that ran it.';
COMMENT ON COLUMN rank_skew.is_warmup IS 'Whether every statistic leaves them out.';
COMMENT ON COLUMN rank_skew.spread_ns IS 'Longest less shortest wall time over the ranks.';
COMMENT ON COLUMN rank_skew.slowest_rank IS 'Rank with the longest step; of equals the lowest.';
COMMENT ON COLUMN rank_skew.skew_ns IS 'Latest less earliest start over the ranks, on one clock. NULL where the clock of a rank is not known.';
COMMENT ON COLUMN rank_skew.latest_rank IS 'Rank that started last; of equals the lowest.';
COMMENT ON COLUMN rank_skew.residual_ns IS 'Largest clock_residual_ns of these ranks. NULL where they share one clock.';
