-- Work on devices, with its launch and the op around that. Variables: run_id, rank.

INSERT INTO kernel BY NAME
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, staged.device_id, work.number AS kernel_id, staged.name,
    CASE WHEN staged.kind = 'kernel' AND (known.category = 'communication' OR staged.process_group IS NOT NULL) THEN 'collective'
        ELSE staged.kind END AS kind,
    CASE WHEN staged.kind IN ('memcpy', 'memset') THEN 'copy' WHEN staged.process_group IS NOT NULL THEN 'communication'
        ELSE known.category END AS category,
    staged.start_ns, greatest(coalesce(staged.end_ns, staged.start_ns) - staged.start_ns, 0) AS dur_ns, staged.stream,
    staged.correlation_id, launch.call_id, launch.op_id, launch.step,
    work.step AS device_step, coalesce(staged.op_name, launch.op_name) AS op_name, staged.module, staged.bytes, staged.flops,
    staged.bytes_accessed, staged.grid, staged.block, staged.registers_per_thread, staged.shared_memory_bytes,
    staged.occupancy_ratio, staged.graph_node_id, staged.process_group, staged.group_size,
    launch.start_ns AS launch_ns, launch.root_op_id
FROM (
    SELECT rowid AS source, * REPLACE (name::kernel_name AS name, stream::kernel_stream AS stream, op_name::kernel_op_name AS op_name, module::kernel_module AS module,
        grid::kernel_grid AS grid, block::kernel_block AS block)
    FROM staged_kernel
) AS staged
JOIN work ON work.source = staged.source
JOIN (SELECT * REPLACE (name::kernel_name AS name) FROM kernel_category) AS known
    ON known.name = staged.name AND known.hlo_category IS NOT DISTINCT FROM staged.hlo_category
LEFT JOIN launch ON launch.correlation_id = staged.correlation_id AND launch.capture IS NOT DISTINCT FROM staged.capture;
