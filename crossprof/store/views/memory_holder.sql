-- One row is one line of the user's code that held memory of a device when most was allocated. Which line holds the memory at the peak?
-- Caveat: only memory snapshots of torch know lines. What they can't tell, blocks of before the history or without a stack, is the row
-- whose line is NULL, so that the rows of a device add up to its peak. A block that was given out and freed within the microsecond
-- that the snapshot tells counts as held.
CREATE VIEW memory_holder AS
WITH event AS (
    SELECT run_id, rank, device_id, at_ns, bytes, address, allocated_bytes, source_line
    FROM memory_event
    SEMI JOIN (FROM memory_event WHERE source_line IS NOT NULL) AS told USING (run_id, rank, device_id)
),
peak AS (
    SELECT run_id, rank, device_id, max(allocated_bytes) AS bytes,
        max_by(at_ns, {bytes: allocated_bytes, earliness: -at_ns}) AS at_ns
    FROM event GROUP BY ALL
),
block AS ( -- an address is free until its next event; within a microsecond it is freed before it is given out again
    SELECT run_id, rank, device_id, source_line, bytes, at_ns,
        lead(at_ns) OVER (PARTITION BY run_id, rank, device_id, address ORDER BY at_ns, bytes) AS end_ns
    FROM event WHERE bytes <> 0
),
held AS (
    SELECT run_id, rank, device_id, peak.at_ns, source_line, count(*) AS blocks, sum(block.bytes)::BIGINT AS held_bytes
    FROM block JOIN peak USING (run_id, rank, device_id)
    WHERE block.bytes > 0 AND block.at_ns <= peak.at_ns AND coalesce(block.end_ns > peak.at_ns, true) AND source_line IS NOT NULL
    GROUP BY ALL
),
untold AS (
    SELECT run_id, rank, device_id, peak.at_ns, (peak.bytes - coalesce(sum(held_bytes), 0))::BIGINT AS held_bytes
    FROM peak LEFT JOIN held USING (run_id, rank, device_id)
    GROUP BY run_id, rank, device_id, peak.at_ns, peak.bytes
)
SELECT run_id, run.run, rank, device_id, at_ns, source_line, blocks, held_bytes,
    held_bytes / nullif(sum(held_bytes) OVER (PARTITION BY run_id, rank, device_id), 0) AS share_ratio
FROM (FROM held UNION ALL BY NAME FROM untold WHERE held_bytes <> 0)
JOIN run USING (run_id);

COMMENT ON VIEW memory_holder IS 'One line of the user''s code and the memory that it held when most was allocated, from memory snapshots of torch.';
COMMENT ON COLUMN memory_holder.run_id IS 'Run of the memory.';
COMMENT ON COLUMN memory_holder.run IS 'Name of that run.';
COMMENT ON COLUMN memory_holder.rank IS 'Rank that held it.';
COMMENT ON COLUMN memory_holder.device_id IS 'Device whose memory it is.';
COMMENT ON COLUMN memory_holder.at_ns IS 'When the allocator first held most.';
COMMENT ON COLUMN memory_holder.source_line IS 'File and line that asked for it. NULL for what the snapshot can''t tell: blocks of before its history, or without a stack.';
COMMENT ON COLUMN memory_holder.blocks IS 'How many blocks. NULL where the line is.';
COMMENT ON COLUMN memory_holder.held_bytes IS 'Bytes in those blocks at that time.';
COMMENT ON COLUMN memory_holder.share_ratio IS 'held_bytes over the peak.';
