-- From the tables of a memory snapshot of torch (snapshot_pickle.py) to the staged relations. Variables: capture, settings.
-- The history is a ring buffer that may have been switched on late, so totals can't be summed from its start: they are counted back
-- from the state at its end. A block is in use until its free completes, as torch counts active bytes; the free may have been asked
-- for earlier. Left out: what the user noted (op_name is the name of an operator, which a snapshot does not know), and of the call stacks
-- all but the line of the user.

CREATE OR REPLACE TEMP TABLE snapshot_state AS
SELECT device, sum(active_size) AS active_bytes, sum(total_size) AS reserved_bytes, sum(live_blocks) AS live_blocks
FROM snapshot_segments GROUP BY device;

-- An event has the size that was asked for. The allocator hands out multiples of 512 bytes and counts those; where it leaves a
-- larger block whole, or rounds up to a power of two (roundup_power2_divisions), its count is higher by what the history does not say.
CREATE OR REPLACE TEMP TABLE snapshot_change AS
SELECT device, action, addr, source_line, rowid AS position, coalesce(time_us * 1000, rowid) AS at_ns,
    CASE action WHEN 'alloc' THEN 1 WHEN 'free_completed' THEN -1 ELSE 0 END AS blocks,
    blocks * greatest(512, (size + 511) // 512 * 512) AS bytes,
    CASE WHEN action IN ('segment_alloc', 'segment_map') THEN size WHEN action IN ('segment_free', 'segment_unmap') THEN -size ELSE 0
    END AS reserved
FROM snapshot_events;

CREATE OR REPLACE TEMP TABLE snapshot_total AS
SELECT change.*,
    coalesce(state.active_bytes, 0) - coalesce(sum(bytes) OVER later, 0) AS allocated_bytes,
    coalesce(state.reserved_bytes, 0) - coalesce(sum(reserved) OVER later, 0) AS reserved_bytes,
    coalesce(state.live_blocks, 0) - coalesce(sum(blocks) OVER later, 0) AS live_blocks
FROM snapshot_change AS change
LEFT JOIN snapshot_state AS state USING (device)
WINDOW later AS (PARTITION BY device ORDER BY position ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING);

INSERT INTO staged_memory_event BY NAME -- a segment that comes or goes changes what is reserved alone
SELECT device AS device_id, at_ns, bytes, addr AS address, allocated_bytes, reserved_bytes, source_line, getvariable('capture') AS capture
FROM snapshot_total WHERE blocks <> 0 OR reserved <> 0 ORDER BY device, position;

-- A range ends at the next end of its name.
INSERT INTO staged_annotation BY NAME
SELECT opened.name, 'user' AS kind, opened.time_us * 1000 AS start_ns, closed.time_us * 1000 AS end_ns, false AS nests,
    getvariable('capture') AS capture
FROM (FROM snapshot_annotations WHERE stage = 'START') AS opened
ASOF JOIN (FROM snapshot_annotations WHERE stage = 'END') AS closed
    ON opened.device = closed.device AND opened.name = closed.name AND opened.time_us <= closed.time_us;

INSERT INTO staged_device BY NAME
SELECT DISTINCT device AS device_id, 'gpu' AS kind
FROM snapshot_events WHERE device NOT IN (SELECT device_id FROM staged_device WHERE device_id IS NOT NULL);

INSERT INTO staged_fact
SELECT key, value, getvariable('capture')
FROM (
    SELECT 'framework' AS key, 'torch' AS value
    UNION ALL SELECT 'n_events', count(*)::VARCHAR FROM snapshot_events
    UNION ALL SELECT 'options_effective', getvariable('settings') WHERE getvariable('settings') <> 'null'
);

INSERT INTO staged_finding BY NAME
SELECT 'memory_history_partial' AS code, 'warning' AS severity, live_blocks - blocks AS count,
    printf('The history of device %d begins with %d blocks of together %s in use: it was switched on later, or is longer than its '
        || 'ring buffer. Switch it on first, with a larger max_entries.', device, live_blocks - blocks, format_bytes((allocated_bytes - bytes)::BIGINT)) AS detail,
    'Totals hold, counted back from the state at the end; a peak before the first event is not among them.' AS effect,
    getvariable('capture') AS capture
FROM (SELECT DISTINCT ON (device) * FROM snapshot_total ORDER BY device, position)
WHERE live_blocks - blocks > 0;

INSERT INTO staged_finding BY NAME
SELECT 'out_of_memory' AS code, 'warning' AS severity, count(*) AS count,
    printf('Device %d ran out of memory %d times, at the last asked for %d bytes with %d free.', device, count(*),
        arg_max(size, rowid), arg_max(coalesce(device_free, 0), rowid)) AS detail,
    'What ran then was slowed by freeing and asking again, or failed: the peak is the limit of the device, not what was needed.' AS effect,
    getvariable('capture') AS capture
FROM snapshot_events WHERE action = 'oom' GROUP BY device;

INSERT INTO staged_finding BY NAME
SELECT 'events_without_time' AS code, 'warning' AS severity, count(*) AS count,
    count(*) || ' events of the history have no time: versions of torch before 2.2 write none.' AS detail,
    'Their order holds and stands in for the time; nothing can be laid beside it.' AS effect, getvariable('capture') AS capture
FROM snapshot_events WHERE time_us IS NULL HAVING count(*) > 0;

INSERT INTO staged_finding BY NAME
SELECT 'no_events' AS code, 'error' AS severity, 1 AS count,
    printf('The snapshot holds a state (%d bytes in use, %d reserved) but no history: call torch.cuda.memory._record_memory_history() '
        || 'before the work.', coalesce(sum(active_bytes), 0)::BIGINT, coalesce(sum(reserved_bytes), 0)::BIGINT) AS detail,
    'There is nothing to measure over time.' AS effect, getvariable('capture') AS capture
FROM snapshot_state HAVING NOT EXISTS (FROM snapshot_events);

DROP TABLE snapshot_total;
DROP TABLE snapshot_change;
DROP TABLE snapshot_state;
DROP TABLE snapshot_segments;
DROP TABLE snapshot_events;
DROP TABLE snapshot_annotations;
