-- The tables: the one definition of every noun of crossprof.
-- A part (one rank of one run) holds one Parquet file for each table that has rows.
-- Conventions: *_ns are int64 nanoseconds, instants are unix time; *_bytes are bytes; *_ratio lie in 0..1;
-- a NULL means "the source does not say", never zero. (run_id, rank) is the key of a part.

CREATE TABLE run (
    run_id VARCHAR NOT NULL, run VARCHAR NOT NULL,
    framework VARCHAR, framework_version VARCHAR, model VARCHAR, precision VARCHAR, phase VARCHAR,
    batch_size BIGINT, world_size INTEGER, device_kind VARCHAR, device_model VARCHAR, device_count INTEGER,
    started_ns BIGINT, ended_ns BIGINT, status VARCHAR, source VARCHAR,
    host VARCHAR, python_version VARCHAR, git_commit VARCHAR, git_is_dirty BOOLEAN, links MAP(VARCHAR, VARCHAR),
    tags MAP(VARCHAR, VARCHAR), config JSON, versions MAP(VARCHAR, VARCHAR), environment MAP(VARCHAR, VARCHAR),
    options_requested JSON, options_effective JSON, crossprof_version VARCHAR
);
COMMENT ON TABLE run IS 'One recorded job.';
COMMENT ON COLUMN run.run_id IS 'Identity of the run: unique in a store, the same in all its ranks.';
COMMENT ON COLUMN run.run IS 'Name of the run. Several runs may share a name; the latest of them answers to it.';
COMMENT ON COLUMN run.framework IS 'torch, tensorflow, jax, onnxruntime, or NULL where the trace does not tell.';
COMMENT ON COLUMN run.framework_version IS 'Version of that framework as it reports itself.';
COMMENT ON COLUMN run.model IS 'Name of the model, as the user gave it.';
COMMENT ON COLUMN run.precision IS 'Numeric precision of the work, as the user gave it: float32, bf16, fp16, ...';
COMMENT ON COLUMN run.phase IS 'training or inference, as the user gave it.';
COMMENT ON COLUMN run.batch_size IS 'Samples per step and rank.';
COMMENT ON COLUMN run.world_size IS 'Number of ranks that the job had. More than the parts at hand: the run is partial.';
COMMENT ON COLUMN run.device_kind IS 'Kind of the devices that did the work: gpu, tpu, cpu, accelerator.';
COMMENT ON COLUMN run.device_model IS 'Model of those devices.';
COMMENT ON COLUMN run.device_count IS 'Number of those devices on this rank.';
COMMENT ON COLUMN run.started_ns IS 'Start of the recording, or of the first event of a foreign trace.';
COMMENT ON COLUMN run.ended_ns IS 'End of the recording, or of the last event of a foreign trace. NULL where the process died.';
COMMENT ON COLUMN run.status IS 'completed, failed (the user''s code raised), interrupted (a signal), killed (no end was written), imported (a foreign trace).';
COMMENT ON COLUMN run.source IS 'recording (crossprof''s own collectors) or trace (a foreign file).';
COMMENT ON COLUMN run.host IS 'Host name of the rank.';
COMMENT ON COLUMN run.python_version IS 'Version of Python.';
COMMENT ON COLUMN run.git_commit IS 'Commit of the working directory that the script ran in.';
COMMENT ON COLUMN run.git_is_dirty IS 'Whether that working directory had uncommitted changes.';
COMMENT ON COLUMN run.links IS 'Runs of other trackers that go with it: wandb and mlflow (address, else id), tensorboard (log directory).';
COMMENT ON COLUMN run.tags IS 'Tags of the user.';
COMMENT ON COLUMN run.config IS 'Configuration of the user, any JSON.';
COMMENT ON COLUMN run.versions IS 'Versions of the packages that matter: package name to version; category_rules is a hash of the rule table.';
COMMENT ON COLUMN run.environment IS 'Environment variables that decide what a figure means (allocators, device order, threads).';
COMMENT ON COLUMN run.options_requested IS 'Profiler options and schedule asked for.';
COMMENT ON COLUMN run.options_effective IS 'Profiler options and schedule that were in force, read back where the profiler tells.';
COMMENT ON COLUMN run.crossprof_version IS 'Version of crossprof that recorded the run, or that ingested a foreign trace.';

