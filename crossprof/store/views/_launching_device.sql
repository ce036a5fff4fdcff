-- One row is one device of one rank. Is it known what launched its work? Then work without a launch in the file belongs to no step; on a
-- device whose launches no trace shows, such as a TPU, work belongs to the step that it starts in.
-- empty without: kernel
CREATE VIEW _launching_device AS
SELECT kernel.run_id, run.run, rank, device_id, bool_or(step IS NOT NULL OR call_id IS NOT NULL) AS is_launched
FROM kernel
JOIN run USING (run_id)
GROUP BY ALL;

COMMENT ON VIEW _launching_device IS 'One device, and whether its launches are known.';
COMMENT ON COLUMN _launching_device.run_id IS 'Run of the device.';
COMMENT ON COLUMN _launching_device.run IS 'Name of that run.';
COMMENT ON COLUMN _launching_device.rank IS 'Rank that used it.';
COMMENT ON COLUMN _launching_device.device_id IS 'Number of the device.';
COMMENT ON COLUMN _launching_device.is_launched IS 'Whether any of its work has a launch in the file.';
