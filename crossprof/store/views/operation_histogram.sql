-- One row is one bin of the durations of one kernel or operator of a run. How long do its calls take: alike, in groups, with a long tail?
-- From the shortest to the longest duration lie up to 40 bins, twice the cube root of the calls: of one width, or, where the longest is
-- over eight times the shortest, of one ratio (is_log). A bin holds its low_ns; the last one its high_ns too. Bins without a call have no row.
-- Calls of one duration are counted where they are read, before anything is joined to them: names are then compared once each.
-- Caveat: bins are those of one run: to set runs side by side take operation_quantile.
-- Over many large runs ask by run_id: a filter on the run's name reads the events of all of them first.
-- uses: kernel_summary, operation_summary
CREATE VIEW operation_histogram AS
WITH counted AS (
    SELECT run_id, 'name' AS level, name, kind, category, NULL::VARCHAR AS shapes, dur_ns, count(*) AS alike FROM kernel GROUP BY ALL
    UNION ALL
    SELECT run_id, 'family', family, kind, category, NULL, dur_ns, alike
    FROM (SELECT run_id, name, kind, category, dur_ns, count(*) AS alike FROM kernel GROUP BY ALL)
    JOIN (SELECT DISTINCT run_id, name, family FROM kernel_summary) USING (run_id, name)
    UNION ALL
    SELECT run_id, 'operator', name, 'op', category, NULL, dur_ns, count(*) FROM op GROUP BY ALL
    UNION ALL
    SELECT run_id, 'operator and shape', name, 'op', category, regexp_replace(shapes, '(,\[\])+\]$', ']'), dur_ns, alike
    FROM (SELECT run_id, name, category, shapes, dur_ns, count(*) AS alike FROM op GROUP BY ALL)
),
told AS (
    SELECT counted.*, whole.run, min_ns AS shortest_ns, max_ns AS longest_ns, least(40, ceil(2 * cbrt(calls))) AS bins,
        max_ns > 8 * greatest(min_ns, 1) AS is_log
    FROM counted
    JOIN operation_summary AS whole
        ON whole.run_id = counted.run_id AND whole.level = counted.level AND whole.name = counted.name
        AND whole.kind = counted.kind AND whole.category = counted.category AND whole.shapes IS NOT DISTINCT FROM counted.shapes
),
spaced AS ( -- of one width: whole nanoseconds; of one ratio: its logarithm
    SELECT *, if(is_log, ln(longest_ns / greatest(shortest_ns, 1)) / bins, ceil((longest_ns - shortest_ns + 1) / bins)) AS width FROM told
),
placed AS (
    SELECT *, if(is_log, least(floor(ln(greatest(dur_ns, 1) / greatest(shortest_ns, 1)) / width), bins - 1), floor((dur_ns - shortest_ns) / width)) AS bin
    FROM spaced
)
SELECT run_id, run, level, name, kind, category, shapes, is_log, bin::INTEGER AS bin,
    if(is_log, greatest(shortest_ns, 1) * exp(bin * width), shortest_ns + bin * width) AS low_ns,
    if(is_log, greatest(shortest_ns, 1) * exp((bin + 1) * width), shortest_ns + (bin + 1) * width) AS high_ns, sum(alike)::BIGINT AS calls,
    sum(dur_ns * alike)::BIGINT AS total_ns
FROM placed
GROUP BY ALL;

COMMENT ON VIEW operation_histogram IS 'How many calls of one kernel or operator take how long.';
COMMENT ON COLUMN operation_histogram.run_id IS 'Run of the work.';
COMMENT ON COLUMN operation_histogram.run IS 'Name of that run.';
COMMENT ON COLUMN operation_histogram.level IS 'name or family (kernels), operator or operator and shape (operators).';
COMMENT ON COLUMN operation_histogram.name IS 'Name of the kernel, its family, or the operator.';
COMMENT ON COLUMN operation_histogram.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN operation_histogram.category IS 'Sort of work.';
COMMENT ON COLUMN operation_histogram.shapes IS 'Input shapes, JSON, at the level operator and shape.';
COMMENT ON COLUMN operation_histogram.is_log IS 'Whether the bins are of one ratio, not of one width.';
COMMENT ON COLUMN operation_histogram.bin IS 'Number of the bin, from 0.';
COMMENT ON COLUMN operation_histogram.low_ns IS 'Shortest duration of the bin.';
COMMENT ON COLUMN operation_histogram.high_ns IS 'Where the next bin begins.';
COMMENT ON COLUMN operation_histogram.calls IS 'How many calls took so long.';
COMMENT ON COLUMN operation_histogram.total_ns IS 'Sum of their durations.';