CREATE TABLE rank (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL,
    local_rank INTEGER, host VARCHAR, boot_id VARCHAR, pid BIGINT,
    clock_offset_ns BIGINT, clock_residual_ns BIGINT, started_ns BIGINT, ended_ns BIGINT, status VARCHAR,
    step_count BIGINT, profiled_step_count BIGINT, capture_count INTEGER,
    profiler_start_ns BIGINT, profiler_stop_ns BIGINT, profiler_export_ns BIGINT, sampler_cpu_ratio DOUBLE
);
COMMENT ON TABLE rank IS 'One process of a run.';
COMMENT ON COLUMN rank.run_id IS 'Run of the process.';
COMMENT ON COLUMN rank.rank IS 'Global rank, 0 for a single process.';
COMMENT ON COLUMN rank.local_rank IS 'Rank on its host.';
COMMENT ON COLUMN rank.host IS 'Host name.';
COMMENT ON COLUMN rank.boot_id IS 'Boot id of the host''s kernel: equal ids share one clock.';
COMMENT ON COLUMN rank.pid IS 'Process id.';
COMMENT ON COLUMN rank.clock_offset_ns IS 'Offset to add to this rank''s times to bring them onto the clock of the run''s lowest rank. 0 on one host, NULL where it can''t be told.';
COMMENT ON COLUMN rank.clock_residual_ns IS 'Spread left after the offset is applied: the median distance of collectives from it. NULL where no offset was estimated.';
COMMENT ON COLUMN rank.started_ns IS 'Start of the recording on this rank.';
COMMENT ON COLUMN rank.ended_ns IS 'End of the recording on this rank.';
COMMENT ON COLUMN rank.status IS 'completed, failed, interrupted, killed or imported, of this rank.';
COMMENT ON COLUMN rank.step_count IS 'Steps of this rank, profiled or not.';
COMMENT ON COLUMN rank.profiled_step_count IS 'Steps under the profiler, its warm-up step included.';
COMMENT ON COLUMN rank.capture_count IS 'Profiling windows of this rank.';
COMMENT ON COLUMN rank.profiler_start_ns IS 'Time spent starting the profiler, over all windows (a duration).';
COMMENT ON COLUMN rank.profiler_stop_ns IS 'Time spent stopping the profiler, over all windows (a duration).';
COMMENT ON COLUMN rank.profiler_export_ns IS 'Time spent writing traces, over all windows (a duration).';
COMMENT ON COLUMN rank.sampler_cpu_ratio IS 'CPU time of the telemetry thread over the time it ran.';

CREATE TABLE device (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, device_id BIGINT NOT NULL,
    kind VARCHAR, vendor VARCHAR, model VARCHAR, uuid VARCHAR, memory_bytes BIGINT, compute_units INTEGER,
    compute_capability VARCHAR, source VARCHAR
);
COMMENT ON TABLE device IS 'One GPU, TPU, other accelerator or CPU of a rank.';
COMMENT ON COLUMN device.run_id IS 'Run of the device.';
COMMENT ON COLUMN device.rank IS 'Rank that used it.';
COMMENT ON COLUMN device.device_id IS 'Number of the device as the trace names it; -1 is the CPU.';
COMMENT ON COLUMN device.kind IS 'gpu, tpu, cpu or accelerator.';
COMMENT ON COLUMN device.vendor IS 'NVIDIA, AMD, Google, Intel, Meta, ...';
COMMENT ON COLUMN device.model IS 'Model name.';
COMMENT ON COLUMN device.uuid IS 'UUID: what telemetry is joined by, never the index.';
COMMENT ON COLUMN device.memory_bytes IS 'Memory of the device; of the host for a CPU.';
COMMENT ON COLUMN device.compute_units IS 'SMs, CUs, cores.';
COMMENT ON COLUMN device.compute_capability IS 'CUDA compute capability or architecture name.';
COMMENT ON COLUMN device.source IS 'trace, nvml, amdsmi, libtpu, framework or fake (a test double, never a measurement).';

