-- One row is the mean measured step of the devices of one run (scope 'steps'), or their mean span (scope 'capture'). Where does its time go?
-- compute + exposed_communication + exposed_copy + the six waits = window, as in breakdown and idle_cause, whose rows are averaged here:
-- means add up, medians would not. A run without measured steps has its row of scope 'capture' alone.
-- Caveat: by device time; waiting inside a collective is communication.
-- uses: breakdown, idle_cause
CREATE VIEW mean_breakdown AS
SELECT breakdown.run_id, breakdown.run, if(breakdown.step IS NULL, 'capture', 'steps') AS scope, count(*) AS windows,
    avg(compute_ns) AS compute_ns, avg(communication_ns) AS communication_ns, avg(exposed_communication_ns) AS exposed_communication_ns,
    avg(copy_ns) AS copy_ns, avg(exposed_copy_ns) AS exposed_copy_ns, avg(cause.idle_ns) AS idle_ns, avg(host_wait_ns) AS host_wait_ns,
    avg(sync_wait_ns) AS sync_wait_ns, avg(input_wait_ns) AS input_wait_ns, avg(launch_wait_ns) AS launch_wait_ns,
    avg(kernel_wait_ns) AS kernel_wait_ns, avg(unknown_ns) AS unknown_ns, avg(cause.window_ns) AS window_ns,
    1 - sum(exposed_communication_ns) / nullif(sum(communication_ns), 0) AS hidden_communication_ratio,
    1 - sum(exposed_copy_ns) / nullif(sum(copy_ns), 0) AS hidden_copy_ratio
FROM breakdown
JOIN idle_cause AS cause ON cause.run_id = breakdown.run_id AND cause.rank = breakdown.rank AND cause.device_id = breakdown.device_id
    AND cause.step IS NOT DISTINCT FROM breakdown.step
WHERE cause.is_measured OR breakdown.step IS NULL
GROUP BY ALL;

COMMENT ON VIEW mean_breakdown IS 'The mean measured step of one run, or the mean span of its devices, in parts that add up to it.';
COMMENT ON COLUMN mean_breakdown.run_id IS 'Run of the devices.';
COMMENT ON COLUMN mean_breakdown.run IS 'Name of that run.';
COMMENT ON COLUMN mean_breakdown.scope IS 'steps: the measured steps; capture: from the first start to the last end of work on each device.';
COMMENT ON COLUMN mean_breakdown.windows IS 'Number of steps times devices, or of devices, that the means are of.';
COMMENT ON COLUMN mean_breakdown.compute_ns IS 'Time with a kernel running.';
COMMENT ON COLUMN mean_breakdown.communication_ns IS 'Time with a collective running.';
COMMENT ON COLUMN mean_breakdown.exposed_communication_ns IS 'Time with a collective and no kernel running.';
COMMENT ON COLUMN mean_breakdown.copy_ns IS 'Time with a copy or a memset running.';
COMMENT ON COLUMN mean_breakdown.exposed_copy_ns IS 'Time with a copy or a memset, and neither kernel nor collective running.';
COMMENT ON COLUMN mean_breakdown.idle_ns IS 'Time with none of these running: the sum of the six waits.';
COMMENT ON COLUMN mean_breakdown.host_wait_ns IS 'Part of it that waits for the host, which neither is blocked nor loads data.';
COMMENT ON COLUMN mean_breakdown.sync_wait_ns IS 'Part of it while a thread that launches is in a call that blocks.';
COMMENT ON COLUMN mean_breakdown.input_wait_ns IS 'Part of it while a thread that launches is in the data loader.';
COMMENT ON COLUMN mean_breakdown.launch_wait_ns IS 'Part of it from the start of the next launch to that of its work.';
COMMENT ON COLUMN mean_breakdown.kernel_wait_ns IS 'Part of it where the next work was launched before the gap.';
COMMENT ON COLUMN mean_breakdown.unknown_ns IS 'Part of it where the launch of the next work is not in the file.';
COMMENT ON COLUMN mean_breakdown.window_ns IS 'Length of the mean step, or span.';
COMMENT ON COLUMN mean_breakdown.hidden_communication_ratio IS 'Share of the time of communication during which a kernel runs. NULL: no communication.';
COMMENT ON COLUMN mean_breakdown.hidden_copy_ratio IS 'Share of the time of copies during which a kernel or a collective runs. NULL: no copies.';
