-- One row is one rank in one step that several ranks of the run ran. Which rank is slow, and who waits for whom?
-- Where collectives tie the ranks together all take as long as the slowest, so look at compute and at waiting: the rank that the others
-- wait for is the one that waits least itself.
-- Caveats: ranks are matched by the number of their step. compute_ns sums the devices of the rank; waiting is known where collectives match
-- across the ranks in the store, and belongs to the step of the launch.
-- uses: step_time, _device_time, _collective
CREATE VIEW straggler AS
WITH computed AS (
    SELECT run_id, rank, step, sum(compute_ns)::BIGINT AS compute_ns FROM _device_time WHERE step IS NOT NULL GROUP BY run_id, rank, step
),
waited AS (
    SELECT run_id, rank, step, sum(wait_ns)::BIGINT AS wait_ns FROM _collective GROUP BY run_id, rank, step
),
ran AS (
    SELECT step_time.run_id, run, rank, step, is_profiled, is_warmup, dur_ns, compute_ns, wait_ns,
        count(*) OVER (PARTITION BY step_time.run_id, step) AS ranks
    FROM step_time
    LEFT JOIN computed USING (run_id, rank, step)
    LEFT JOIN waited USING (run_id, rank, step)
)
SELECT run_id, run, rank, step, is_profiled, is_warmup, ranks, dur_ns, compute_ns, wait_ns,
    first_value(rank) OVER (every ORDER BY dur_ns DESC, rank) AS slowest_rank, max(dur_ns) OVER every - min(dur_ns) OVER every AS spread_ns,
    max(dur_ns) OVER every / nullif(avg(dur_ns) OVER every, 0) AS imbalance_ratio,
    if(count(compute_ns) OVER every = ranks, first_value(rank) OVER (every ORDER BY compute_ns DESC NULLS LAST, rank), NULL) AS most_compute_rank,
    max(compute_ns) OVER every / nullif(avg(compute_ns) OVER every, 0) AS compute_imbalance_ratio,
    if(count(wait_ns) OVER every = ranks, first_value(rank) OVER (every ORDER BY wait_ns NULLS LAST, rank), NULL) AS awaited_rank
FROM ran
WHERE ranks > 1
WINDOW every AS (PARTITION BY run_id, step);

COMMENT ON VIEW straggler IS 'One rank in one step, beside the other ranks of the run.';
COMMENT ON COLUMN straggler.run_id IS 'Run of the step.';
COMMENT ON COLUMN straggler.run IS 'Name of that run.';
COMMENT ON COLUMN straggler.rank IS 'Rank that ran it.';
COMMENT ON COLUMN straggler.step IS 'Number of the step.';
COMMENT ON COLUMN straggler.is_profiled IS 'Whether a profiler was on.';
COMMENT ON COLUMN straggler.is_warmup IS 'Whether every statistic leaves it out.';
COMMENT ON COLUMN straggler.ranks IS 'Ranks in the store that ran this step.';
COMMENT ON COLUMN straggler.dur_ns IS 'Wall time of the step on this rank.';
COMMENT ON COLUMN straggler.compute_ns IS 'Time with a kernel running on the devices of this rank. NULL where the step has no device work in the trace.';
COMMENT ON COLUMN straggler.wait_ns IS 'Time that its collectives waited for other ranks. NULL where that is not known.';
COMMENT ON COLUMN straggler.slowest_rank IS 'Rank with the longest step; of equals the lowest.';
COMMENT ON COLUMN straggler.spread_ns IS 'Longest less shortest wall time over the ranks.';
COMMENT ON COLUMN straggler.imbalance_ratio IS 'Longest wall time over the mean of the ranks: 1 where all are alike.';
COMMENT ON COLUMN straggler.most_compute_rank IS 'Rank that computed longest. NULL unless known of all ranks.';
COMMENT ON COLUMN straggler.compute_imbalance_ratio IS 'Longest compute time over the mean of the ranks.';
COMMENT ON COLUMN straggler.awaited_rank IS 'Rank whose collectives waited least: the others waited for it. NULL unless known of all ranks.';
