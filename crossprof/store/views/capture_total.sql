-- One row is one device of a rank, or (device_id NULL) the operators on its host, over the whole capture. What can be said of a capture
-- without steps? These are totals of the file, warm-up and what lies between steps included: nothing here is per step.
-- Caveat: the shares of busy and idle time depend on when the capture was started and stopped.
-- uses: device_busy, breakdown, kernel_summary, op_summary
CREATE VIEW capture_total AS
WITH worked AS (
    SELECT run_id, rank, device_id, sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns
    FROM kernel_summary
    WHERE kind IN ('kernel', 'collective')
    GROUP BY ALL
)
SELECT run_id, run, rank, device_id, window_ns, busy_ns, busy_ratio, compute_ns, exposed_communication_ns, exposed_copy_ns, idle_ns,
    coalesce(calls, 0)::BIGINT AS calls, coalesce(total_ns, 0)::BIGINT AS total_ns
FROM (FROM device_busy WHERE scope = 'capture')
JOIN (SELECT * EXCLUDE (run, step, window_ns) FROM breakdown WHERE step IS NULL) USING (run_id, rank, device_id)
LEFT JOIN worked USING (run_id, rank, device_id)
UNION ALL BY NAME
SELECT run_id, run, rank, NULL::BIGINT AS device_id, sum(calls)::BIGINT AS calls, sum(self_ns)::BIGINT AS total_ns
FROM op_summary
GROUP BY run_id, run, rank;

COMMENT ON VIEW capture_total IS 'The totals of a capture: one device of a rank, or the operators on its host.';
COMMENT ON COLUMN capture_total.run_id IS 'Run of the capture.';
COMMENT ON COLUMN capture_total.run IS 'Name of that run.';
COMMENT ON COLUMN capture_total.rank IS 'Rank of the capture.';
COMMENT ON COLUMN capture_total.device_id IS 'Number of the device. NULL: the host.';
COMMENT ON COLUMN capture_total.window_ns IS 'From the first to the last event of the file, host events included. NULL for the host.';
COMMENT ON COLUMN capture_total.busy_ns IS 'Union of all work but async.';
COMMENT ON COLUMN capture_total.busy_ratio IS 'busy_ns over window_ns.';
COMMENT ON COLUMN capture_total.compute_ns IS 'Time with a kernel running.';
COMMENT ON COLUMN capture_total.exposed_communication_ns IS 'Time with a collective and no kernel running.';
COMMENT ON COLUMN capture_total.exposed_copy_ns IS 'Time with a copy or a memset alone.';
COMMENT ON COLUMN capture_total.idle_ns IS 'Time without work between the first and the last work on the device.';
COMMENT ON COLUMN capture_total.calls IS 'Kernels and collectives; on the host, operators.';
COMMENT ON COLUMN capture_total.total_ns IS 'Sum of their durations; of self times on the host, over threads.';