CREATE TABLE capture (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, capture INTEGER NOT NULL,
    trigger VARCHAR, reason VARCHAR, state VARCHAR, first_step BIGINT, last_step BIGINT, started_ns BIGINT, stopped_ns BIGINT, bytes BIGINT
);
COMMENT ON TABLE capture IS 'One profiling window of a rank that crossprof recorded: several of one job are windows of one run.';
COMMENT ON COLUMN capture.run_id IS 'Run of the window.';
COMMENT ON COLUMN capture.rank IS 'Rank that it was taken on.';
COMMENT ON COLUMN capture.capture IS 'Number of the window, from 0. One that was dropped to keep within keep_bytes leaves a gap.';
COMMENT ON COLUMN capture.trigger IS 'What asked for it: schedule, every, every_seconds, after_seconds, slow_step, demand, or script (a profiler of the script itself). NULL in older recordings.';
COMMENT ON COLUMN capture.reason IS 'Why it was taken then, in words.';
COMMENT ON COLUMN capture.state IS 'complete, failed (the profiler broke), or recording (the process ended in it).';
COMMENT ON COLUMN capture.first_step IS 'Its first step, the warm-up.';
COMMENT ON COLUMN capture.last_step IS 'Its last step.';
COMMENT ON COLUMN capture.started_ns IS 'When the profiler was on.';
COMMENT ON COLUMN capture.stopped_ns IS 'When it was told to stop.';
COMMENT ON COLUMN capture.bytes IS 'Size of its files, compressed where that was done.';

CREATE TABLE step (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, step BIGINT NOT NULL,
    start_ns BIGINT NOT NULL, dur_ns BIGINT NOT NULL, is_profiled BOOLEAN NOT NULL, is_warmup BOOLEAN NOT NULL,
    capture INTEGER, samples BIGINT, tokens BIGINT, source VARCHAR
);
COMMENT ON TABLE step IS 'One iteration of a rank: [start, next start) less the profiler''s own work between two steps.';
COMMENT ON COLUMN step.run_id IS 'Run of the step.';
COMMENT ON COLUMN step.rank IS 'Rank that ran it.';
COMMENT ON COLUMN step.step IS 'Number of the step, from 0 in a recording, as marked in a foreign trace.';
COMMENT ON COLUMN step.start_ns IS 'Start on the host.';
COMMENT ON COLUMN step.dur_ns IS 'Wall time on the host. The last step of a foreign trace has its own duration.';
COMMENT ON COLUMN step.is_profiled IS 'Whether a profiler was on during the whole step.';
COMMENT ON COLUMN step.is_warmup IS 'Left out of every statistic: the first steps of a run, the first profiled step of each capture, and the step after one.';
COMMENT ON COLUMN step.capture IS 'Profiling window that the step belongs to. NULL for a bare step.';
COMMENT ON COLUMN step.samples IS 'Samples that the step handled on this rank.';
COMMENT ON COLUMN step.tokens IS 'Tokens that the step handled on this rank.';
COMMENT ON COLUMN step.source IS 'crossprof (our own marker) or profiler (a marker in the trace).';

