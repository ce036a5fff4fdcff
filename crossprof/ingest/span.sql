-- Steps; then spans of the host and work on devices, numbered by start, each with the step whose window holds that start.
-- Numbers and steps are running sums over rows sorted once, steps among them: DuckDB adds up sorted rows as they stream by, which
-- ranking in partitions and joining each start to its step would not. Variables: run_id, rank.

-- Steps of the rank: our own markers where they are, else the profiler's.
INSERT INTO step BY NAME
WITH marked AS (
    SELECT DISTINCT ON (capture, step) * FROM staged_step WHERE step IS NOT NULL ORDER BY capture, step, start_ns
)
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, step, start_ns,
    greatest(coalesce(lead(start_ns) OVER (PARTITION BY capture ORDER BY start_ns, step), end_ns, start_ns) - start_ns, 0) AS dur_ns,
    true AS is_profiled, false AS is_warmup, capture, 'profiler' AS source
FROM marked
WHERE NOT EXISTS (FROM step WHERE run_id = getvariable('run_id') AND rank = getvariable('rank'));

CREATE OR REPLACE TABLE window_of_step AS
SELECT row_number() OVER (ORDER BY start_ns, step) AS number, step, start_ns, start_ns + dur_ns AS end_ns
FROM step WHERE run_id = getvariable('run_id') AND rank = getvariable('rank');

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
        'op'::span_kind AS kind, rowid AS source, coalesce(thread::VARCHAR, '')::span_thread AS thread, start_ns, end_ns, external_id AS tie,
        coalesce(is_backward, false) AS is_backward
    FROM staged_op
    UNION ALL
    SELECT 'annotation'::span_kind, rowid, coalesce(thread::VARCHAR, '')::span_thread, start_ns, end_ns, NULL, false
    FROM staged_annotation WHERE nests
    UNION ALL SELECT 'call'::span_kind, rowid, coalesce(thread::VARCHAR, '')::span_thread, start_ns, end_ns, NULL, false FROM staged_runtime_call
    UNION ALL SELECT 'step'::span_kind, number, NULL, start_ns, NULL, NULL, false FROM window_of_step
),
counted AS (
    SELECT
        *, sum((kind = 'op')::INTEGER) OVER so_far AS ops, sum((kind = 'call')::INTEGER) OVER so_far AS calls,
        sum((kind = 'annotation')::INTEGER) OVER so_far AS annotations, sum((kind = 'step')::INTEGER) OVER so_far AS steps
    FROM (SELECT * FROM started ORDER BY start_ns, kind <> 'step', end_ns DESC, coalesce(tie, source), source)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
)
SELECT
    kind, source, thread, counted.start_ns,
    greatest(coalesce(counted.end_ns, counted.start_ns), counted.start_ns) AS end_ns, is_backward,
    (CASE kind WHEN 'op' THEN ops WHEN 'call' THEN calls ELSE annotations END - 1)::BIGINT AS number,
    CASE WHEN counted.start_ns < held.end_ns THEN held.step END AS step
FROM counted
LEFT JOIN window_of_step AS held ON held.number = counted.steps
WHERE kind <> 'step';

CREATE OR REPLACE TEMP TABLE work AS
WITH started AS (
    SELECT rowid AS source, start_ns, end_ns, device_id, stream FROM staged_kernel
    UNION ALL SELECT NULL, start_ns, NULL, NULL, NULL FROM window_of_step
),
counted AS (
    SELECT source, start_ns, sum((source IS NOT NULL)::INTEGER) OVER so_far AS kernels, sum((source IS NULL)::INTEGER) OVER so_far AS steps
    FROM (SELECT * FROM started ORDER BY start_ns, source IS NOT NULL, end_ns, device_id, stream, source)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
)
SELECT source, (kernels - 1)::BIGINT AS number, CASE WHEN counted.start_ns < held.end_ns THEN held.step END AS step
FROM counted
LEFT JOIN window_of_step AS held ON held.number = counted.steps
WHERE source IS NOT NULL;
