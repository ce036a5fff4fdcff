-- One row is the allocations of about one size on one device. Are they many and small, or few and large?
-- Caveat: frees are not subtracted, and what was allocated before the capture is not in it.
CREATE VIEW memory_size AS
SELECT event.run_id, run.run, event.rank, event.device_id, (2 ** floor(log2(bytes)))::BIGINT AS from_bytes, count(*) AS allocations,
    sum(bytes)::BIGINT AS total_bytes
FROM memory_event AS event
JOIN run USING (run_id)
WHERE bytes > 0
GROUP BY ALL;

COMMENT ON VIEW memory_size IS 'The allocations of about one size on one device.';
COMMENT ON COLUMN memory_size.run_id IS 'Run of the allocations.';
COMMENT ON COLUMN memory_size.run IS 'Name of that run.';
COMMENT ON COLUMN memory_size.rank IS 'Rank of them.';
COMMENT ON COLUMN memory_size.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_size.from_bytes IS 'Each is at least this power of two, and less than twice that.';
COMMENT ON COLUMN memory_size.allocations IS 'How many.';
COMMENT ON COLUMN memory_size.total_bytes IS 'Sum of their sizes.';
