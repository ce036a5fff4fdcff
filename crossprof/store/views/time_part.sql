-- One row is one part of the mean measured step of a run; of its capture, from first to last work, where no step is measured. What is the
-- time made of? The parts of a run add up to window_ns. Device work: each moment is compute, communication, copy or idle by cause, as in
-- breakdown and idle_cause, and the mean is over steps, ranks and devices. A run on the CPU: `operators` and what lies outside of them.
-- Caveat: a mean over ranks hides a slow one (the view straggler); operators of several threads count up to the length of the step.
-- uses: breakdown, idle_cause, category_summary
CREATE VIEW time_part AS
WITH device AS (
    SELECT work.run_id, work.run, if(work.step IS NULL, 'capture', 'steps') AS scope, 'device' AS place, work.window_ns,
        unnest([
            {part: 'compute', dur_ns: compute_ns},
            {part: 'communication', dur_ns: exposed_communication_ns},
            {part: 'copy', dur_ns: exposed_copy_ns},
            {part: 'idle_host', dur_ns: host_wait_ns},
            {part: 'idle_sync', dur_ns: sync_wait_ns},
            {part: 'idle_input', dur_ns: input_wait_ns},
            {part: 'idle_launch', dur_ns: launch_wait_ns},
            {part: 'idle_kernel', dur_ns: kernel_wait_ns},
            {part: 'idle_unknown', dur_ns: unknown_ns}
        ], recursive := true)
    FROM breakdown AS work
    JOIN idle_cause AS cause ON cause.run_id = work.run_id AND cause.rank = work.rank AND cause.device_id = work.device_id
        AND cause.step IS NOT DISTINCT FROM work.step
    WHERE work.step IS NULL OR is_measured
),
operating AS (
    SELECT run_id, run, rank, step, any_value(step_ns) AS window_ns, least(sum(total_ns), any_value(step_ns)) AS op_ns
    FROM category_summary
    SEMI JOIN (FROM run WHERE coalesce(device_kind, 'cpu') = 'cpu') AS cpu_run USING (run_id)
    ANTI JOIN breakdown USING (run_id)
    WHERE is_measured AND kind = 'op'
    GROUP BY ALL
),
told AS (
    FROM device
    UNION ALL
    SELECT run_id, run, 'steps', 'host', window_ns,
        unnest([{part: 'operators', dur_ns: op_ns}, {part: 'outside_ops', dur_ns: window_ns - op_ns}], recursive := true)
    FROM operating
),
summed AS (
    SELECT run_id, run, scope, place, part, avg(dur_ns) AS mean_ns, sum(dur_ns) / nullif(sum(window_ns), 0) AS share_ratio,
        avg(window_ns) AS window_ns, count(*) AS windows, max(scope) OVER (PARTITION BY run_id) AS best_scope
    FROM told
    GROUP BY run_id, run, scope, place, part
)
SELECT * EXCLUDE (best_scope) FROM summed WHERE scope = best_scope AND mean_ns > 0;

COMMENT ON VIEW time_part IS 'One part of the mean measured step of a run, or of its capture where no step is measured.';
COMMENT ON COLUMN time_part.run_id IS 'Run of the time.';
COMMENT ON COLUMN time_part.run IS 'Name of that run.';
COMMENT ON COLUMN time_part.scope IS 'steps (the mean measured step) or capture (the whole, where no step is measured).';
COMMENT ON COLUMN time_part.place IS 'device; host on a run without device work.';
COMMENT ON COLUMN time_part.part IS 'compute, communication and copy that nothing before them hides, idle_host, idle_sync, idle_input, idle_launch, idle_kernel, idle_unknown; operators, outside_ops.';
COMMENT ON COLUMN time_part.mean_ns IS 'Its mean length.';
COMMENT ON COLUMN time_part.share_ratio IS 'Its share of the time.';
COMMENT ON COLUMN time_part.window_ns IS 'Mean length of the step, or of the capture: the sum of the parts.';
COMMENT ON COLUMN time_part.windows IS 'How many steps of devices (of ranks on the host) the mean is over; devices, for a capture.';
