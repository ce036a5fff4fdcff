-- One row is one device during one profiled step, or (step NULL) during all the time outside such steps that its trace covers.
-- Where did the time of a device go? Everything that speaks of busy, exposed or idle time adds these rows up.
-- Borders of all work, steps and spans are laid on one line per device; between two neighbouring borders nothing changes, so a running
-- count of what is open says what the device was doing. Overlaps, streams and zero lengths need no special case. `async` is left out.
-- Caveat: time is attributed by device time; only spill_ns looks at the step of the launch.
-- uses: _capture, _profiled_step
CREATE VIEW _device_time AS
WITH work AS (
    SELECT run_id, rank, device_id, step, start_ns, start_ns + dur_ns AS end_ns,
        (kind = 'kernel')::INTEGER AS compute, (kind = 'collective')::INTEGER AS communication, (kind IN ('memcpy', 'memset'))::INTEGER AS copy
    FROM kernel
    WHERE kind <> 'async'
),
span AS (
    SELECT run_id, rank, device_id, capture, min(start_ns) AS start_ns, max(end_ns) AS end_ns
    FROM work
    JOIN _capture USING (run_id, rank)
    WHERE start_ns >= since_ns AND start_ns < until_ns
    GROUP BY ALL
),
last_step AS (
    SELECT run_id, rank, max_by(step, start_ns) AS step, max(end_ns) AS end_ns
    FROM _profiled_step
    WHERE NOT is_warmup
    GROUP BY run_id, rank, capture
),
spilled AS (
    SELECT work.run_id, work.rank, device_id, greatest(start_ns, last_step.end_ns) AS start_ns, work.end_ns
    FROM work
    JOIN last_step ON work.run_id = last_step.run_id AND work.rank = last_step.rank AND work.step = last_step.step
    WHERE work.end_ns > last_step.end_ns
),
device_step AS (
    SELECT run_id, rank, device_id, step + 1 AS step_key, _profiled_step.start_ns, _profiled_step.end_ns
    FROM _profiled_step
    JOIN (SELECT DISTINCT run_id, rank, device_id FROM span) USING (run_id, rank)
),
border AS (
    SELECT run_id, rank, device_id, start_ns AS at_ns, compute, communication, copy, 0 AS span, 0 AS spill, 0::BIGINT AS step_key FROM work
    UNION ALL SELECT run_id, rank, device_id, end_ns, -compute, -communication, -copy, 0, 0, 0 FROM work
    UNION ALL SELECT run_id, rank, device_id, start_ns, 0, 0, 0, 1, 0, 0 FROM span
    UNION ALL SELECT run_id, rank, device_id, end_ns, 0, 0, 0, -1, 0, 0 FROM span
    UNION ALL SELECT run_id, rank, device_id, start_ns, 0, 0, 0, 0, 1, 0 FROM spilled
    UNION ALL SELECT run_id, rank, device_id, end_ns, 0, 0, 0, 0, -1, 0 FROM spilled
    UNION ALL SELECT run_id, rank, device_id, start_ns, 0, 0, 0, 0, 0, step_key FROM device_step
    UNION ALL SELECT run_id, rank, device_id, end_ns, 0, 0, 0, 0, 0, -step_key FROM device_step
),
segment AS ( -- what is open at a device's last border is nothing, so sums may run on over the next device: sorted rows add up as they stream by
    SELECT run_id, rank, device_id,
        if(lead(device_id) OVER () = device_id AND lead(rank) OVER () = rank AND lead(run_id) OVER () = run_id,
            lead(at_ns) OVER () - at_ns, NULL) AS dur_ns,
        sum(compute) OVER so_far > 0 AS is_compute, sum(communication) OVER so_far > 0 AS is_communication, sum(copy) OVER so_far > 0 AS is_copy,
        sum(span) OVER so_far > 0 AS is_span, sum(spill) OVER so_far > 0 AS is_spill, sum(step_key) OVER so_far AS step_key
    FROM (SELECT * FROM border ORDER BY run_id, rank, device_id, at_ns)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
),
total AS (
    SELECT run_id, rank, device_id, nullif(step_key, 0) - 1 AS step,
        coalesce(sum(dur_ns), 0)::BIGINT AS window_ns,
        coalesce(sum(dur_ns) FILTER (is_span), 0)::BIGINT AS span_ns,
        coalesce(sum(dur_ns) FILTER (is_compute OR is_communication OR is_copy), 0)::BIGINT AS busy_ns,
        coalesce(sum(dur_ns) FILTER (is_compute OR is_communication), 0)::BIGINT AS kernel_busy_ns,
        coalesce(sum(dur_ns) FILTER (is_compute), 0)::BIGINT AS compute_ns,
        coalesce(sum(dur_ns) FILTER (is_communication), 0)::BIGINT AS communication_ns,
        coalesce(sum(dur_ns) FILTER (is_communication AND NOT is_compute), 0)::BIGINT AS exposed_communication_ns,
        coalesce(sum(dur_ns) FILTER (is_copy), 0)::BIGINT AS copy_ns,
        coalesce(sum(dur_ns) FILTER (is_copy AND NOT is_compute AND NOT is_communication), 0)::BIGINT AS exposed_copy_ns,
        coalesce(sum(dur_ns) FILTER (is_spill), 0)::BIGINT AS spill_ns
    FROM segment
    WHERE dur_ns <> 0 OR dur_ns IS NULL -- between borders of one instant the count is of no time; each device has one last border
    GROUP BY run_id, rank, device_id, step_key
)
SELECT total.run_id, run.run, total.rank, device_id, total.step::BIGINT AS step, coalesce(NOT is_warmup, false) AS is_measured,
    total.* EXCLUDE (run_id, rank, device_id, step)
