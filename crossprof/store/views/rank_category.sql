-- One row is one sort of work on one rank, per measured step, beside the median of the ranks. What does one rank do longer than the others?
-- Several devices of a rank are averaged. A rank without the category has a row with 0, so that every rank has the same rows.
-- Caveat: only ranks with measured steps are here; waiting inside a collective is communication.
-- uses: category_breakdown
CREATE VIEW rank_category AS
WITH measured AS (
    SELECT run_id, run, rank, place, count(*) AS windows, sum(window_ns) AS window_ns
    FROM (SELECT DISTINCT run_id, run, rank, place, device_id, step, window_ns FROM category_breakdown)
    GROUP BY ALL
),
total AS (
    SELECT run_id, rank, category, sum(dur_ns) AS dur_ns FROM category_breakdown GROUP BY ALL
),
filled AS (
    SELECT measured.*, category, coalesce(dur_ns, 0) AS dur_ns
    FROM measured
    JOIN (SELECT DISTINCT run_id, category FROM total) USING (run_id)
    LEFT JOIN total USING (run_id, rank, category)
)
SELECT run_id, run, rank, place, category, windows, dur_ns / windows AS mean_ns, dur_ns / nullif(window_ns, 0) AS share_ratio,
    dur_ns / windows - median(dur_ns / windows) OVER (PARTITION BY run_id, category) AS excess_ns
FROM filled;

COMMENT ON VIEW rank_category IS 'One sort of work on one rank, per measured step.';
COMMENT ON COLUMN rank_category.run_id IS 'Run of the rank.';
COMMENT ON COLUMN rank_category.run IS 'Name of that run.';
COMMENT ON COLUMN rank_category.rank IS 'Rank of the work.';
COMMENT ON COLUMN rank_category.place IS 'device; host on a run without device work.';
COMMENT ON COLUMN rank_category.category IS 'Sort of work, or of idle time, as in category_breakdown.';
COMMENT ON COLUMN rank_category.windows IS 'Measured steps of this rank, times its devices.';
COMMENT ON COLUMN rank_category.mean_ns IS 'Its part of a measured step.';
COMMENT ON COLUMN rank_category.share_ratio IS 'That part over the step.';
COMMENT ON COLUMN rank_category.excess_ns IS 'mean_ns less the median of the ranks.';
