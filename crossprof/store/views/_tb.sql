-- One row is one number of the TensorBoard plugin of PyTorch (torch-tb-profiler) for one Kineto file, or for one GPU of it. What did the
-- plugin say? GPU utilization, SM efficiency and occupancy are of one GPU from the start of the first to the end of the last step; only
-- kernels count, no copies. The rest is the mean over the steps: what is first of kernel, memcpy, memset, communication, runtime, data
-- loading and operators of the host (CPU Exec) has the time, whatever runs beside it; what is left is Other.
-- Blocks per SM and occupancy come together: CUPTI's kernels have both in the file, others neither.
-- A kernel is communication where the op that launched it is of c10d by name (nccl:all_reduce, ...); the op itself is too.
-- Caveat: CUPTI's ranges and projections of annotations onto a GPU, which the plugin took for steps and operators, are neither here.
-- uses: _peer_file, _peer_work, _tb_step
CREATE VIEW _tb AS
WITH reach AS (
    SELECT run_id, run, rank, capture, min(start_ns) AS start_ns, max(end_ns) AS end_ns, count(*) AS steps, sum(end_ns - start_ns) AS total_ns
    FROM _tb_step
    GROUP BY run_id, run, rank, capture
),
clipped AS (
    SELECT work.run_id, work.rank, work.capture, device_id, occupancy_ratio, greatest(work.start_ns, reach.start_ns) AS start_ns,
        least(work.end_ns, reach.end_ns) AS end_ns,
        if(occupancy_ratio IS NULL, 0, coalesce(list_product(try_cast(string_split(grid, ',') AS BIGINT[])), 0)) AS blocks, compute_units
    FROM _peer_work AS work
    JOIN reach USING (run_id, rank, capture)
    WHERE kind IN ('kernel', 'collective')
),
border AS (
    SELECT run_id, rank, capture, device_id, compute_units, start_ns AS at_ns, 1 AS kernels, blocks FROM clipped WHERE end_ns > start_ns
    UNION ALL
    SELECT run_id, rank, capture, device_id, compute_units, end_ns, -1, -blocks FROM clipped WHERE end_ns > start_ns
),
loaded AS (
    SELECT run_id, rank, capture, device_id, lead(at_ns) OVER in_time - at_ns AS dur_ns, sum(kernels) OVER so_far > 0 AS is_busy,
        sum(blocks) OVER so_far / compute_units AS blocks_per_unit
    FROM border
    WINDOW in_time AS (PARTITION BY run_id, rank, capture, device_id ORDER BY at_ns),
        so_far AS (PARTITION BY run_id, rank, capture, device_id ORDER BY at_ns ROWS UNBOUNDED PRECEDING)
),
gpu AS (
    SELECT run_id, rank, capture, device_id, sum(dur_ns) FILTER (is_busy) AS busy_ns,
        nullif(sum(dur_ns * least(coalesce(blocks_per_unit, 0), 1)) FILTER (is_busy), 0) AS filled_ns
    FROM loaded
    GROUP BY ALL
),
occupied AS (
    SELECT run_id, rank, capture, device_id, sum(occupancy_ratio * (end_ns - start_ns)) / sum(end_ns - start_ns) AS occupancy_ratio
    FROM clipped
    WHERE end_ns > start_ns AND occupancy_ratio >= 0
    GROUP BY ALL
),
host AS ( -- an op inside another adds nothing to the union of ops
    SELECT run_id, rank, name, start_ns, start_ns + dur_ns AS end_ns FROM op
    WHERE parent_id IS NULL OR regexp_matches(name, '^(nccl|gloo):|^enumerate\(Data')
    UNION ALL SELECT run_id, rank, name, start_ns, start_ns + dur_ns FROM annotation WHERE kind = 'user'
),
role AS (
    SELECT work.run_id, work.rank, work.capture, start_ns, end_ns, CASE kind
        WHEN 'memcpy' THEN 2
        WHEN 'memset' THEN 3
        ELSE if(communicating.op_id IS NULL, 1, 4) END AS role
    FROM _peer_work AS work
    LEFT JOIN (
        SELECT run_id, rank, op_id FROM op
        JOIN _peer_file USING (run_id, rank) -- so that a filter on the run reaches the ops
        WHERE regexp_full_match(name, '(nccl|gloo):(broadcast|reduce|all_reduce|all_gather|reduce_scatter)')
    ) AS communicating USING (run_id, rank, op_id)
    WHERE NOT is_xplane
    UNION ALL
    SELECT run_id, rank, capture, start_ns, start_ns + dur_ns, 5
    FROM runtime_call
    JOIN _peer_file USING (run_id, rank)
    WHERE start_ns >= since_ns AND start_ns < until_ns AND NOT is_xplane AND NOT regexp_matches(name, '^cu[A-Z]')
    UNION ALL
    SELECT run_id, rank, capture, start_ns, end_ns, CASE
        WHEN regexp_full_match(name, '(nccl|gloo):(broadcast|reduce|all_reduce|all_gather|reduce_scatter)') THEN 4
        WHEN regexp_matches(name, '^enumerate\(DataLoader\)#.*\.__next__$|^enumerate\(DataPipe\)#') THEN 6
        ELSE 7 END
    FROM host
    JOIN _peer_file USING (run_id, rank)
    WHERE start_ns >= since_ns AND start_ns < until_ns AND NOT is_xplane
    UNION ALL
    SELECT run_id, rank, capture, start_ns, end_ns, 8 FROM _tb_step
),
edge AS (
    SELECT run_id, rank, capture, start_ns AS at_ns, role, 1 AS opens FROM role
    UNION ALL SELECT run_id, rank, capture, end_ns, role, -1 FROM role
),
open AS (
    SELECT run_id, rank, capture, lead(at_ns) OVER in_time - at_ns AS dur_ns, sum(opens) FILTER (role = 8) OVER so_far > 0 AS is_step,
        [sum(opens) FILTER (role = 1) OVER so_far > 0, sum(opens) FILTER (role = 2) OVER so_far > 0,
            sum(opens) FILTER (role = 3) OVER so_far > 0, sum(opens) FILTER (role = 4) OVER so_far > 0,
            sum(opens) FILTER (role = 5) OVER so_far > 0, sum(opens) FILTER (role = 6) OVER so_far > 0,
            sum(opens) FILTER (role = 7) OVER so_far > 0, true] AS is_open
    FROM edge
    WINDOW in_time AS (PARTITION BY run_id, rank, capture ORDER BY at_ns),
        so_far AS (PARTITION BY run_id, rank, capture ORDER BY at_ns ROWS UNBOUNDED PRECEDING)
),
spent AS (
    SELECT run_id, rank, capture, list_position(is_open, true) AS role, sum(dur_ns) AS dur_ns
    FROM open
    WHERE is_step AND dur_ns > 0
    GROUP BY ALL
),
name AS (
    FROM (VALUES (1, 'kernel_time'), (2, 'memcpy_time'), (3, 'memset_time'), (4, 'communication_time'), (5, 'runtime_time'),
        (6, 'data_loader_time'), (7, 'cpu_exec_time'), (8, 'other_time')) AS name (role, name)
),
told AS (
    SELECT run_id, run, rank, capture, device_id, unnest([
        {metric: 'tb.gpu_utilization', value: busy_ns / (end_ns - start_ns)},
        {metric: 'tb.est_sm_efficiency', value: filled_ns / (end_ns - start_ns)},
        {metric: 'tb.est_achieved_occupancy', value: occupancy_ratio}
    ], recursive := true)
    FROM gpu
    JOIN reach USING (run_id, rank, capture)
    LEFT JOIN occupied USING (run_id, rank, capture, device_id)
    UNION ALL
    SELECT run_id, run, rank, capture, NULL, 'tb.' || name, coalesce(dur_ns, 0) / steps
    FROM reach
    CROSS JOIN name
    LEFT JOIN spent USING (run_id, rank, capture, role)
    UNION ALL
    SELECT run_id, run, rank, capture, NULL, 'tb.step_time', total_ns / steps FROM reach
)
FROM told
WHERE value IS NOT NULL;

COMMENT ON VIEW _tb IS 'One number of the TensorBoard plugin of PyTorch for one Kineto file, or for one GPU of it.';
COMMENT ON COLUMN _tb.run_id IS 'Run of the file.';
COMMENT ON COLUMN _tb.run IS 'Name of that run.';
COMMENT ON COLUMN _tb.rank IS 'Rank of the file.';
COMMENT ON COLUMN _tb.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _tb.device_id IS 'GPU of the number. NULL: of the steps.';
COMMENT ON COLUMN _tb.metric IS 'Id of the number: a row of the view metric says what it means.';
COMMENT ON COLUMN _tb.value IS 'Value in nanoseconds of a mean step, or a share of 0..1.';
