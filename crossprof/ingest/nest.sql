-- How many spans are around each, on each thread; nest.py finds which.
-- span: (kind op | annotation | call, source, number, thread, start_ns, end_ns, is_backward, step, sequence); a call opens nothing and
-- lies in something.
-- Spans of a thread form a stack, so the count of open spans at a start is a running count.

CREATE OR REPLACE TEMP TABLE mark AS
WITH edge AS (
    -- At one instant the ends come first, then the starts as span.sql has them, longest first, then whatever takes no time.
    SELECT
        thread, start_ns AS at_ns, CASE WHEN kind <> 'call' AND end_ns > start_ns THEN sequence ELSE 4611686018427387904 + sequence END AS turn,
        kind, number, is_backward, end_ns, (kind <> 'call' AND end_ns > start_ns)::INTEGER AS opens, source, step
    FROM span
    WHERE EXISTS (FROM span WHERE kind <> 'call') -- calls alone lie in nothing
    UNION ALL
    SELECT thread, end_ns, 0, kind, NULL, is_backward, NULL, -1, NULL, NULL
    FROM span
    WHERE kind <> 'call' AND end_ns > start_ns
),
-- Every span of a thread closes, so counts over all threads, one after the other, start each thread at zero. Without PARTITION and
-- ORDER inside the window DuckDB counts as the sorted rows stream by, six times as fast, and far faster than it sums.
counted AS (
    SELECT
        *, row_number() OVER () AS position,
        count(*) FILTER (opens = 1) OVER so_far - count(*) FILTER (opens = -1) OVER so_far - opens AS depth,
        count(*) FILTER (opens = 1 AND kind = 'op') OVER so_far - count(*) FILTER (opens = -1 AND kind = 'op') OVER so_far
            - opens * (kind = 'op')::INTEGER AS op_depth,
        count(*) FILTER (opens = 1 AND is_backward) OVER so_far > count(*) FILTER (opens = -1 AND is_backward) OVER so_far AS is_in_backward
    FROM (SELECT * FROM edge ORDER BY thread, at_ns, turn)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
)
SELECT
    thread, at_ns AS start_ns, end_ns, kind, number, source, step, opens = 1 AS is_open, position,
    depth::INTEGER AS depth, op_depth::INTEGER AS op_depth,
    -- Of an op, the outermost one around it, or itself: no thread has an op before its first outermost one.
    last_value(CASE WHEN kind = 'op' AND op_depth = 0 THEN number END IGNORE NULLS) OVER (ROWS UNBOUNDED PRECEDING) AS root_op_id,
    is_backward OR is_in_backward AS is_backward
FROM counted
WHERE turn > 0;
