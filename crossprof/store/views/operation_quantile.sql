-- One row is one hundredth of the calls of one kernel or operator of a run: so many of them take no longer than this. How are durations
-- spread, in several runs side by side, whatever their number? Between two durations it is as far as the share lies between them.
-- Over many large runs ask by run_id: a filter on the run's name reads the events of all of them first.
-- uses: kernel_summary
CREATE VIEW operation_quantile AS
WITH by_name AS (
    SELECT run_id, name, kind, category, list(dur_ns) AS durations FROM kernel GROUP BY ALL
),
by_shape AS (
    SELECT run_id, name, category, shapes, list(dur_ns) AS durations FROM op GROUP BY ALL
),
piece AS (
    SELECT run_id, 'name' AS level, name, kind, category, NULL::VARCHAR AS shapes, durations FROM by_name
    UNION ALL
    SELECT run_id, 'family', family, kind, category, NULL, flatten(list(durations))
    FROM by_name
    JOIN (SELECT DISTINCT run_id, name, family FROM kernel_summary) USING (run_id, name)
    GROUP BY ALL
    UNION ALL
    SELECT run_id, 'operator', name, 'op', category, NULL, flatten(list(durations)) FROM by_shape GROUP BY ALL
    UNION ALL
    SELECT run_id, 'operator and shape', name, 'op', category, regexp_replace(shapes, '(,\[\])+\]$', ']') AS shapes, flatten(list(durations))
    FROM by_shape
    GROUP BY ALL
),
placed AS (
    SELECT * EXCLUDE (durations), len(durations) AS calls, list_sort(durations) AS sorted,
        [percent / 100 * (len(durations) - 1) FOR percent IN range(101)] AS places
    FROM piece
),
spread AS (
    SELECT run_id, level, name, kind, category, shapes, calls, unnest([percent / 100 FOR percent IN range(101)]) AS quantile_ratio,
        unnest(places) AS place, unnest(list_select(sorted, [floor(place)::BIGINT + 1 FOR place IN places])) AS low_ns,
        unnest(list_select(sorted, [ceil(place)::BIGINT + 1 FOR place IN places])) AS high_ns
    FROM placed
)
SELECT run_id, run.run, level, name, kind, category, shapes, calls, quantile_ratio, low_ns + (high_ns - low_ns) * (place - floor(place)) AS dur_ns
FROM spread
JOIN run USING (run_id);

COMMENT ON VIEW operation_quantile IS 'Which share of the calls of one kernel or operator takes no longer than this.';
COMMENT ON COLUMN operation_quantile.run_id IS 'Run of the work.';
COMMENT ON COLUMN operation_quantile.run IS 'Name of that run.';
COMMENT ON COLUMN operation_quantile.level IS 'name or family (kernels), operator or operator and shape (operators).';
COMMENT ON COLUMN operation_quantile.name IS 'Name of the kernel, its family, or the operator.';
COMMENT ON COLUMN operation_quantile.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN operation_quantile.category IS 'Sort of work.';
COMMENT ON COLUMN operation_quantile.shapes IS 'Input shapes, JSON, at the level operator and shape.';
COMMENT ON COLUMN operation_quantile.calls IS 'How many calls in the capture.';
COMMENT ON COLUMN operation_quantile.quantile_ratio IS 'Share of the calls, 0 to 1 in hundredths.';
COMMENT ON COLUMN operation_quantile.dur_ns IS 'Duration that this share does not exceed, between two calls by straight line.';
