-- One row is one sort of work in one measured step of one device, or of the host of a CPU-only run. What is the time of a step made of?
-- The parts of a step add up to it: each moment is given to one of compute, communication, copies and idle, in that order (the view
-- breakdown), and what compute takes is shared among its categories in proportion to their kernel time; on one stream that is their time.
-- Idle time is told apart by its cause (the view idle_cause); `idle_unknown` is what has no launch in the file.
-- On the host a category is the self time of its ops, and `outside_ops` the rest: below zero where several threads work at once.
-- Caveat: the categories are those of what the step launched; where a step runs only what another launched, they are `launched_before`.
-- uses: _device_time, category_summary, idle_cause
CREATE VIEW category_breakdown AS
WITH share AS (
    SELECT run_id, rank, device_id, step, kind, category, total_ns / nullif(sum(total_ns) OVER of_kind, 0) AS share_ratio
    FROM (
        SELECT run_id, rank, device_id, step, category, sum(total_ns) AS total_ns,
            CASE kind WHEN 'kernel' THEN 'compute' WHEN 'collective' THEN 'communication' ELSE 'copy' END AS kind
        FROM category_summary
        WHERE is_measured AND kind NOT IN ('op', 'async')
        GROUP BY ALL
    )
    WINDOW of_kind AS (PARTITION BY run_id, rank, device_id, step, kind)
),
exclusive AS (
    SELECT run_id, rank, device_id, step, window_ns, unnest([
        {kind: 'compute', dur_ns: compute_ns},
        {kind: 'communication', dur_ns: exposed_communication_ns},
        {kind: 'copy', dur_ns: exposed_copy_ns}
    ], recursive := true)
    FROM _device_time
    WHERE is_measured
    UNION ALL
    SELECT run_id, rank, device_id, step, window_ns, unnest([
        {kind: 'idle_host', dur_ns: host_wait_ns},
        {kind: 'idle_sync', dur_ns: sync_wait_ns},
        {kind: 'idle_input', dur_ns: input_wait_ns},
        {kind: 'idle_launch', dur_ns: launch_wait_ns},
        {kind: 'idle_kernel', dur_ns: kernel_wait_ns},
        {kind: 'idle_unknown', dur_ns: unknown_ns}
    ], recursive := true)
    FROM idle_cause
    WHERE is_measured
),
device AS (
    SELECT run_id, rank, device_id, step, window_ns, 'device' AS place,
        coalesce(category, if(starts_with(kind, 'idle_'), kind, 'launched_before')) AS category, sum(dur_ns * coalesce(share_ratio, 1)) AS dur_ns
    FROM exclusive
    LEFT JOIN (FROM share WHERE share_ratio IS NOT NULL) USING (run_id, rank, device_id, step, kind)
    WHERE dur_ns > 0
    GROUP BY ALL
),
host AS (
    SELECT run_id, rank, step, category, total_ns, step_ns
    FROM category_summary
    SEMI JOIN (FROM run WHERE coalesce(device_kind, 'cpu') = 'cpu') AS cpu_run USING (run_id)
    ANTI JOIN device USING (run_id)
    WHERE is_measured AND kind = 'op'
),
told AS (
    FROM device
    UNION ALL BY NAME
    SELECT run_id, rank, step, step_ns AS window_ns, 'host' AS place, category, total_ns::DOUBLE AS dur_ns FROM host
    UNION ALL BY NAME
    SELECT run_id, rank, step, step_ns AS window_ns, 'host' AS place, 'outside_ops' AS category, step_ns - sum(total_ns) AS dur_ns
    FROM host
    GROUP BY run_id, rank, step, step_ns
)
SELECT run_id, run.run, rank, device_id, step, place, category, dur_ns, window_ns
FROM told
JOIN run USING (run_id);

COMMENT ON VIEW category_breakdown IS 'One sort of work in one measured step: the parts of a step add up to it.';
COMMENT ON COLUMN category_breakdown.run_id IS 'Run of the step.';
COMMENT ON COLUMN category_breakdown.run IS 'Name of that run.';
COMMENT ON COLUMN category_breakdown.rank IS 'Rank of the step.';
COMMENT ON COLUMN category_breakdown.device_id IS 'Device that it is the time of. NULL: the host.';
COMMENT ON COLUMN category_breakdown.step IS 'Measured step.';
COMMENT ON COLUMN category_breakdown.place IS 'device; host on a run without device work.';
COMMENT ON COLUMN category_breakdown.category IS 'Sort of work; idle_host, idle_sync, idle_input, idle_launch, idle_kernel or idle_unknown; outside_ops; launched_before.';
COMMENT ON COLUMN category_breakdown.dur_ns IS 'Its part of the step. Below zero only for outside_ops: what several threads do at once.';
COMMENT ON COLUMN category_breakdown.window_ns IS 'Length of the step: the sum of its parts.';