CREATE TABLE kernel (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, device_id BIGINT NOT NULL, kernel_id BIGINT NOT NULL,
    name VARCHAR NOT NULL, kind VARCHAR NOT NULL, category VARCHAR NOT NULL,
    start_ns BIGINT NOT NULL, dur_ns BIGINT NOT NULL, stream VARCHAR,
    correlation_id BIGINT, call_id BIGINT, op_id BIGINT, step BIGINT, device_step BIGINT,
    op_name VARCHAR, module VARCHAR, bytes BIGINT, flops BIGINT, bytes_accessed BIGINT,
    grid VARCHAR, block VARCHAR, registers_per_thread INTEGER, shared_memory_bytes BIGINT, occupancy_ratio DOUBLE,
    graph_node_id BIGINT, process_group VARCHAR, group_size INTEGER, launch_ns BIGINT, root_op_id BIGINT
);
COMMENT ON TABLE kernel IS 'One piece of work on a device. An independent count of kernels is kind in (kernel, collective).';
COMMENT ON COLUMN kernel.run_id IS 'Run of the work.';
COMMENT ON COLUMN kernel.rank IS 'Rank that launched it.';
COMMENT ON COLUMN kernel.device_id IS 'Device that it ran on.';
COMMENT ON COLUMN kernel.kernel_id IS 'Number, unique in (run_id, rank), by start.';
COMMENT ON COLUMN kernel.name IS 'Name of the kernel or HLO instruction, or of the copy.';
COMMENT ON COLUMN kernel.kind IS 'kernel, collective, memcpy, memset, or async (TPU asynchronous lines: in no busy or breakdown figure).';
COMMENT ON COLUMN kernel.category IS 'Sort of work, from the rule table: gemm, attention, conv, norm, ..., other.';
COMMENT ON COLUMN kernel.start_ns IS 'Start on the device.';
COMMENT ON COLUMN kernel.dur_ns IS 'Duration: rounded end minus rounded start, never negative.';
COMMENT ON COLUMN kernel.stream IS 'Stream or line of the device.';
COMMENT ON COLUMN kernel.correlation_id IS 'Number that ties it to its launch; one launch may own many kernels (graphs).';
COMMENT ON COLUMN kernel.call_id IS 'runtime_call that launched it.';
COMMENT ON COLUMN kernel.op_id IS 'Innermost op around that launch.';
COMMENT ON COLUMN kernel.step IS 'Step of the launch. NULL where the launch is not in the file.';
COMMENT ON COLUMN kernel.device_step IS 'Step whose host window holds the start of the work on the device.';
COMMENT ON COLUMN kernel.op_name IS 'Framework operator that it stems from, where the trace names it.';
COMMENT ON COLUMN kernel.module IS 'XLA module, or module of the model.';
COMMENT ON COLUMN kernel.bytes IS 'Bytes moved by a copy, set or collective.';
COMMENT ON COLUMN kernel.flops IS 'Floating-point operations, where the trace tells (HLO cost).';
COMMENT ON COLUMN kernel.bytes_accessed IS 'Memory traffic, where the trace tells (HLO cost).';
COMMENT ON COLUMN kernel.grid IS 'Launch grid, x,y,z.';
COMMENT ON COLUMN kernel.block IS 'Launch block, x,y,z.';
COMMENT ON COLUMN kernel.registers_per_thread IS 'Registers per thread.';
COMMENT ON COLUMN kernel.shared_memory_bytes IS 'Shared memory per block.';
COMMENT ON COLUMN kernel.occupancy_ratio IS 'Occupancy estimated by the profiler.';
COMMENT ON COLUMN kernel.graph_node_id IS 'Node of a CUDA graph.';
COMMENT ON COLUMN kernel.process_group IS 'Process group of a collective.';
COMMENT ON COLUMN kernel.group_size IS 'Ranks in that group.';
COMMENT ON COLUMN kernel.launch_ns IS 'Start of the runtime_call that launched it. NULL where the launch is not in the file.';
COMMENT ON COLUMN kernel.root_op_id IS 'Outermost op around that launch, on the thread of op_id.';

