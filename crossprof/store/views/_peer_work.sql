-- One row is one piece of work on a device in a file that another tool reads. What do these tools find in the file?
-- `async` is no work to any of them. What a tool leaves out, and how it sorts the rest, is said in its own view.
-- uses: _peer_file
CREATE VIEW _peer_work AS
SELECT file.run_id, file.run, file.rank, file.capture, kernel.device_id, is_xplane, coalesce(device.kind = 'tpu', false) AS is_tpu,
    device.compute_units, kernel.name, kernel.kind, kernel.module, kernel.call_id, kernel.op_id, kernel.grid, kernel.occupancy_ratio,
    kernel.start_ns, kernel.start_ns + kernel.dur_ns AS end_ns
FROM kernel
JOIN _peer_file AS file
    ON file.run_id = kernel.run_id AND file.rank = kernel.rank AND kernel.start_ns >= since_ns AND kernel.start_ns < until_ns
LEFT JOIN device ON device.run_id = kernel.run_id AND device.rank = kernel.rank AND device.device_id = kernel.device_id
WHERE kernel.kind <> 'async';

COMMENT ON VIEW _peer_work IS 'One piece of work on a device in a file that another tool reads.';
COMMENT ON COLUMN _peer_work.run_id IS 'Run of the work.';
COMMENT ON COLUMN _peer_work.run IS 'Name of that run.';
COMMENT ON COLUMN _peer_work.rank IS 'Rank that launched it.';
COMMENT ON COLUMN _peer_work.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _peer_work.device_id IS 'Device that it ran on.';
COMMENT ON COLUMN _peer_work.is_xplane IS 'Whether the file is XPlane; else it is Kineto JSON.';
COMMENT ON COLUMN _peer_work.is_tpu IS 'Whether the device is a TPU.';
COMMENT ON COLUMN _peer_work.compute_units IS 'SMs or CUs of the device.';
COMMENT ON COLUMN _peer_work.name IS 'Name of the kernel, HLO instruction or copy.';
COMMENT ON COLUMN _peer_work.kind IS 'kernel, collective, memcpy or memset.';
COMMENT ON COLUMN _peer_work.module IS 'XLA module, or module of the model.';
COMMENT ON COLUMN _peer_work.call_id IS 'Call that launched it. NULL where the file lacks that call.';
COMMENT ON COLUMN _peer_work.op_id IS 'Innermost op around that launch.';
COMMENT ON COLUMN _peer_work.grid IS 'Launch grid, x,y,z.';
COMMENT ON COLUMN _peer_work.occupancy_ratio IS 'Occupancy estimated by the profiler.';
COMMENT ON COLUMN _peer_work.start_ns IS 'Start on the device.';
COMMENT ON COLUMN _peer_work.end_ns IS 'End on the device.';
