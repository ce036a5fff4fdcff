-- One row is one collective on one device, with its counterparts on the other devices and ranks. How much of it moved data, how much was waiting?
-- A collective ends on all its devices at once, and the last to come waits for nobody: the shortest duration over the devices is the
-- transfer, what one spends beyond that is waiting. Clocks do not matter to this. Instances are matched as in _clock: by process group,
-- name and number, where every device of the run that has any of them has as many.
-- Caveats: groups without a name are taken for one group. Point-to-point transfers have no instance in common: their waiting is not known.
CREATE VIEW _collective AS
WITH named AS (
    SELECT run_id, rank, device_id, kernel_id, stream, name, coalesce(step, device_step) AS step, start_ns, dur_ns, process_group, group_size,
        bytes, regexp_replace(lower(name), '[-_ ]', '', 'g') AS word
    FROM kernel
    WHERE kind = 'collective'
),
sorted AS (
    SELECT named.* EXCLUDE (word),
        CASE
            WHEN regexp_matches(word, 'allreduce|crossdevicereduce') THEN 'all_reduce'
            WHEN contains(word, 'allgather') THEN 'all_gather'
            WHEN contains(word, 'reducescatter') THEN 'reduce_scatter'
            WHEN regexp_matches(word, 'alltoall|all2all') THEN 'all_to_all'
            WHEN regexp_matches(word, 'broadcast|bcast') THEN 'broadcast'
            WHEN regexp_matches(word, 'send|recv') THEN 'send_recv'
            WHEN contains(word, 'reduce') THEN 'reduce'
        END AS operation,
        row_number() OVER (PARTITION BY run_id, rank, device_id, process_group, name ORDER BY start_ns, kernel_id) AS number,
        count(*) OVER (PARTITION BY run_id, rank, device_id, process_group, name) AS instances
    FROM named
),
matched AS (
    SELECT *, count(*) OVER instance AS participants, min(dur_ns) OVER instance AS shortest_ns,
        min(instances) OVER instance = max(instances) OVER instance AS is_whole
    FROM sorted
    WINDOW instance AS (PARTITION BY run_id, process_group, name, number)
),
timed AS (
    SELECT *,
        if(participants > 1 AND participants <= coalesce(group_size, participants) AND is_whole AND operation IS DISTINCT FROM 'send_recv',
            shortest_ns, NULL) AS transfer_ns
    FROM matched
)
SELECT timed.run_id, run.run, rank, device_id, kernel_id, stream, name, operation, step, start_ns, dur_ns, process_group, group_size, bytes, number,
    participants, transfer_ns, dur_ns - transfer_ns AS wait_ns,
    if(operation = 'all_gather', bytes * group_size, bytes) AS moved_bytes,
    CASE
        WHEN operation = 'all_reduce' THEN 2 * (group_size - 1) / group_size
        WHEN operation IN ('all_gather', 'reduce_scatter', 'all_to_all') THEN (group_size - 1) / group_size
        WHEN operation IN ('broadcast', 'reduce', 'send_recv') THEN 1
    END AS bus_ratio
FROM timed
JOIN run USING (run_id);

COMMENT ON VIEW _collective IS 'One collective on one device, with its counterparts on the others.';
COMMENT ON COLUMN _collective.run_id IS 'Run of the collective.';
COMMENT ON COLUMN _collective.run IS 'Name of that run.';
COMMENT ON COLUMN _collective.rank IS 'Rank of it.';
COMMENT ON COLUMN _collective.device_id IS 'Device that it ran on.';
COMMENT ON COLUMN _collective.kernel_id IS 'Number of the kernel.';
COMMENT ON COLUMN _collective.stream IS 'Stream that it ran on.';
COMMENT ON COLUMN _collective.name IS 'Name of the kernel.';
COMMENT ON COLUMN _collective.operation IS 'all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce or send_recv, by the name of the kernel. NULL where that does not tell.';
COMMENT ON COLUMN _collective.step IS 'Step of its launch, by device time where no launch is in the file.';
COMMENT ON COLUMN _collective.start_ns IS 'Start on the device.';
COMMENT ON COLUMN _collective.dur_ns IS 'Duration on the device, waiting included.';
COMMENT ON COLUMN _collective.process_group IS 'Process group.';
COMMENT ON COLUMN _collective.group_size IS 'Ranks in that group.';
COMMENT ON COLUMN _collective.bytes IS 'Size of the input of one rank.';
COMMENT ON COLUMN _collective.number IS 'Number among those of its name in its group, from 1.';
COMMENT ON COLUMN _collective.participants IS 'Devices of the run, over all ranks in the store, that have this instance.';
COMMENT ON COLUMN _collective.transfer_ns IS 'Shortest duration over these. NULL where there is one only, or where their numbers do not match.';
COMMENT ON COLUMN _collective.wait_ns IS 'dur_ns less transfer_ns: what this device waited for others.';
COMMENT ON COLUMN _collective.moved_bytes IS 'Size as the NCCL tests count it: the input of one rank, of an all_gather the output.';
COMMENT ON COLUMN _collective.bus_ratio IS 'Traffic on the slowest link over moved_bytes, as in the NCCL tests. NULL where operation or group size is not known.';