CREATE TABLE op (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, op_id BIGINT NOT NULL, parent_id BIGINT, depth INTEGER,
    name VARCHAR NOT NULL, category VARCHAR NOT NULL, start_ns BIGINT NOT NULL, dur_ns BIGINT NOT NULL, self_ns BIGINT NOT NULL,
    device_ns BIGINT, thread VARCHAR, step BIGINT, module VARCHAR, shapes VARCHAR, dtypes VARCHAR,
    external_id BIGINT, sequence_number BIGINT, is_backward BOOLEAN, flops BIGINT, stack VARCHAR
);
COMMENT ON TABLE op IS 'One framework operator on the host.';
COMMENT ON COLUMN op.run_id IS 'Run of the operator.';
COMMENT ON COLUMN op.rank IS 'Rank that ran it.';
COMMENT ON COLUMN op.op_id IS 'Number, unique in (run_id, rank), by start.';
COMMENT ON COLUMN op.parent_id IS 'Innermost op around it on the same thread.';
COMMENT ON COLUMN op.depth IS 'Number of ops around it on the same thread.';
COMMENT ON COLUMN op.name IS 'aten::mm, MatMul, dot_general fusion: the operator, without its instance.';
COMMENT ON COLUMN op.category IS 'Sort of work, from the same rule table as kernels.';
COMMENT ON COLUMN op.start_ns IS 'Start on the host.';
COMMENT ON COLUMN op.dur_ns IS 'Duration on the host, children included.';
COMMENT ON COLUMN op.self_ns IS 'Duration less the ops and annotations directly inside it.';
COMMENT ON COLUMN op.device_ns IS 'Sum of the kernels launched directly under it. NULL where the trace has no device work.';
COMMENT ON COLUMN op.thread IS 'Thread.';
COMMENT ON COLUMN op.step IS 'Step whose host window holds its start.';
COMMENT ON COLUMN op.module IS 'Instance or scope: layer path, HLO instruction, TF node name.';
COMMENT ON COLUMN op.shapes IS 'Input shapes, JSON.';
COMMENT ON COLUMN op.dtypes IS 'Input types, JSON.';
COMMENT ON COLUMN op.external_id IS 'The profiler''s own number of the op.';
COMMENT ON COLUMN op.sequence_number IS 'Autograd sequence number, ties forward to backward.';
COMMENT ON COLUMN op.is_backward IS 'Whether the autograd engine ran it.';
COMMENT ON COLUMN op.flops IS 'Floating-point operations, where the trace tells.';
COMMENT ON COLUMN op.stack IS 'Call stack, where it was recorded.';

CREATE TABLE runtime_call (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, call_id BIGINT NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    start_ns BIGINT NOT NULL, dur_ns BIGINT NOT NULL, thread VARCHAR, correlation_id BIGINT, op_id BIGINT, step BIGINT
);
COMMENT ON TABLE runtime_call IS 'One call of the driver or the runtime.';
COMMENT ON COLUMN runtime_call.run_id IS 'Run of the call.';
COMMENT ON COLUMN runtime_call.rank IS 'Rank that made it.';
COMMENT ON COLUMN runtime_call.call_id IS 'Number, unique in (run_id, rank), by start.';
COMMENT ON COLUMN runtime_call.name IS 'cudaLaunchKernel, hipMemcpyAsync, ...';
COMMENT ON COLUMN runtime_call.kind IS 'launch, graph_launch, memcpy, memset, memory, sync, other.';
COMMENT ON COLUMN runtime_call.start_ns IS 'Start on the host.';
COMMENT ON COLUMN runtime_call.dur_ns IS 'Duration on the host.';
COMMENT ON COLUMN runtime_call.thread IS 'Thread.';
COMMENT ON COLUMN runtime_call.correlation_id IS 'Number that its kernels carry.';
COMMENT ON COLUMN runtime_call.op_id IS 'Innermost op around it.';
COMMENT ON COLUMN runtime_call.step IS 'Step whose host window holds its start.';

