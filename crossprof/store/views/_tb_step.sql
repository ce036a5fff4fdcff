-- One row is one step of a Kineto file as the TensorBoard plugin of PyTorch takes it. When does a step begin and end for that tool?
-- A step is what ProfilerStep marks on the host, or, without such marks, all time with operators. Where the file has work that a step launched,
-- a step ends no sooner than the work that it launched, and starts no sooner than the one before ended: the first no sooner than the last
-- work of before the marks. Trailing steps without work are dropped, and the last with work too, if it has less than 0.8 of that before.
-- Caveat: a launch counts if it lies within the step as a whole, and is a call of the runtime: the driver's own (cuLaunchKernel) is none.
-- uses: _peer_file, _peer_work
CREATE VIEW _tb_step AS
WITH marked AS (
    SELECT file.run_id, file.run, file.rank, file.capture, start_ns, start_ns + dur_ns AS end_ns
    FROM annotation
    JOIN _peer_file AS file
        ON file.run_id = annotation.run_id AND file.rank = annotation.rank AND start_ns >= since_ns AND start_ns < until_ns
    WHERE kind = 'step' AND starts_with(name, 'ProfilerStep#') AND NOT is_xplane
),
unmarked AS (
    SELECT file.run_id, file.run, file.rank, file.capture, min(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns
    FROM op
    JOIN _peer_file AS file ON file.run_id = op.run_id AND file.rank = op.rank AND start_ns >= since_ns AND start_ns < until_ns
    WHERE NOT is_xplane
    GROUP BY ALL
),
host_step AS (
    SELECT *, row_number() OVER (PARTITION BY run_id, rank, capture ORDER BY start_ns) AS position
    FROM (FROM marked UNION ALL FROM unmarked ANTI JOIN marked USING (run_id, rank, capture))
),
launched AS (
    SELECT work.run_id, work.rank, work.capture, work.start_ns, work.end_ns, if(call.end_ns <= host_step.end_ns, position, NULL) AS position
    FROM _peer_work AS work
    LEFT JOIN (
        SELECT run_id, rank, call_id, start_ns, start_ns + dur_ns AS end_ns FROM runtime_call WHERE NOT regexp_matches(name, '^cu[A-Z]')
    ) AS call USING (run_id, rank, call_id)
    ASOF LEFT JOIN host_step ON work.run_id = host_step.run_id AND work.rank = host_step.rank AND work.capture = host_step.capture
        AND call.start_ns >= host_step.start_ns
    WHERE NOT is_xplane
),
device_step AS (
    SELECT run_id, rank, capture, position, count(*) AS works, min(start_ns) AS start_ns, max(end_ns) AS end_ns
    FROM launched
    WHERE position IS NOT NULL
    GROUP BY ALL
),
early AS (
    SELECT run_id, rank, capture, max(launched.end_ns) AS end_ns
    FROM launched
    JOIN device_step AS first_step USING (run_id, rank, capture)
    WHERE launched.position IS NULL AND first_step.position = 1 AND launched.end_ns < first_step.start_ns
    GROUP BY ALL
),
reached AS (
    SELECT host_step.*, coalesce(works, 0) AS works, early.end_ns AS early_end_ns,
        max(greatest(host_step.end_ns, device_step.end_ns, early.end_ns)) OVER in_time AS reach_ns,
        lag(coalesce(works, 0)) OVER in_time AS works_before,
        max(position) FILTER (works > 0) OVER whole AS last_position
    FROM host_step
    LEFT JOIN device_step USING (run_id, rank, capture, position)
    LEFT JOIN early USING (run_id, rank, capture)
    WINDOW whole AS (PARTITION BY run_id, rank, capture), in_time AS (PARTITION BY run_id, rank, capture ORDER BY position)
)
SELECT run_id, run, rank, capture, position,
    if(last_position IS NULL, start_ns, greatest(start_ns, early_end_ns, lag(reach_ns) OVER in_time)) AS start_ns,
    if(last_position IS NULL, end_ns, reach_ns) AS end_ns
FROM reached
WINDOW in_time AS (PARTITION BY run_id, rank, capture ORDER BY position)
QUALIFY last_position IS NULL OR position < last_position
    OR position = last_position AND (position = 1 OR works >= works_before * 0.8);

COMMENT ON VIEW _tb_step IS 'One step of a Kineto file as the TensorBoard plugin of PyTorch takes it.';
COMMENT ON COLUMN _tb_step.run_id IS 'Run of the file.';
COMMENT ON COLUMN _tb_step.run IS 'Name of that run.';
COMMENT ON COLUMN _tb_step.rank IS 'Rank of the file.';
COMMENT ON COLUMN _tb_step.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _tb_step.position IS 'Number of the step in the file, from 1.';
COMMENT ON COLUMN _tb_step.start_ns IS 'Start, on the host or where the step before left the device.';
COMMENT ON COLUMN _tb_step.end_ns IS 'End, on the host or of the last work that it launched.';
