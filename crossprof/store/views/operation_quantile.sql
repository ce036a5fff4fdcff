-- One row is one hundredth of the calls of one kernel or operator of a run: so many of them take no longer than this. How are durations
-- spread, in several runs side by side, whatever their number?
-- uses: _operation
CREATE VIEW operation_quantile AS
WITH spread AS (
    SELECT run_id, run, level, name, kind, category, shapes, count(*) AS calls,
        quantile_cont(dur_ns, [percent / 100 FOR percent IN range(101)]) AS durations
    FROM _operation
    GROUP BY ALL
)
SELECT run_id, run, level, name, kind, category, shapes, calls, unnest([percent / 100 FOR percent IN range(101)]) AS quantile_ratio,
    unnest(durations) AS dur_ns
FROM spread;

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