CREATE TABLE annotation (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    start_ns BIGINT NOT NULL, dur_ns BIGINT NOT NULL, thread VARCHAR, device_id BIGINT, step BIGINT
);
COMMENT ON TABLE annotation IS 'One named range of the user or the framework. Never counted as work.';
COMMENT ON COLUMN annotation.run_id IS 'Run of the range.';
COMMENT ON COLUMN annotation.rank IS 'Rank of the range.';
COMMENT ON COLUMN annotation.name IS 'Name of the range.';
COMMENT ON COLUMN annotation.kind IS 'step, user, device (a projection onto a device), module (an XLA module), python (a Python frame), runtime (internals of a framework or library), overhead.';
COMMENT ON COLUMN annotation.start_ns IS 'Start.';
COMMENT ON COLUMN annotation.dur_ns IS 'Duration.';
COMMENT ON COLUMN annotation.thread IS 'Thread, or stream of a device.';
COMMENT ON COLUMN annotation.device_id IS 'Device that it is projected onto. NULL on the host.';
COMMENT ON COLUMN annotation.step IS 'Step whose host window holds its start.';

CREATE TABLE memory_event (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, device_id BIGINT NOT NULL, at_ns BIGINT NOT NULL,
    bytes BIGINT NOT NULL, address UBIGINT, allocated_bytes BIGINT, reserved_bytes BIGINT, peak_bytes BIGINT,
    allocator VARCHAR, op_name VARCHAR, source_line VARCHAR, step BIGINT
);
COMMENT ON TABLE memory_event IS 'One allocation or free.';
COMMENT ON COLUMN memory_event.run_id IS 'Run of the event.';
COMMENT ON COLUMN memory_event.rank IS 'Rank of the event.';
COMMENT ON COLUMN memory_event.device_id IS 'Device whose memory it is; -1 is the host.';
COMMENT ON COLUMN memory_event.at_ns IS 'Time of the event.';
COMMENT ON COLUMN memory_event.bytes IS 'Positive for an allocation, negative for a free, 0 where only what is reserved changes.';
COMMENT ON COLUMN memory_event.address IS 'Address of the block.';
COMMENT ON COLUMN memory_event.allocated_bytes IS 'Bytes in use by the allocator''s count after the event. On torch''s CPU relative to the start of the capture.';
COMMENT ON COLUMN memory_event.reserved_bytes IS 'Bytes that the allocator holds from the driver after the event.';
COMMENT ON COLUMN memory_event.peak_bytes IS 'The allocator''s own peak at the event, where it tells.';
COMMENT ON COLUMN memory_event.allocator IS 'Allocator, as the trace names it.';
COMMENT ON COLUMN memory_event.op_name IS 'Operator that asked for it, where the trace names it.';
COMMENT ON COLUMN memory_event.source_line IS 'File and line of the user that it stems from: of the innermost frame outside of packages, else of the innermost. Memory snapshots have it.';
COMMENT ON COLUMN memory_event.step IS 'Step whose host window holds it.';

CREATE TABLE sample (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, device_id BIGINT, at_ns BIGINT NOT NULL,
    metric VARCHAR NOT NULL, value DOUBLE, unit VARCHAR, is_valid BOOLEAN NOT NULL, source VARCHAR
);
COMMENT ON TABLE sample IS 'One telemetry reading.';
COMMENT ON COLUMN sample.run_id IS 'Run of the reading.';
COMMENT ON COLUMN sample.rank IS 'Rank that took it.';
COMMENT ON COLUMN sample.device_id IS 'Device, joined by UUID; -1 is the CPU of the process; NULL the host.';
COMMENT ON COLUMN sample.at_ns IS 'Time of the reading.';
COMMENT ON COLUMN sample.metric IS 'Name after OpenTelemetry: hw.gpu.utilization, process.cpu.utilization, system.memory.usage, ...';
COMMENT ON COLUMN sample.value IS 'Value in the unit. NULL where the reading failed.';
COMMENT ON COLUMN sample.unit IS 'Unit after UCUM: 1 (a ratio), By, W, J, Hz, Cel, s, {thread}.';
COMMENT ON COLUMN sample.is_valid IS 'Whether the source answered.';
COMMENT ON COLUMN sample.source IS 'nvml, amdsmi, libtpu, psutil, framework (its allocator), or fake (a test double, never a measurement).';

