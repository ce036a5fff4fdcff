-- What is known of one event: work of a device with its launch, an operator, a runtime call. A range and a step have no more than they show.
SELECT launch.step, launch.device_step, launch.call_id, launch.call_name, launch.thread, launch.delay_ns, launch.op_id, launch.op_name,
    launch.root_op_name, launch.module, kernel.grid, kernel.block, kernel.registers_per_thread, kernel.shared_memory_bytes,
    kernel.occupancy_ratio, kernel.bytes, kernel.flops, kernel.process_group, kernel.group_size
FROM kernel_launch AS launch
JOIN kernel USING (run_id, rank, kernel_id)
WHERE run_id = $run_id AND rank = $rank AND kernel_id = $id;

SELECT step, thread, self_ns, device_ns, module, shapes, dtypes, is_backward, flops, stack
FROM op
WHERE run_id = $run_id AND rank = $rank AND op_id = $id;

SELECT call.step, call.thread, call.kind AS call_kind, op.name AS op_name
FROM runtime_call AS call
LEFT JOIN op ON op.run_id = call.run_id AND op.rank = call.rank AND op.op_id = call.op_id
WHERE call.run_id = $run_id AND call.rank = $rank AND call.call_id = $id;

-- from a call, an operator or a piece of work: the launches and the work that they launched
SELECT call_id, kernel_id
FROM kernel
WHERE run_id = $run_id AND rank = $rank AND call_id IS NOT NULL
    AND CASE $kind WHEN 0 THEN kernel_id WHEN 1 THEN op_id ELSE call_id END = $id
ORDER BY start_ns
LIMIT 24;
