-- One row is one device (-1: the host) of one rank. How much memory did it need at most, by whose count?
-- peak_used_bytes is the only like-for-like figure between frameworks: the driver's count on a device, the process's resident memory on
-- the host. Caveat: the driver counts every process and the allocator's cache; JAX preallocates 75 % of the device unless told otherwise.
-- With several allocators on one device the largest is shown. Telemetry sees what lasts as long as its interval.
-- uses: memory_timeline
-- empty without: memory_event, sample
CREATE VIEW memory_peak AS
WITH held AS (
    SELECT run_id, rank, device_id, max(peak_bytes) AS peak_bytes FROM memory_event GROUP BY ALL
),
resident AS (
    SELECT run_id, rank, -1 AS device_id, max(value)::BIGINT AS peak_bytes
    FROM sample
    WHERE metric = 'process.memory.peak' AND is_valid
    GROUP BY ALL
),
seen AS (
    SELECT run_id, run, rank, device_id, max(allocated_bytes) AS allocated_bytes, max(reserved_bytes) AS reserved_bytes,
        max(used_bytes) AS used_bytes, max(counter) FILTER (used_bytes IS NOT NULL) AS used_counter
    FROM memory_timeline
    GROUP BY ALL
)
SELECT seen.run_id, seen.run, seen.rank, seen.device_id,
    coalesce(seen.allocated_bytes, held.peak_bytes) AS peak_allocated_bytes, seen.reserved_bytes AS peak_reserved_bytes,
    greatest(seen.used_bytes, resident.peak_bytes) AS peak_used_bytes, used_counter
FROM seen
LEFT JOIN held USING (run_id, rank, device_id)
LEFT JOIN resident USING (run_id, rank, device_id);

COMMENT ON VIEW memory_peak IS 'The most memory that one device held, by the allocator''s and by the driver''s count.';
COMMENT ON COLUMN memory_peak.run_id IS 'Run of the device.';
COMMENT ON COLUMN memory_peak.run IS 'Name of that run.';
COMMENT ON COLUMN memory_peak.rank IS 'Rank that used it.';
COMMENT ON COLUMN memory_peak.device_id IS 'Number of the device; -1 is the host.';
COMMENT ON COLUMN memory_peak.peak_allocated_bytes IS 'Most bytes in use by the allocator''s count, in the capture.';
COMMENT ON COLUMN memory_peak.peak_reserved_bytes IS 'Most bytes that the allocator held from the driver, in the capture.';
COMMENT ON COLUMN memory_peak.peak_used_bytes IS 'Most bytes by the driver''s count; on the host the most resident memory of the process.';
COMMENT ON COLUMN memory_peak.used_counter IS 'Who counted peak_used_bytes: driver or process.';
