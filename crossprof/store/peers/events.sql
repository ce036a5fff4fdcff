-- What the numbers of other tools are computed from, read once for all of them. Statements are separated by a line of three dashes.
-- A process is one rank of one run; its files are its profiling windows. Texts are judged here, where each is looked at once.

-- The files.
CREATE OR REPLACE TEMP TABLE peer_file AS
SELECT (dense_rank() OVER (ORDER BY run_id, rank) - 1)::INTEGER AS process, run_id, rank, capture, since_ns, until_ns, is_xplane
FROM _peer_file;
CREATE OR REPLACE TEMP TABLE peer_process AS
SELECT process, run_id, rank, bool_or(NOT is_xplane) AS has_kineto FROM peer_file GROUP BY ALL;
---
-- Work on devices; `async` is none to any tool. Kineto's own kernels have a grid too where they lack an occupancy, which counts as no blocks.
SELECT process, kernel.device_id, start_ns, start_ns + dur_ns AS end_ns, coalesce(call_id, -1) AS call_id, coalesce(op_id, -1) AS op_id,
    coalesce(occupancy_ratio, -1) AS occupancy_ratio, coalesce(compute_units, 0)::BIGINT AS compute_units,
    if(occupancy_ratio IS NULL, 0, coalesce(list_product(try_cast(string_split(grid, ',') AS BIGINT[])), 0))::DOUBLE AS blocks,
    (kernel.kind = 'memcpy')::UTINYINT AS is_copy, (kernel.kind = 'memset')::UTINYINT AS is_memset,
    (contains(name, 'nccl') OR contains(name, 'rccl'))::UTINYINT AS is_named_collective,
    (contains(name, 'Memcpy') OR starts_with(name, 'Memset') OR contains(name, 'Sync') OR starts_with(name, 'dma'))::UTINYINT AS is_named_copy,
    (module IS NOT NULL)::UTINYINT AS has_module, coalesce(device.kind = 'tpu', false)::UTINYINT AS is_tpu
FROM kernel
JOIN peer_process USING (run_id, rank)
LEFT JOIN device ON device.run_id = kernel.run_id AND device.rank = kernel.rank AND device.device_id = kernel.device_id
WHERE kernel.kind <> 'async';
---
-- Calls of the runtime, and of the driver: cuLaunchKernel, ...
SELECT process, call_id, start_ns, start_ns + dur_ns AS end_ns,
    (starts_with(name, 'cu') AND name[3] BETWEEN 'A' AND 'Z')::UTINYINT AS is_of_driver
FROM runtime_call
JOIN peer_process USING (run_id, rank)
WHERE has_kineto;
---
-- Operators that no other holds, annotations of users, programs on the cores of TPUs, and the marks of steps. `id` is that of an operator,
-- the device of a program, and the same for marks of one name.
WITH host AS (
    SELECT run_id, rank, name, 'op' AS sort, op_id AS id, start_ns, dur_ns FROM op
    WHERE parent_id IS NULL OR starts_with(name, 'nccl:') OR starts_with(name, 'gloo:') OR starts_with(name, 'enumerate(Data')
    UNION ALL
    SELECT run_id, rank, name, kind, if(kind = 'module', device_id, (hash(name) >> 1)::BIGINT), start_ns, dur_ns FROM annotation
    WHERE kind = 'user' OR kind = 'step' AND starts_with(name, 'ProfilerStep') OR kind = 'module' AND device_id IS NOT NULL
)
SELECT process, id, start_ns, start_ns + dur_ns AS end_ns, (sort = 'op')::UTINYINT AS is_op, (sort IN ('op', 'user'))::UTINYINT AS is_activity,
    (sort = 'module')::UTINYINT AS is_program, (sort = 'step')::UTINYINT AS is_mark,
    (sort = 'step' AND starts_with(name, 'ProfilerStep#'))::UTINYINT AS is_numbered,
    (name IN ('nccl:broadcast', 'nccl:reduce', 'nccl:all_reduce', 'nccl:all_gather', 'nccl:reduce_scatter',
        'gloo:broadcast', 'gloo:reduce', 'gloo:all_reduce', 'gloo:all_gather', 'gloo:reduce_scatter'))::UTINYINT AS is_communicating,
    (starts_with(name, 'enumerate(DataLoader)#') AND ends_with(name, '.__next__') OR starts_with(name, 'enumerate(DataPipe)#'))::UTINYINT AS is_loading
FROM host
JOIN peer_process USING (run_id, rank)
WHERE has_kineto OR sort = 'module';
---
-- How far the operators of a file reach.
SELECT process, capture, min(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns
FROM op
JOIN peer_file USING (run_id, rank)
WHERE start_ns >= since_ns AND start_ns < until_ns AND NOT is_xplane
GROUP BY ALL;
---
INSERT INTO rollup.peer_metric BY NAME
SELECT unnest($run_id::VARCHAR[]) AS run_id, unnest($rank::INTEGER[]) AS rank, unnest($capture::INTEGER[]) AS capture,
    unnest($device_id::BIGINT[]) AS device_id, unnest($metric::VARCHAR[]) AS metric, unnest($value::DOUBLE[]) AS value
