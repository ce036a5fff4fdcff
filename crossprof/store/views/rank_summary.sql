-- One row is one rank of a run of several, over its steps after warm-up. Which rank holds the others up, by how much, and what does it do meanwhile?
-- Times of steps are of bare ones, where there are any; compute and waiting are of profiled ones, since only these are known in detail.
-- A rank delays the others by how much less than their median it waits in collectives: tied together, all steps are equally long. Where waiting
-- is not known, by how much longer its steps are. cause is the part of the step, communication apart, that exceeds the median of the ranks most.
-- Caveat: cause is a place to look at, no proof; it is NULL where a rank delays the others by less than 1 % of a step.
-- uses: straggler, rank_category
CREATE VIEW rank_summary AS
WITH step AS (
    SELECT *, is_profiled <> bool_or(NOT is_profiled) OVER (PARTITION BY run_id) AS is_timed, median(dur_ns) OVER every AS median_ns,
        median(compute_ns) OVER every AS median_compute_ns, median(wait_ns) OVER every AS median_wait_ns
    FROM straggler
    WHERE NOT is_warmup
    WINDOW every AS (PARTITION BY run_id, step)
),
averaged AS (
    SELECT run_id, run, rank, count(*) FILTER (is_timed) AS steps, avg(dur_ns) FILTER (is_timed) AS step_ns,
        avg(dur_ns - median_ns) FILTER (is_timed) AS excess_ns, avg((slowest_rank = rank)::INTEGER) FILTER (is_timed) AS slowest_ratio,
        avg(compute_ns) AS compute_ns, avg(compute_ns - median_compute_ns) AS compute_excess_ns, avg(wait_ns) AS wait_ns,
        avg((awaited_rank = rank)::INTEGER) AS awaited_ratio, avg(median_wait_ns - wait_ns) AS lead_ns
    FROM step
    GROUP BY run_id, run, rank
),
longest AS (
    SELECT run_id, rank, arg_max(category, excess_ns) AS category, max(excess_ns) AS excess_ns
    FROM rank_category
    WHERE category <> 'communication' AND excess_ns > 0
    GROUP BY run_id, rank
)
SELECT run_id, run, rank, steps, step_ns, averaged.excess_ns, slowest_ratio, compute_ns, compute_excess_ns, wait_ns, awaited_ratio,
    coalesce(lead_ns, averaged.excess_ns) AS delay_ns, coalesce(lead_ns, averaged.excess_ns) / nullif(step_ns, 0) AS delay_ratio,
    if(coalesce(lead_ns, averaged.excess_ns) > 0.01 * step_ns, category, NULL) AS cause,
    if(coalesce(lead_ns, averaged.excess_ns) > 0.01 * step_ns, longest.excess_ns, NULL) AS cause_ns
FROM averaged
LEFT JOIN longest USING (run_id, rank);

COMMENT ON VIEW rank_summary IS 'One rank of a run of several: how long its steps are, and whether the others wait for it.';
COMMENT ON COLUMN rank_summary.run_id IS 'Run of the rank.';
COMMENT ON COLUMN rank_summary.run IS 'Name of that run.';
COMMENT ON COLUMN rank_summary.rank IS 'Rank.';
COMMENT ON COLUMN rank_summary.steps IS 'Steps that its times are of.';
COMMENT ON COLUMN rank_summary.step_ns IS 'Mean wall time of these.';
COMMENT ON COLUMN rank_summary.excess_ns IS 'Mean of its wall time less the median of the ranks in the same step.';
COMMENT ON COLUMN rank_summary.slowest_ratio IS 'Share of these steps in which it took longest.';
COMMENT ON COLUMN rank_summary.compute_ns IS 'Mean time with a kernel running in a profiled step. NULL where the steps have no device work in the trace.';
COMMENT ON COLUMN rank_summary.compute_excess_ns IS 'Mean of that less the median of the ranks in the same step.';
COMMENT ON COLUMN rank_summary.wait_ns IS 'Mean time that its collectives waited for other ranks in a step. NULL where that is not known.';
COMMENT ON COLUMN rank_summary.awaited_ratio IS 'Share of the steps in which it waited least, so that the others waited for it.';
COMMENT ON COLUMN rank_summary.delay_ns IS 'By how much it holds the others up in a step: their median waiting less its own; excess_ns where waiting is not known.';
COMMENT ON COLUMN rank_summary.delay_ratio IS 'delay_ns over step_ns.';
COMMENT ON COLUMN rank_summary.cause IS 'Sort of work or idle time that exceeds the median of the ranks most. NULL where it delays the others by less than 1 % of a step.';
COMMENT ON COLUMN rank_summary.cause_ns IS 'By how much that does.';