CREATE TABLE hlo_op (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, capture INTEGER, program_id UBIGINT, module VARCHAR, name VARCHAR NOT NULL,
    category VARCHAR, core VARCHAR, expression VARCHAR, op_name VARCHAR, source_line VARCHAR,
    occurrences BIGINT, total_ns BIGINT, mean_ns DOUBLE, self_ns BIGINT, flops BIGINT, flops_per_second DOUBLE,
    bytes_accessed BIGINT, bytes_per_second DOUBLE, hbm_bytes_accessed BIGINT, operational_intensity DOUBLE, bound_by VARCHAR,
    attainable_flops_per_second DOUBLE, roofline_efficiency DOUBLE, peak_flops_per_second DOUBLE, peak_hbm_bytes_per_second DOUBLE,
    is_rematerialized BOOLEAN, is_autotuned BOOLEAN
);
COMMENT ON TABLE hlo_op IS 'One HLO operation of an XLA program, over all its occurrences on all cores, as xprof counts it (ingest --xla).';
COMMENT ON COLUMN hlo_op.run_id IS 'Run of the operation.';
COMMENT ON COLUMN hlo_op.rank IS 'Rank that ran it.';
COMMENT ON COLUMN hlo_op.capture IS 'Profiling window. NULL in a foreign trace.';
COMMENT ON COLUMN hlo_op.program_id IS 'Program, by the number that XLA gave it.';
COMMENT ON COLUMN hlo_op.module IS 'Name of that program: jit_train_step, ... NULL where the trace lacks its HLO.';
COMMENT ON COLUMN hlo_op.name IS 'Name of the instruction, unique in its program.';
COMMENT ON COLUMN hlo_op.category IS 'Category by XLA: loop fusion, convolution, custom-call, all-reduce, ...';
COMMENT ON COLUMN hlo_op.core IS 'Kind of core of a TPU: TensorCore or SparseCore.';
COMMENT ON COLUMN hlo_op.expression IS 'Instruction as HLO text.';
COMMENT ON COLUMN hlo_op.op_name IS 'Framework operator that it stems from.';
COMMENT ON COLUMN hlo_op.source_line IS 'File and line of the user that it stems from.';
COMMENT ON COLUMN hlo_op.occurrences IS 'How often it ran, all cores together.';
COMMENT ON COLUMN hlo_op.total_ns IS 'Sum of its durations, all cores together, by the clock of the device.';
COMMENT ON COLUMN hlo_op.mean_ns IS 'total_ns over occurrences, before rounding.';
COMMENT ON COLUMN hlo_op.self_ns IS 'That sum without the time of the instructions inside it.';
COMMENT ON COLUMN hlo_op.flops IS 'Floating-point operations of the model, over all occurrences.';
COMMENT ON COLUMN hlo_op.flops_per_second IS 'flops over total_ns.';
COMMENT ON COLUMN hlo_op.bytes_accessed IS 'Traffic with all memories, over all occurrences, by XLA''s estimate of the cost.';
COMMENT ON COLUMN hlo_op.bytes_per_second IS 'bytes_accessed over total_ns.';
COMMENT ON COLUMN hlo_op.hbm_bytes_accessed IS 'The part of that traffic with the memory of the device.';
COMMENT ON COLUMN hlo_op.operational_intensity IS 'Floating-point operations per byte.';
COMMENT ON COLUMN hlo_op.bound_by IS 'What limits it under the roofline: Compute, HBM, a nearer memory, Unknown.';
COMMENT ON COLUMN hlo_op.attainable_flops_per_second IS 'Height of the roofline at its intensity. NULL where it has no floating-point operations.';
COMMENT ON COLUMN hlo_op.roofline_efficiency IS 'Achieved over attainable, of compute or of memory, as xprof states it. Starts of asynchronous copies far exceed 1.';
COMMENT ON COLUMN hlo_op.peak_flops_per_second IS 'Peak of one chip, by xprof''s table of devices.';
COMMENT ON COLUMN hlo_op.peak_hbm_bytes_per_second IS 'Peak bandwidth of the memory of one chip, by the same table.';
COMMENT ON COLUMN hlo_op.is_rematerialized IS 'Whether XLA computes it again to save memory.';
COMMENT ON COLUMN hlo_op.is_autotuned IS 'Whether its configuration came from autotuning.';

