-- Work on devices: numbered by start as spans are, with the step whose window holds that start.

CREATE OR REPLACE TABLE work AS
WITH started AS (
    SELECT rowid AS source, start_ns, end_ns, device_id, stream FROM staged_kernel
    UNION ALL SELECT NULL, start_ns, NULL, NULL, NULL FROM window_of_step
),
counted AS (
    SELECT source, start_ns, count(*) FILTER (source IS NOT NULL) OVER so_far AS kernels, count(*) FILTER (source IS NULL) OVER so_far AS steps
    FROM (SELECT * FROM started ORDER BY start_ns, source IS NOT NULL, end_ns, device_id, stream, source)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
)
SELECT source, kernels - 1 AS number, CASE WHEN counted.start_ns < held.end_ns THEN held.step END AS step
FROM counted
LEFT JOIN window_of_step AS held ON held.number = counted.steps
WHERE source IS NOT NULL;
