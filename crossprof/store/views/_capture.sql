-- One row is one profiling window of one rank: the stretch of time whose device and host events belong to it.
-- Events carry no window of their own, so the border between two windows lies half-way between the last profiled step of one and the
-- first of the next, where no profiler runs. A rank without profiled steps has one window, open on both sides.
CREATE VIEW _capture AS
WITH extent AS (
    SELECT run_id, rank, coalesce(capture, 0) AS capture, min(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns
    FROM step
    WHERE is_profiled
    GROUP BY ALL
),
border AS (
    SELECT run_id, rank, capture,
        start_ns - (start_ns - lag(end_ns) OVER in_time) // 2 AS since_ns,
        lead(start_ns) OVER in_time - (lead(start_ns) OVER in_time - end_ns) // 2 AS until_ns
    FROM extent
    WINDOW in_time AS (PARTITION BY run_id, rank ORDER BY start_ns)
)
SELECT rank.run_id, run.run, rank.rank, coalesce(border.capture, 0) AS capture,
    coalesce(border.since_ns, -9223372036854775807) AS since_ns, coalesce(border.until_ns, 9223372036854775807) AS until_ns
FROM rank
JOIN run USING (run_id)
LEFT JOIN border USING (run_id, rank);

COMMENT ON VIEW _capture IS 'The stretch of time whose events belong to one profiling window of one rank.';
COMMENT ON COLUMN _capture.run_id IS 'Run of the window.';
COMMENT ON COLUMN _capture.run IS 'Name of that run.';
COMMENT ON COLUMN _capture.rank IS 'Rank of the window.';
COMMENT ON COLUMN _capture.capture IS 'Number of the window.';
COMMENT ON COLUMN _capture.since_ns IS 'Events from here on belong to it.';
COMMENT ON COLUMN _capture.until_ns IS 'Events from here on no longer belong to it.';
