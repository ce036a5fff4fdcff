-- Which span lies in which, on each thread. Run again while it clips a span that ends after the one around it.
-- span: (kind op | annotation | call, source, number, thread, start_ns, end_ns, is_backward, step, sequence); a call opens nothing and
-- lies in something.
-- Spans of a thread form a stack, so the count of open spans at a start is a running sum, and the span around it is the
-- last one before it that is one level up: two sorts instead of a walk.

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

CREATE OR REPLACE TEMP TABLE nested AS
SELECT
    inner_mark.kind, inner_mark.number, inner_mark.op_depth, outer_mark.kind AS outer_kind, outer_mark.number AS outer_number,
    inner_mark.kind <> 'call' AND inner_mark.end_ns > outer_mark.end_ns AND inner_mark.start_ns < outer_mark.end_ns AS is_over,
    outer_mark.end_ns AS outer_end_ns,
    greatest(0, least(inner_mark.end_ns, outer_mark.end_ns) - inner_mark.start_ns) AS inside_ns
FROM mark AS inner_mark
ASOF JOIN (SELECT * FROM mark WHERE is_open) AS outer_mark
    ON inner_mark.thread = outer_mark.thread
    AND inner_mark.depth - 1 = outer_mark.depth
    AND inner_mark.position > outer_mark.position
-- The op around a call is the outermost one where only one is.
WHERE inner_mark.depth > 0 AND (inner_mark.kind <> 'call' OR inner_mark.op_depth > 1);

UPDATE span
SET end_ns = nested.outer_end_ns
FROM nested
WHERE nested.is_over AND span.kind = nested.kind AND span.number = nested.number;
