-- One row is one device in one scope. How busy was the device? Busy is the union of its intervals over all streams, never a sum.
-- Scope `capture` is the whole file: the window runs from its first to its last event, host events included, capture by capture.
-- Scope `steps` is the union of the profiled steps that are no warm-up; intervals are clipped to it by device time.
-- Caveat: waiting inside a collective counts as busy. No row for a device without work, nor for `steps` where no step is marked.
-- uses: _capture, _device_time
-- empty without: kernel
CREATE VIEW device_busy AS
WITH event AS (
    SELECT run_id, rank, start_ns, start_ns + dur_ns AS end_ns FROM kernel
    UNION ALL SELECT run_id, rank, start_ns, start_ns + dur_ns FROM op
    UNION ALL SELECT run_id, rank, start_ns, start_ns + dur_ns FROM runtime_call
    UNION ALL SELECT run_id, rank, start_ns, start_ns + dur_ns FROM annotation
    UNION ALL SELECT run_id, rank, start_ns, start_ns + dur_ns FROM step WHERE is_profiled
),
file AS (
    SELECT run_id, rank, sum(window_ns)::BIGINT AS window_ns
    FROM (
        SELECT run_id, rank, capture, max(end_ns) - min(start_ns) AS window_ns
        FROM event
        JOIN _capture USING (run_id, rank)
        WHERE start_ns >= since_ns AND start_ns < until_ns
        GROUP BY ALL
    )
    GROUP BY run_id, rank
),
scoped AS (
    SELECT run_id, run, rank, device_id, 'capture' AS scope, sum(busy_ns) AS busy_ns, sum(kernel_busy_ns) AS kernel_busy_ns,
        sum(span_ns) AS span_ns, any_value(file.window_ns) AS window_ns, 0 AS spill_ns
    FROM _device_time
    JOIN file USING (run_id, rank)
    GROUP BY run_id, run, rank, device_id
    UNION ALL
    SELECT run_id, run, rank, device_id, 'steps', sum(busy_ns) FILTER (is_measured), sum(kernel_busy_ns) FILTER (is_measured),
        sum(span_ns) FILTER (is_measured), sum(window_ns) FILTER (is_measured), sum(spill_ns)
    FROM _device_time
    GROUP BY run_id, run, rank, device_id
    HAVING bool_or(is_measured)
)
SELECT run_id, run, rank, device_id, scope, busy_ns::BIGINT AS busy_ns, kernel_busy_ns::BIGINT AS kernel_busy_ns, span_ns::BIGINT AS span_ns,
    window_ns::BIGINT AS window_ns, spill_ns::BIGINT AS spill_ns, busy_ns / nullif(window_ns, 0) AS busy_ratio
FROM scoped;

COMMENT ON VIEW device_busy IS 'How busy one device was, over the whole capture and over the measured steps.';
COMMENT ON COLUMN device_busy.run_id IS 'Run of the device.';
COMMENT ON COLUMN device_busy.run IS 'Name of that run.';
COMMENT ON COLUMN device_busy.rank IS 'Rank that used it.';
COMMENT ON COLUMN device_busy.device_id IS 'Number of the device.';
COMMENT ON COLUMN device_busy.scope IS 'capture (the whole file) or steps (the profiled steps that are no warm-up).';
COMMENT ON COLUMN device_busy.busy_ns IS 'Union of all work but async.';
COMMENT ON COLUMN device_busy.kernel_busy_ns IS 'Union of kernels and collectives.';
COMMENT ON COLUMN device_busy.span_ns IS 'Part of the window between the first start and the last end of work on the device.';
COMMENT ON COLUMN device_busy.window_ns IS 'Length of the scope.';
COMMENT ON COLUMN device_busy.spill_ns IS 'Work that the last step launched and that ran on after it: cut off by scope steps, 0 in scope capture.';
COMMENT ON COLUMN device_busy.busy_ratio IS 'busy_ns over window_ns.';
