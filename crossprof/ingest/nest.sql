-- How many spans are around each, on each thread; nest.py finds which.
-- span: (kind op | annotation | call, source, number, thread, start_ns, end_ns, is_backward, step, sequence); a call opens nothing and
-- lies in something.
-- Spans of a thread form a stack, so the count of open spans at a start is a running sum.

-- What a span adds to the counts of open spans, open ops and open ops of the backward pass, in one number, of 40 bits each.
CREATE OR REPLACE TEMP MACRO levels_of(is_op, is_backward) AS
    1::HUGEINT + CASE WHEN is_op THEN 1::HUGEINT << 40 ELSE 0 END + CASE WHEN is_backward THEN 1::HUGEINT << 80 ELSE 0 END;

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
-- Every span of a thread closes, so sums over all threads, one after the other, start each thread at zero. Without PARTITION and
-- ORDER inside the window DuckDB sums as the sorted rows stream by, six times as fast.
counted AS (
    SELECT *, sum(opens * levels_of(kind = 'op', is_backward)) OVER so_far AS levels, row_number() OVER () AS position
    FROM (SELECT * FROM edge ORDER BY thread, at_ns, turn)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
),
placed AS (
    SELECT *, (levels & 1099511627775)::INTEGER - opens AS depth,
        (levels >> 40 & 1099511627775)::INTEGER - opens * (kind = 'op')::INTEGER AS op_depth,
        is_backward OR levels >> 80 > 0 AS is_in_backward
    FROM counted
)
SELECT
    thread, at_ns AS start_ns, end_ns, kind, number, source, step, opens = 1 AS is_open, position, depth, op_depth,
    -- Of an op, the outermost one around it, or itself: no thread has an op before its first outermost one.
    arg_max(number, position) FILTER (kind = 'op' AND op_depth = 0) OVER (ROWS UNBOUNDED PRECEDING) AS root_op_id,
    is_in_backward AS is_backward
FROM placed
WHERE turn > 0;
