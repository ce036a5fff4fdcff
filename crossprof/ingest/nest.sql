-- Which span lies in which, on each thread. Run again while it clips a span that ends after the one around it.
-- span: (kind op | annotation | call, source, number, thread, start_ns, end_ns, is_backward, step); a call opens nothing and lies
-- in something.
-- Spans of a thread form a stack, so the count of open spans at a start is a running sum, and the span around it is the
-- last one before it that is one level up: two sorts instead of a walk.

CREATE OR REPLACE TEMP TABLE mark AS
WITH edge AS (
    SELECT
        thread, start_ns AS at_ns, CASE WHEN kind <> 'call' AND end_ns > start_ns THEN 1 ELSE 2 END AS phase,
        -end_ns AS reach, kind, number, is_backward, end_ns, (kind <> 'call' AND end_ns > start_ns)::INTEGER AS opens, source, step
    FROM span
    WHERE EXISTS (FROM span WHERE kind <> 'call') -- calls alone lie in nothing
    UNION ALL
    -- At one instant the ends come first, then the starts, longest first, then whatever takes no time.
    SELECT thread, end_ns, 0, 0, kind, number, is_backward, end_ns, -1, NULL, NULL
    FROM span
    WHERE kind <> 'call' AND end_ns > start_ns
),
-- Every span of a thread closes, so sums over all threads, one after the other, start each thread at zero. Without PARTITION and
-- ORDER inside the window DuckDB sums as the sorted rows stream by, six times as fast.
counted AS (
    SELECT
        *,
        sum(opens) OVER so_far - opens AS depth,
        sum(opens * (kind = 'op')::INTEGER) OVER so_far - opens * (kind = 'op')::INTEGER AS op_depth,
        sum(opens * is_backward::INTEGER) OVER so_far > 0 AS is_in_backward,
        row_number() OVER () AS position
    FROM (SELECT * FROM edge ORDER BY thread, at_ns, phase, reach, kind, number)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
)
SELECT
    thread, at_ns AS start_ns, end_ns, kind, number, source, step, opens = 1 AS is_open, position,
    depth::INTEGER AS depth, op_depth::INTEGER AS op_depth,
    -- Of an op, the outermost one around it, or itself: no thread has an op before its first outermost one.
    arg_max(number, position) FILTER (kind = 'op' AND op_depth = 0) OVER (ROWS UNBOUNDED PRECEDING) AS root_op_id,
    is_backward OR is_in_backward AS is_backward
FROM counted
WHERE phase > 0;

CREATE OR REPLACE TEMP TABLE nested AS
SELECT
    inner_mark.kind, inner_mark.number, outer_mark.kind AS outer_kind, outer_mark.number AS outer_number,
    inner_mark.end_ns > outer_mark.end_ns AND inner_mark.start_ns < outer_mark.end_ns AS is_over,
    outer_mark.end_ns AS outer_end_ns,
    greatest(0, least(inner_mark.end_ns, outer_mark.end_ns) - inner_mark.start_ns) AS inside_ns
FROM mark AS inner_mark
ASOF JOIN (SELECT * FROM mark WHERE is_open) AS outer_mark
    ON inner_mark.thread = outer_mark.thread
    AND inner_mark.depth - 1 = outer_mark.depth
    AND inner_mark.position > outer_mark.position
WHERE inner_mark.kind <> 'call' AND inner_mark.depth > 0;

UPDATE span
SET end_ns = nested.outer_end_ns
FROM nested
WHERE nested.is_over AND span.kind = nested.kind AND span.number = nested.number;
