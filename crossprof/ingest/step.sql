-- Steps of the rank, and the windows between their starts. Variables: run_id, rank.

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
