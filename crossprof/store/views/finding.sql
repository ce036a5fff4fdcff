-- One row is one thing wrong or notable in a run. May these numbers be trusted?
-- Most come from collectors and readers, kept in the run's parts. What only the whole run can tell is found here: work that spills over
-- the last measured step, ranks that are missing, clocks of several hosts.
-- uses: device_busy, _clock
CREATE VIEW finding AS
WITH spill AS (
    SELECT run_id, rank, count(*) AS count, max(spill_ns / window_ns) AS spill_ratio
    FROM device_busy
    WHERE scope = 'steps' AND spill_ns > 0.01 * window_ns
    GROUP BY ALL
),
missing AS (
    SELECT run_id, any_value(world_size) AS world_size, any_value(world_size) - count(DISTINCT rank.rank) AS count,
        list_filter(range(any_value(world_size)), lambda number: NOT list_contains(list(rank.rank), number)) AS numbers
    FROM run
    JOIN rank USING (run_id)
    GROUP BY run_id
    HAVING any_value(world_size) > count(DISTINCT rank.rank)
),
found AS (
    SELECT run_id, rank, code, severity, count, detail, effect FROM base.finding
    UNION ALL
    SELECT run_id, rank, 'work_after_last_step', 'warning', count,
        format('Device work that the last measured step launched runs on after it, for {:.1f} % of the measured time.', 100 * spill_ratio),
        'Busy time over the steps leaves that work out; more profiled steps make its share smaller.'
    FROM spill
    UNION ALL
    SELECT run_id, NULL, 'missing_ranks', 'warning', count,
        format('{} of {} ranks are not in the store: {}. Ingest their recordings, or their traces with --run.', count, world_size,
            array_to_string(numbers[:20], ', ') || CASE WHEN len(numbers) > 20 THEN ', ...' ELSE '' END),
        'Figures of the whole run cover the ranks at hand alone.'
    FROM missing
    UNION ALL
    SELECT run_id, rank, 'clock_unaligned', 'info', 1,
        format('This rank ran on another host than the first, and shares {} collectives with it: 20 are needed to align clocks.', count),
        'Its times can''t be laid beside those of other hosts; durations and figures by rank hold.'
    FROM _clock
    WHERE offset_ns IS NULL
    UNION ALL
    SELECT run_id, rank, 'clock_residual', 'warning', count,
        format('The clock of this rank is aligned with that of the first to {:.1f} µs only, over {} collectives.', residual_ns / 1000, count),
        'What differs between hosts by less than that is not known.'
    FROM _clock
    WHERE residual_ns > 100000
)
SELECT found.run_id, run.run, found.rank, found.code, found.severity, found.count, found.detail, found.effect
FROM found
JOIN run USING (run_id);

COMMENT ON VIEW finding IS 'One thing wrong or notable in a run.';
COMMENT ON COLUMN finding.run_id IS 'Run that it concerns.';
COMMENT ON COLUMN finding.run IS 'Name of that run.';
COMMENT ON COLUMN finding.rank IS 'Rank that it concerns. NULL: the whole run.';
COMMENT ON COLUMN finding.code IS 'Stable name of the finding.';
COMMENT ON COLUMN finding.severity IS 'error (numbers are wrong or missing), warning (numbers need care), info.';
COMMENT ON COLUMN finding.count IS 'How often.';
COMMENT ON COLUMN finding.detail IS 'What was found, with values, and what to do.';
COMMENT ON COLUMN finding.effect IS 'What it means for the numbers.';
