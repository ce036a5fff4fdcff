-- One row is one piece of work on a device, with what launched it. Which call, operator and step does a kernel come from?
-- One call may own many rows: the nodes of a CUDA or HIP graph share it.
-- Caveat: work launched by a graph belongs to the operator around the launch of the graph; the operators that the graph was recorded from
-- are not in the trace. Triton and Inductor launch outside of any operator.
CREATE VIEW kernel_launch AS
SELECT kernel.run_id, run.run, kernel.rank, device_id, kernel_id, kernel.name, kernel.kind, kernel.category, stream, kernel.start_ns,
    kernel.dur_ns, kernel.step, device_step, kernel.call_id, call.name AS call_name, call.kind AS call_kind, call.thread, launch_ns,
    call.dur_ns AS call_dur_ns, if(kernel.start_ns < launch_ns, 0, kernel.start_ns - launch_ns) AS delay_ns, kernel.op_id, op_name,
    kernel.root_op_id, root.name AS root_op_name, kernel.module, graph_node_id
FROM kernel
LEFT JOIN runtime_call AS call ON call.run_id = kernel.run_id AND call.rank = kernel.rank AND call.call_id = kernel.call_id
LEFT JOIN (SELECT run_id, rank, op_id, name FROM op WHERE depth = 0) AS root
    ON root.run_id = kernel.run_id AND root.rank = kernel.rank AND root.op_id = kernel.root_op_id
LEFT JOIN run ON run.run_id = kernel.run_id; -- each kernel has a run; by an inner join a page of rows would wait for all of them

COMMENT ON VIEW kernel_launch IS 'One piece of work on a device, with the call, the operators and the step that it comes from.';
COMMENT ON COLUMN kernel_launch.run_id IS 'Run of the work.';
COMMENT ON COLUMN kernel_launch.run IS 'Name of that run.';
COMMENT ON COLUMN kernel_launch.rank IS 'Rank that launched it.';
COMMENT ON COLUMN kernel_launch.device_id IS 'Device that it ran on.';
COMMENT ON COLUMN kernel_launch.kernel_id IS 'Number, unique in (run_id, rank), by start.';
COMMENT ON COLUMN kernel_launch.name IS 'Name of the kernel or HLO instruction, or of the copy.';
COMMENT ON COLUMN kernel_launch.kind IS 'kernel, collective, memcpy, memset or async.';
COMMENT ON COLUMN kernel_launch.category IS 'Sort of work.';
COMMENT ON COLUMN kernel_launch.stream IS 'Stream or line of the device.';
COMMENT ON COLUMN kernel_launch.start_ns IS 'Start on the device.';
COMMENT ON COLUMN kernel_launch.dur_ns IS 'Duration on the device.';
COMMENT ON COLUMN kernel_launch.step IS 'Step of the launch.';
COMMENT ON COLUMN kernel_launch.device_step IS 'Step whose host window holds its start on the device.';
COMMENT ON COLUMN kernel_launch.call_id IS 'Call that launched it. NULL where the launch is not in the file.';
COMMENT ON COLUMN kernel_launch.call_name IS 'Name of that call: cudaLaunchKernel, cudaGraphLaunch, ...';
COMMENT ON COLUMN kernel_launch.call_kind IS 'Kind of that call: launch, graph_launch, memcpy, memset, ...';
COMMENT ON COLUMN kernel_launch.thread IS 'Thread of that call.';
COMMENT ON COLUMN kernel_launch.launch_ns IS 'Start of that call.';
COMMENT ON COLUMN kernel_launch.call_dur_ns IS 'Duration of that call on the host.';
COMMENT ON COLUMN kernel_launch.delay_ns IS 'From the start of the call to the start on the device; 0 where the clocks put that before the call. HTA counts from the end of the call.';
COMMENT ON COLUMN kernel_launch.op_id IS 'Innermost operator around the call.';
COMMENT ON COLUMN kernel_launch.op_name IS 'Name of that operator, or of the one that the trace itself names.';
COMMENT ON COLUMN kernel_launch.root_op_id IS 'Outermost operator around the call, on its thread.';
COMMENT ON COLUMN kernel_launch.root_op_name IS 'Name of the outermost operator.';
COMMENT ON COLUMN kernel_launch.module IS 'XLA module, or module of the model.';
COMMENT ON COLUMN kernel_launch.graph_node_id IS 'Node of the graph that it is.';
