-- One row is one sequence of two to five kernels that follow each other on a stream, on one rank. Which kernels might be fused?
-- Only what repeats within the launches of a step (or outside of all steps) counts, only kernels: a copy, a memset or a collective between
-- two kernels ends the sequence. At most 50 sequences of each length are listed, by the time that they take.
-- Caveats: occurrences may overlap, so their times do not add up. Zero gaps do not mean that a fusion pays, only that nothing lies between.
CREATE VIEW kernel_sequence AS
WITH known AS (
    SELECT run_id, rank, list(DISTINCT name ORDER BY name) AS names FROM kernel WHERE kind = 'kernel' GROUP BY run_id, rank
),
number AS (
    SELECT run_id, rank, unnest(names) AS name, unnest(range(1, len(names) + 1)) AS number FROM known
),
work AS (
    SELECT kernel.run_id, kernel.rank, device_id, stream, coalesce(step, device_step) AS step, kernel_id, start_ns, dur_ns, number
    FROM kernel
    LEFT JOIN number ON number.run_id = kernel.run_id AND number.rank = kernel.rank AND number.name = kernel.name AND kernel.kind = 'kernel'
    WHERE kind <> 'async'
),
placed AS (
    SELECT run_id, rank, start_ns + dur_ns AS end_ns, number AS n1, lag(number) OVER s AS n2, lag(number, 2) OVER s AS n3,
        lag(number, 3) OVER s AS n4, lag(number, 4) OVER s AS n5, dur_ns AS d1, lag(dur_ns) OVER s AS d2, lag(dur_ns, 2) OVER s AS d3,
        lag(dur_ns, 3) OVER s AS d4, lag(dur_ns, 4) OVER s AS d5, lag(start_ns) OVER s AS s2, lag(start_ns, 2) OVER s AS s3,
        lag(start_ns, 3) OVER s AS s4, lag(start_ns, 4) OVER s AS s5
    FROM work
    WINDOW s AS (PARTITION BY run_id, rank, device_id, stream, step ORDER BY start_ns, kernel_id)
),
ending AS ( -- what ends with a kernel is summed by the five before anything is counted by length: few rows are left
    SELECT run_id, rank, n1, n2, n3, n4, n5, count(*) AS occurrences, [NULL, sum(d1 + d2), sum(d1 + d2 + d3), sum(d1 + d2 + d3 + d4),
            sum(d1 + d2 + d3 + d4 + d5)] AS kernel_ns, [NULL, sum(greatest(end_ns - s2 - d1 - d2, 0)), sum(greatest(end_ns - s3 - d1 - d2 - d3, 0)),
            sum(greatest(end_ns - s4 - d1 - d2 - d3 - d4, 0)), sum(greatest(end_ns - s5 - d1 - d2 - d3 - d4 - d5, 0))] AS gap_ns
    FROM placed
    WHERE n1 + n2 IS NOT NULL
    GROUP BY ALL
),
counted AS (
    SELECT run_id, rank, length::INTEGER AS length, n1, n2, if(length > 2, n3, NULL) AS n3, if(length > 3, n4, NULL) AS n4, if(length > 4, n5, NULL) AS n5,
        sum(occurrences)::BIGINT AS occurrences, sum(kernel_ns[length])::BIGINT AS total_ns, sum(gap_ns[length])::BIGINT AS gap_ns
    FROM ending
    CROSS JOIN range(2, 6) AS counting (length)
    WHERE length = 2 OR length = 3 AND n3 IS NOT NULL OR length = 4 AND n3 + n4 IS NOT NULL OR length = 5 AND n3 + n4 + n5 IS NOT NULL
    GROUP BY ALL
    HAVING sum(occurrences) > 1
),
first AS (
    FROM counted
    QUALIFY row_number() OVER (PARTITION BY run_id, rank, length ORDER BY total_ns DESC, occurrences DESC, n1, n2, n3, n4, n5) <= 50
)
SELECT first.run_id, run.run, first.rank, length, occurrences, total_ns, gap_ns,
    [names[n5], names[n4], names[n3], names[n2], names[n1]][6 - length:] AS names
FROM first
JOIN run USING (run_id)
JOIN known USING (run_id, rank);

COMMENT ON VIEW kernel_sequence IS 'One sequence of two to five kernels that repeats on a stream of one rank: what might be fused.';
COMMENT ON COLUMN kernel_sequence.run_id IS 'Run of the kernels.';
COMMENT ON COLUMN kernel_sequence.run IS 'Name of that run.';
COMMENT ON COLUMN kernel_sequence.rank IS 'Rank that launched them.';
COMMENT ON COLUMN kernel_sequence.length IS 'How many kernels: 2 to 5.';
COMMENT ON COLUMN kernel_sequence.occurrences IS 'How often they follow each other, over all streams and devices of the rank, at least twice.';
COMMENT ON COLUMN kernel_sequence.total_ns IS 'Sum of the durations of these kernels over all occurrences.';
COMMENT ON COLUMN kernel_sequence.gap_ns IS 'Sum of the times between them on their stream.';
COMMENT ON COLUMN kernel_sequence.names IS 'Their names, first to last.';