FROM total
JOIN run USING (run_id)
LEFT JOIN _profiled_step AS profiled ON profiled.run_id = total.run_id AND profiled.rank = total.rank AND profiled.step = total.step;

COMMENT ON VIEW _device_time IS 'Where the time of one device went during one profiled step, or outside all of them.';
COMMENT ON COLUMN _device_time.run_id IS 'Run of the device.';
COMMENT ON COLUMN _device_time.run IS 'Name of that run.';
COMMENT ON COLUMN _device_time.rank IS 'Rank that used it.';
COMMENT ON COLUMN _device_time.device_id IS 'Number of the device.';
COMMENT ON COLUMN _device_time.step IS 'Profiled step. NULL: outside every profiled step.';
COMMENT ON COLUMN _device_time.is_measured IS 'Whether the step enters statistics: profiled, and no warm-up.';
COMMENT ON COLUMN _device_time.window_ns IS 'Length of the step; outside, of what lies between the first and the last border.';
COMMENT ON COLUMN _device_time.span_ns IS 'Part of it between the first start and the last end of work on the device.';
COMMENT ON COLUMN _device_time.busy_ns IS 'Part of it with any work but async running.';
COMMENT ON COLUMN _device_time.kernel_busy_ns IS 'Part of it with a kernel or a collective running.';
COMMENT ON COLUMN _device_time.compute_ns IS 'Part of it with a kernel running.';
COMMENT ON COLUMN _device_time.communication_ns IS 'Part of it with a collective running, waiting inside it included.';
COMMENT ON COLUMN _device_time.exposed_communication_ns IS 'Part of it with a collective and no kernel running.';
COMMENT ON COLUMN _device_time.copy_ns IS 'Part of it with a copy or a memset running.';
COMMENT ON COLUMN _device_time.exposed_copy_ns IS 'Part of it with a copy or a memset, and neither kernel nor collective running.';
COMMENT ON COLUMN _device_time.spill_ns IS 'Part of it with work that the last measured step of a capture launched, after that step.';
