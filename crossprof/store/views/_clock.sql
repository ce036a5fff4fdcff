-- One row is one rank on another host than the lowest rank of its run. By how much do their clocks differ?
-- A collective ends at the same instant on all its ranks. Instances are matched by process group, name and number, where both ranks have
-- as many of them; the offset is the median difference of their ends, the residual the median distance from it.
-- Caveats: fewer than 20 instances give no offset. Point-to-point transfers and collectives on the host (gloo) end when they like: the
-- first are left out, the second are no device work. Ranks that do not say on which host they ran are taken to share one.
-- empty without: rank JOIN rank AS other USING (run_id) WHERE rank.rank <> other.rank
CREATE VIEW _clock AS
WITH lowest AS (
    SELECT run_id, arg_min(struct_pack(rank, host, boot_id), rank) AS of_run FROM rank GROUP BY run_id
),
elsewhere AS (
    SELECT run_id, rank.rank, of_run.rank AS reference
    FROM rank
    JOIN lowest USING (run_id)
    WHERE CASE WHEN rank.boot_id IS NULL OR of_run.boot_id IS NULL THEN rank.host <> of_run.host ELSE rank.boot_id <> of_run.boot_id END
),
collective AS (
    SELECT run_id, rank, coalesce(process_group, '') AS process_group, name, start_ns + dur_ns AS end_ns,
        row_number() OVER (PARTITION BY run_id, rank, coalesce(process_group, ''), name ORDER BY start_ns, kernel_id) AS number,
        count(*) OVER (PARTITION BY run_id, rank, coalesce(process_group, ''), name) AS instances
    FROM kernel
    WHERE kind = 'collective' AND NOT regexp_matches(name, '(?i)send|recv') AND run_id IN (SELECT run_id FROM elsewhere)
),
matched AS (
    SELECT elsewhere.run_id, elsewhere.rank, first.end_ns - own.end_ns AS difference_ns
    FROM elsewhere
    JOIN collective AS own ON own.run_id = elsewhere.run_id AND own.rank = elsewhere.rank
    JOIN collective AS first ON first.run_id = own.run_id AND first.rank = elsewhere.reference
        AND (first.process_group, first.name, first.number, first.instances) = (own.process_group, own.name, own.number, own.instances)
),
estimated AS (
    SELECT run_id, rank, count(*) AS count, median(difference_ns) AS offset_ns, mad(difference_ns) AS residual_ns
    FROM matched
    GROUP BY ALL
)
SELECT run_id, run.run, elsewhere.rank, coalesce(count, 0) AS count,
    CASE WHEN count >= 20 THEN offset_ns::BIGINT END AS offset_ns,
    CASE WHEN count >= 20 THEN residual_ns::BIGINT END AS residual_ns
FROM elsewhere
JOIN run USING (run_id)
LEFT JOIN estimated USING (run_id, rank);

COMMENT ON VIEW _clock IS 'The clock of a rank on another host than the lowest rank of its run.';
COMMENT ON COLUMN _clock.run_id IS 'Run of the rank.';
COMMENT ON COLUMN _clock.run IS 'Name of that run.';
COMMENT ON COLUMN _clock.rank IS 'Rank on another host.';
COMMENT ON COLUMN _clock.count IS 'Collectives that both ranks took part in.';
COMMENT ON COLUMN _clock.offset_ns IS 'To be added to its times. NULL under 20 collectives.';
COMMENT ON COLUMN _clock.residual_ns IS 'Median distance of a single collective from that. NULL under 20 collectives.';
