-- One row is one of the hundred largest blocks that were live on one device when most was allocated. What holds the memory at the peak?
-- memory_holder sums such blocks by line of code, where a memory snapshot knows lines; this view has the blocks of any trace that records
-- allocations with addresses. The operator is the trace's own word where it has one, else the innermost op on the host at that moment.
-- Caveat: blocks of before the capture are in no trace; share_ratio says how much of the peak each block explains.
CREATE VIEW memory_live AS
WITH event AS NOT MATERIALIZED ( -- a filter on the run must reach it
    SELECT run_id, rank, device_id, at_ns, bytes, address, allocated_bytes, op_name, source_line, step FROM memory_event WHERE address IS NOT NULL
),
peak AS (
    SELECT run_id, rank, device_id, max(allocated_bytes) AS bytes, max_by(at_ns, {bytes: allocated_bytes, earliness: -at_ns}) AS at_ns
    FROM event
    WHERE allocated_bytes IS NOT NULL
    GROUP BY ALL
),
block AS (
    SELECT *, lead(at_ns) OVER (PARTITION BY run_id, rank, device_id, address ORDER BY at_ns, bytes) AS end_ns
    FROM event
    WHERE bytes <> 0
),
live AS (
    SELECT block.run_id, block.rank, block.device_id, block.at_ns, address, block.bytes, op_name, source_line, step,
        block.bytes / nullif(peak.bytes, 0) AS share_ratio,
        row_number() OVER (PARTITION BY block.run_id, block.rank, block.device_id ORDER BY block.bytes DESC, block.at_ns, address) AS position
    FROM block
    JOIN peak USING (run_id, rank, device_id)
    WHERE block.bytes > 0 AND block.at_ns <= peak.at_ns AND coalesce(block.end_ns > peak.at_ns, true)
    QUALIFY position <= 100
),
asked AS (
    SELECT live.run_id, live.rank, live.device_id, position, arg_max(op.name, {start_ns: op.start_ns, depth: op.depth}) AS name
    FROM live
    JOIN op ON op.run_id = live.run_id AND op.rank = live.rank AND op.start_ns <= live.at_ns AND op.start_ns + op.dur_ns > live.at_ns
    WHERE live.op_name IS NULL
    GROUP BY ALL
)
SELECT live.run_id, run.run, live.rank, live.device_id, live.position, live.bytes AS held_bytes, live.share_ratio, live.at_ns, live.step,
    coalesce(live.op_name, asked.name) AS op_name, live.source_line
FROM live
JOIN run USING (run_id)
LEFT JOIN asked ON asked.run_id = live.run_id AND asked.rank = live.rank AND asked.device_id = live.device_id AND asked.position = live.position;

COMMENT ON VIEW memory_live IS 'One of the largest blocks that were live on a device when most was allocated.';
COMMENT ON COLUMN memory_live.run_id IS 'Run of the block.';
COMMENT ON COLUMN memory_live.run IS 'Name of that run.';
COMMENT ON COLUMN memory_live.rank IS 'Rank of the block.';
COMMENT ON COLUMN memory_live.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_live.position IS 'Place by size on the device, from 1 to 100.';
COMMENT ON COLUMN memory_live.held_bytes IS 'Size of the block.';
COMMENT ON COLUMN memory_live.share_ratio IS 'Its size over all that was allocated at the peak.';
COMMENT ON COLUMN memory_live.at_ns IS 'When it was allocated.';
COMMENT ON COLUMN memory_live.step IS 'Step that it was allocated in. NULL: outside of steps.';
COMMENT ON COLUMN memory_live.op_name IS 'Operator that asked for it. NULL: none ran on the host then.';
COMMENT ON COLUMN memory_live.source_line IS 'File and line of the user that asked for it, where a memory snapshot tells.';