CREATE TABLE hlo_module (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, capture INTEGER, program_id UBIGINT NOT NULL, module VARCHAR,
    peak_heap_bytes BIGINT, peak_unpadded_heap_bytes BIGINT, parameter_bytes BIGINT, output_bytes BIGINT, allocation_bytes BIGINT
);
COMMENT ON TABLE hlo_module IS 'The memory of one XLA program on one device, as its buffer assignment plans it and xprof reads it (ingest --xla).';
COMMENT ON COLUMN hlo_module.run_id IS 'Run of the program.';
COMMENT ON COLUMN hlo_module.rank IS 'Rank that ran it.';
COMMENT ON COLUMN hlo_module.capture IS 'Profiling window. NULL in a foreign trace.';
COMMENT ON COLUMN hlo_module.program_id IS 'Number that XLA gave the program.';
COMMENT ON COLUMN hlo_module.module IS 'Name of the program: jit_train_step, ...';
COMMENT ON COLUMN hlo_module.peak_heap_bytes IS 'Most memory that its buffers need at once.';
COMMENT ON COLUMN hlo_module.peak_unpadded_heap_bytes IS 'The same without the padding of shapes to tiles.';
COMMENT ON COLUMN hlo_module.parameter_bytes IS 'Memory of its parameters.';
COMMENT ON COLUMN hlo_module.output_bytes IS 'Memory of what may outlive it: its results.';
COMMENT ON COLUMN hlo_module.allocation_bytes IS 'Memory of all its allocations.';

CREATE TABLE artifact (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, path VARCHAR NOT NULL, format VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL, bytes BIGINT NOT NULL, storage VARCHAR NOT NULL, capture INTEGER
);
COMMENT ON TABLE artifact IS 'One source file of a run.';
COMMENT ON COLUMN artifact.run_id IS 'Run of the file.';
COMMENT ON COLUMN artifact.rank IS 'Rank of the file.';
COMMENT ON COLUMN artifact.path IS 'Where it is: relative to the store when moved or copied, absolute when referenced.';
COMMENT ON COLUMN artifact.format IS 'kineto, xplane, nsys, onnxruntime, rocprof, memory_snapshot or recording.';
COMMENT ON COLUMN artifact.sha256 IS 'Hash of the bytes of the file.';
COMMENT ON COLUMN artifact.bytes IS 'Size of the file.';
COMMENT ON COLUMN artifact.storage IS 'moved (our own recording), copied (--keep), referenced.';
COMMENT ON COLUMN artifact.capture IS 'Profiling window that it holds.';

CREATE TABLE finding (
    run_id VARCHAR NOT NULL, rank INTEGER, code VARCHAR NOT NULL, severity VARCHAR NOT NULL, count BIGINT NOT NULL,
    detail VARCHAR NOT NULL, effect VARCHAR
);
COMMENT ON TABLE finding IS 'One thing wrong or notable in a capture.';
COMMENT ON COLUMN finding.run_id IS 'Run that it concerns.';
COMMENT ON COLUMN finding.rank IS 'Rank that it concerns; NULL for the whole run.';
COMMENT ON COLUMN finding.code IS 'Stable name of the finding, snake_case.';
COMMENT ON COLUMN finding.severity IS 'error (numbers are wrong or missing), warning (numbers need care), info.';
COMMENT ON COLUMN finding.count IS 'How often.';
COMMENT ON COLUMN finding.detail IS 'What was found, with values, and what to do.';
COMMENT ON COLUMN finding.effect IS 'What it means for the numbers.';
