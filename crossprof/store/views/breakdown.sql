-- One row is one device during one profiled step (warm-up ones too), or (step NULL) over its span: first start to last end of its work.
-- How much of the time is compute, communication, copies, idle? compute + exposed_communication + exposed_copy + idle = window, to the
-- nanosecond: where things overlap, compute goes before communication, communication before copies. A memset is a copy.
-- Caveat: by device time; waiting inside a collective is communication; async work is in no part.
-- uses: _device_time
-- empty without: kernel
CREATE VIEW breakdown AS
SELECT run_id, run, rank, device_id, step, compute_ns, communication_ns, exposed_communication_ns, copy_ns, exposed_copy_ns,
    window_ns - busy_ns AS idle_ns, window_ns
FROM _device_time
WHERE step IS NOT NULL
UNION ALL
SELECT run_id, run, rank, device_id, NULL, sum(compute_ns)::BIGINT, sum(communication_ns)::BIGINT, sum(exposed_communication_ns)::BIGINT,
    sum(copy_ns)::BIGINT, sum(exposed_copy_ns)::BIGINT, (sum(span_ns) - sum(busy_ns))::BIGINT, sum(span_ns)::BIGINT
FROM _device_time
GROUP BY run_id, run, rank, device_id;

COMMENT ON VIEW breakdown IS 'Compute, communication, copies and idle time of one device, by step and over its span.';
COMMENT ON COLUMN breakdown.run_id IS 'Run of the device.';
COMMENT ON COLUMN breakdown.run IS 'Name of that run.';
COMMENT ON COLUMN breakdown.rank IS 'Rank that used it.';
COMMENT ON COLUMN breakdown.device_id IS 'Number of the device.';
COMMENT ON COLUMN breakdown.step IS 'Profiled step. NULL: from the first start to the last end of work on the device.';
COMMENT ON COLUMN breakdown.compute_ns IS 'Time with a kernel running.';
COMMENT ON COLUMN breakdown.communication_ns IS 'Time with a collective running.';
COMMENT ON COLUMN breakdown.exposed_communication_ns IS 'Time with a collective and no kernel running.';
COMMENT ON COLUMN breakdown.copy_ns IS 'Time with a copy or a memset running.';
COMMENT ON COLUMN breakdown.exposed_copy_ns IS 'Time with a copy or a memset, and neither kernel nor collective running.';
COMMENT ON COLUMN breakdown.idle_ns IS 'Time with none of these running.';
COMMENT ON COLUMN breakdown.window_ns IS 'Length of the step, or of the span.';
