-- One row is one reading of the memory of one device (-1: the host) at one time, by one counter. How much memory, by whose count?
-- allocator rows come from the trace; driver rows (the whole device, every process) and process rows (resident memory) from telemetry.
-- Caveat: the three counts differ by design (caching, preallocation, the driver's own context). torch counts the CPU's allocations from
-- the start of the capture only, so that series is relative.
CREATE VIEW memory_timeline AS
WITH reading AS (
    SELECT run_id, rank, device_id, at_ns, allocated_bytes, reserved_bytes, NULL::BIGINT AS used_bytes, 'allocator' AS counter, allocator, step
    FROM memory_event
    UNION ALL
    SELECT run_id, rank, coalesce(device_id, -1), at_ns, NULL, NULL, value::BIGINT,
        CASE metric WHEN 'process.memory.usage' THEN 'process' ELSE 'driver' END, NULL, NULL
    FROM sample
    WHERE metric IN ('hw.gpu.memory.usage', 'hw.tpu.memory.usage', 'process.memory.usage') AND is_valid
)
SELECT reading.run_id, run.run, rank, device_id, at_ns, allocated_bytes, reserved_bytes, used_bytes, counter, allocator, step
FROM reading
JOIN run USING (run_id);

COMMENT ON VIEW memory_timeline IS 'One reading of the memory of one device, by the allocator, the driver or the process.';
COMMENT ON COLUMN memory_timeline.run_id IS 'Run of the reading.';
COMMENT ON COLUMN memory_timeline.run IS 'Name of that run.';
COMMENT ON COLUMN memory_timeline.rank IS 'Rank of the reading.';
COMMENT ON COLUMN memory_timeline.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_timeline.at_ns IS 'Time of the reading.';
COMMENT ON COLUMN memory_timeline.allocated_bytes IS 'Bytes in use by the allocator''s count.';
COMMENT ON COLUMN memory_timeline.reserved_bytes IS 'Bytes that the allocator holds from the driver.';
COMMENT ON COLUMN memory_timeline.used_bytes IS 'Bytes in use by the driver''s count, or resident in the process.';
COMMENT ON COLUMN memory_timeline.counter IS 'Who counted: allocator, driver or process.';
COMMENT ON COLUMN memory_timeline.allocator IS 'Allocator, as the trace names it.';
COMMENT ON COLUMN memory_timeline.step IS 'Step whose host window holds it, for allocator rows.';
