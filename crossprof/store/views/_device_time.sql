-- One row is one device during one profiled step, or (step NULL) during all the time outside such steps that its trace covers.
-- Where did the time of a device go? Everything that speaks of busy, exposed or idle time adds these rows up.
-- Borders of all work, steps and spans are laid on one line per device; between two neighbouring borders nothing changes, so a running
-- count of what is open says what the device was doing. Overlaps, streams and zero lengths need no special case. `async` is left out.
-- Caveat: time is attributed by device time; only spill_ns looks at the step of the launch.
-- uses: _capture, _profiled_step
-- empty without: kernel
CREATE VIEW _device_time AS
WITH work AS (
    SELECT run_id, rank, device_id, hash(run_id, rank, device_id) AS line, step, start_ns, start_ns + dur_ns AS end_ns,
        CASE kind WHEN 'kernel' THEN 1 WHEN 'collective' THEN 1::BIGINT << 21 WHEN 'memcpy' THEN 1::BIGINT << 42 WHEN 'memset' THEN 1::BIGINT << 42 ELSE 0 END AS opened
    FROM kernel
    WHERE kind <> 'async'
),
device_line AS (SELECT DISTINCT run_id, rank, device_id, line FROM work),
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
    SELECT line, greatest(start_ns, last_step.end_ns) AS start_ns, work.end_ns
    FROM work
    JOIN last_step ON work.run_id = last_step.run_id AND work.rank = last_step.rank AND work.step = last_step.step
    WHERE work.end_ns > last_step.end_ns
),
device_step AS (
    SELECT run_id, rank, device_id, step + 1 AS step_key, _profiled_step.start_ns, _profiled_step.end_ns
    FROM _profiled_step
    JOIN (SELECT DISTINCT run_id, rank, device_id FROM span) USING (run_id, rank)
),
border AS ( -- few narrow columns, for all of them are sorted; a sum holds three counts, of up to two million
    SELECT line, start_ns AS at_ns, opened, 0 AS spans, 0::BIGINT AS step_key FROM work
    UNION ALL SELECT line, end_ns, -opened, 0, 0 FROM work
    UNION ALL SELECT line, start_ns, 0, 1, 0 FROM span JOIN device_line USING (run_id, rank, device_id)
    UNION ALL SELECT line, end_ns, 0, -1, 0 FROM span JOIN device_line USING (run_id, rank, device_id)
    UNION ALL SELECT line, start_ns, 0, 1 << 10, 0 FROM spilled
    UNION ALL SELECT line, end_ns, 0, -(1 << 10), 0 FROM spilled
    UNION ALL SELECT line, start_ns, 0, 0, step_key FROM device_step JOIN device_line USING (run_id, rank, device_id)
    UNION ALL SELECT line, end_ns, 0, 0, -step_key FROM device_step JOIN device_line USING (run_id, rank, device_id)
),
counted AS ( -- what is open at a device's last border is nothing, so sums may run on over the next device: sorted rows add up as they stream by
    SELECT line, if(lead(line) OVER () = line, lead(at_ns) OVER () - at_ns, NULL) AS dur_ns,
        sum(opened) OVER so_far AS opened, sum(spans) OVER so_far AS spans, sum(step_key) OVER so_far AS step_key
    FROM (SELECT * FROM border ORDER BY line, at_ns)
    WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
),
segment AS ( -- between borders of one instant the counts may lie below nothing, but of no time; each device has one last border
    SELECT line, dur_ns, step_key, (opened::BIGINT & ((1 << 21) - 1)) > 0 AS is_compute, ((opened::BIGINT >> 21) & ((1 << 21) - 1)) > 0 AS is_communication,
        (opened::BIGINT >> 42) > 0 AS is_copy, (spans::BIGINT & ((1 << 10) - 1)) > 0 AS is_span, (spans::BIGINT >> 10) > 0 AS is_spill
    FROM counted
    WHERE dur_ns <> 0 OR dur_ns IS NULL
),
summed AS (
    SELECT line, nullif(step_key, 0) - 1 AS step,
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
    GROUP BY line, step_key
),
total AS (
    SELECT run_id, rank, device_id, summed.* EXCLUDE (line) FROM summed JOIN device_line USING (line)
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
