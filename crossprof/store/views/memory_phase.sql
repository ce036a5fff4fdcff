-- One row is one phase of the steps on one device of one rank. Which phase needs the memory?
-- optimizer: inside an annotation of the optimizer's step; backward: between the first and the last operator of the autograd engine in
-- the step; forward: the rest of the step; other: outside of steps.
-- Caveat: a phase inherits what earlier ones hold, so peaks don't add up; growth_bytes is what it leaves behind. With several
-- backward passes in one step (accumulated gradients) the forward passes between them count as backward.
-- empty without: memory_event
CREATE VIEW memory_phase AS
WITH optimizer AS (
    SELECT run_id, rank, step, start_ns, start_ns + dur_ns AS end_ns
    FROM annotation
    WHERE kind = 'user' AND device_id IS NULL AND (name LIKE 'Optimizer.step#%' OR name = '## optimizer ##')
),
backward AS (
    SELECT run_id, rank, step, min(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns
    FROM op
    WHERE is_backward
    GROUP BY run_id, rank, step
),
optimized AS (
    SELECT run_id, rank, step, list({start_ns: start_ns, end_ns: end_ns}) AS spans FROM optimizer GROUP BY run_id, rank, step
),
event AS (
    SELECT event.run_id, event.rank, event.device_id, event.at_ns, event.bytes, event.allocated_bytes, event.reserved_bytes,
        CASE
            WHEN event.step IS NULL THEN 'other'
            WHEN len(list_filter(spans, lambda span: at_ns >= span.start_ns AND at_ns < span.end_ns)) > 0 THEN 'optimizer'
            WHEN at_ns >= backward.start_ns AND at_ns < backward.end_ns THEN 'backward'
            ELSE 'forward'
        END AS phase
    FROM memory_event AS event
    LEFT JOIN optimized ON optimized.run_id = event.run_id AND optimized.rank = event.rank AND optimized.step = event.step
    LEFT JOIN backward ON backward.run_id = event.run_id AND backward.rank = event.rank AND backward.step = event.step
)
SELECT event.run_id, run.run, event.rank, event.device_id, event.phase, count(*) AS events, sum(bytes)::BIGINT AS growth_bytes,
    max(allocated_bytes) AS peak_allocated_bytes, max(reserved_bytes) AS peak_reserved_bytes,
    arg_max(at_ns, {bytes: allocated_bytes, earliness: -at_ns}) FILTER (allocated_bytes IS NOT NULL) AS at_ns
FROM event
JOIN run USING (run_id)
GROUP BY event.run_id, run.run, event.rank, event.device_id, event.phase;

COMMENT ON VIEW memory_phase IS 'The memory of one device in one phase of the steps: forward, backward, optimizer, or other.';
COMMENT ON COLUMN memory_phase.run_id IS 'Run of the memory.';
COMMENT ON COLUMN memory_phase.run IS 'Name of that run.';
COMMENT ON COLUMN memory_phase.rank IS 'Rank of the memory.';
COMMENT ON COLUMN memory_phase.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_phase.phase IS 'forward, backward, optimizer, or other: outside of steps.';
COMMENT ON COLUMN memory_phase.events IS 'How many allocations, frees and changes of what is reserved.';
COMMENT ON COLUMN memory_phase.growth_bytes IS 'Bytes allocated less bytes freed in the phase, over all steps.';
COMMENT ON COLUMN memory_phase.peak_allocated_bytes IS 'Most bytes in use by the allocator''s count during the phase, those of earlier phases included.';
COMMENT ON COLUMN memory_phase.peak_reserved_bytes IS 'Most bytes that the allocator held from the driver during the phase.';
COMMENT ON COLUMN memory_phase.at_ns IS 'When the most were in use.';
