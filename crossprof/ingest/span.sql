-- Spans of the host, numbered by start, each with the step whose window holds that start.
-- Numbers and steps are running counts over rows sorted once, steps among them: DuckDB counts sorted rows as they stream by, which
-- ranking in partitions and joining each start to its step would not.

-- Numbers for kinds and threads: what is sorted and joined a few times is then no text.
CREATE TYPE span_kind AS ENUM ('annotation', 'call', 'op', 'step');
CREATE TYPE span_thread AS ENUM (
    SELECT thread::VARCHAR AS thread FROM staged_op WHERE thread IS NOT NULL
    UNION SELECT thread::VARCHAR FROM staged_annotation WHERE nests AND thread IS NOT NULL
    UNION SELECT thread::VARCHAR FROM staged_runtime_call WHERE thread IS NOT NULL
    UNION SELECT '' ORDER BY thread);

CREATE OR REPLACE TEMP TABLE span AS
WITH started AS (
    SELECT
        'op'::span_kind AS kind, rowid AS source, coalesce(thread::VARCHAR, '')::span_thread AS thread, start_ns, end_ns,
        coalesce(external_id, rowid) AS tie, coalesce(is_backward, false) AS is_backward, NULL AS capture
    FROM staged_op
    UNION ALL
    SELECT 'annotation'::span_kind, rowid, coalesce(thread::VARCHAR, '')::span_thread, start_ns, end_ns, rowid, false, NULL
    FROM staged_annotation WHERE nests
    UNION ALL
    SELECT 'call'::span_kind, rowid, coalesce(thread::VARCHAR, '')::span_thread, start_ns, end_ns, rowid, false, capture
    FROM staged_runtime_call
    UNION ALL SELECT 'step'::span_kind, number, NULL, start_ns, 9223372036854775807, number, false, NULL FROM window_of_step
),
counted AS (
    SELECT
        *, row_number() OVER () AS sequence, count(*) FILTER (kind = 'op') OVER so_far AS ops,
        count(*) FILTER (kind = 'call') OVER so_far AS calls, count(*) FILTER (kind = 'annotation') OVER so_far AS annotations,
        count(*) FILTER (kind = 'step') OVER so_far AS steps
    FROM (SELECT * FROM started ORDER BY start_ns, end_ns DESC, kind, tie, source)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
)
SELECT
    kind, source, thread, counted.start_ns,
    greatest(coalesce(counted.end_ns, counted.start_ns), counted.start_ns) AS end_ns, is_backward, counted.capture, sequence,
    CASE kind WHEN 'op' THEN ops WHEN 'call' THEN calls ELSE annotations END - 1 AS number,
    CASE WHEN counted.start_ns < held.end_ns THEN held.step END AS step
FROM counted
LEFT JOIN window_of_step AS held ON held.number = counted.steps
WHERE kind <> 'step';
