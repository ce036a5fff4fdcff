-- One row is one sort of work on one rank, per measured step, beside the median of the ranks. What does one rank do longer than the others?
-- Several devices of a rank are averaged. A rank without the category has a row with 0, so that every rank has the same rows.
-- Caveat: only ranks with measured steps are here; waiting inside a collective is communication.
-- uses: category_breakdown
CREATE VIEW rank_category AS
WITH part AS ( -- category_breakdown is planned once: what is wanted of it twice stays in lists
    SELECT run_id, run, rank, place, window_ns, list({category: category, dur_ns: dur_ns}) AS parts
    FROM category_breakdown
    GROUP BY run_id, run, rank, place, device_id, step, window_ns
),
measured AS (
    SELECT run_id, run, rank, place, count(*) AS windows, sum(window_ns) AS window_ns, flatten(list(parts)) AS parts
    FROM part
    GROUP BY run_id, run, rank, place
),
total AS (
    SELECT run_id, run, rank, place, windows, window_ns, category, sum(dur_ns) AS dur_ns
    FROM (SELECT * EXCLUDE (parts), unnest(parts, recursive := true) FROM measured)
    GROUP BY ALL
),
known AS (
    SELECT run_id, run, rank, place, windows, window_ns, any_value(categories) AS categories, map(list(category), list(dur_ns)) AS durations
    FROM (SELECT *, list(DISTINCT category) OVER (PARTITION BY run_id) AS categories FROM total)
    GROUP BY run_id, run, rank, place, windows, window_ns
),
filled AS (
    SELECT run_id, run, rank, place, windows, window_ns, durations, unnest(categories) AS category FROM known
),
summed AS (
    SELECT * EXCLUDE (durations), coalesce(durations[category], 0) AS dur_ns FROM filled
)
SELECT run_id, run, rank, place, category, windows, dur_ns / windows AS mean_ns, dur_ns / nullif(window_ns, 0) AS share_ratio,
    dur_ns / windows - median(dur_ns / windows) OVER (PARTITION BY run_id, category) AS excess_ns
FROM summed;

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
