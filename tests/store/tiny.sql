-- Three runs that a person can check by hand: all borders are multiples of ten.
-- tiny-gpu has one device and a bare, a warm-up and a measured part; tiny-cpu has two ranks, operators only; tiny-empty has nothing.
INSERT INTO base.run BY NAME
SELECT * FROM (VALUES
    ('run-gpu', 'tiny-gpu', 'torch', '2.13', 'mlp', 'float32', 'training', 4, 2, 'gpu', 'H100', 1, 0, 510, 'completed', 'recording'),
    ('run-cpu', 'tiny-cpu', 'tensorflow', '2.21', 'mlp', 'float32', 'training', 4, 2, 'cpu', 'EPYC', 1, 0, 400, 'completed', 'recording'),
    ('run-empty', 'tiny-empty', 'jax', '0.10', 'mlp', 'float32', 'training', 4, 1, 'cpu', 'EPYC', 1, 0, 10, 'failed', 'recording')
) AS t (run_id, run, framework, framework_version, model, precision, phase, batch_size, world_size, device_kind, device_model, device_count,
    started_ns, ended_ns, status, source);

INSERT INTO base.rank BY NAME
SELECT * FROM (VALUES
    ('run-gpu', 0, 'completed', 40, 30, 20, 0.25),
    ('run-cpu', 0, 'completed', NULL, NULL, NULL, NULL),
    ('run-cpu', 1, 'completed', NULL, NULL, NULL, NULL),
    ('run-empty', 0, 'failed', NULL, NULL, NULL, NULL)
) AS t (run_id, rank, status, profiler_start_ns, profiler_stop_ns, profiler_export_ns, sampler_cpu_ratio);

INSERT INTO base.device BY NAME
SELECT * FROM (VALUES ('run-gpu', 0, 0, 'gpu', 'H100'), ('run-gpu', 0, -1, 'cpu', 'EPYC'), ('run-cpu', 0, -1, 'cpu', 'EPYC'), ('run-cpu', 1, -1, 'cpu', 'EPYC'))
    AS t (run_id, rank, device_id, kind, model);

INSERT INTO base.step BY NAME
SELECT * FROM (VALUES
    ('run-gpu', 0, 0, 0, 50, false, true, NULL, 4, NULL, 'crossprof'),
    ('run-gpu', 0, 1, 50, 50, false, false, NULL, 4, NULL, 'crossprof'),
    ('run-gpu', 0, 2, 100, 60, false, false, NULL, 4, NULL, 'crossprof'),
    ('run-gpu', 0, 3, 160, 100, true, true, 0, 4, NULL, 'crossprof'),
    ('run-gpu', 0, 4, 260, 100, true, false, 0, 4, NULL, 'crossprof'),
    ('run-gpu', 0, 5, 360, 100, true, false, 0, 4, NULL, 'crossprof'),
    ('run-gpu', 0, 6, 460, 50, false, false, NULL, 4, NULL, 'crossprof'),
    ('run-cpu', 0, 0, 0, 200, true, false, 0, 4, 40, 'crossprof'),
    ('run-cpu', 0, 1, 200, 200, true, false, 0, 4, 40, 'crossprof'),
    ('run-cpu', 1, 0, 0, 190, true, false, 0, 4, 40, 'crossprof'),
    ('run-cpu', 1, 1, 190, 210, true, false, 0, 4, 40, 'crossprof')
) AS t (run_id, rank, step, start_ns, dur_ns, is_profiled, is_warmup, capture, samples, tokens, source);

-- Step 4: compute 270-300, a collective to 320, a copy to 330. Step 5: the last kernel runs 20 past the end at 460.
INSERT INTO base.kernel BY NAME
SELECT 'run-gpu' AS run_id, 0 AS rank, 0 AS device_id, * FROM (VALUES
    (0, 'sgemm', 'kernel', 'gemm', 170, 20, '7', 3, 3),
    (1, 'sgemm', 'kernel', 'gemm', 270, 20, '7', 4, 4),
    (2, 'relu', 'kernel', 'elementwise', 280, 20, '8', 4, 4),
    (3, 'ncclAllReduce', 'collective', 'collective', 290, 30, '9', 4, 4),
    (4, 'Memcpy HtoD', 'memcpy', 'copy', 310, 20, '10', 4, 4),
    (5, 'relu', 'kernel', 'elementwise', 340, 0, '8', 4, 4),
    (6, 'copy-start', 'async', 'copy', 330, 20, '11', 4, 4),
    (7, 'sgemm', 'kernel', 'gemm', 370, 20, '7', 5, 5),
    (8, 'Memset', 'memset', 'copy', 390, 10, '7', 5, 5),
    (9, 'ncclAllReduce', 'collective', 'collective', 410, 20, '9', 5, 5),
    (10, 'Memcpy HtoD', 'memcpy', 'copy', 440, 10, '10', NULL, 5),
    (11, 'sgemm', 'kernel', 'gemm', 450, 30, '7', 5, 5)
) AS t (kernel_id, name, kind, category, start_ns, dur_ns, stream, step, device_step);

INSERT INTO base.op BY NAME
SELECT * FROM (VALUES
    ('run-gpu', 0, 0, NULL, 0, 'aten::mm', 'gemm', 160, 10, 10, 20, 3),
    ('run-gpu', 0, 1, NULL, 0, 'aten::linear', 'gemm', 260, 30, 20, 0, 4),
    ('run-gpu', 0, 2, 1, 1, 'aten::mm', 'gemm', 270, 10, 10, 20, 4),
    ('run-gpu', 0, 3, NULL, 0, 'aten::relu', 'elementwise', 300, 10, 10, 20, 4),
    ('run-gpu', 0, 4, NULL, 0, 'aten::mm', 'gemm', 360, 10, 10, 50, 5),
    ('run-cpu', 0, 0, NULL, 0, 'MatMul', 'gemm', 10, 100, 100, NULL, 0),
    ('run-cpu', 0, 1, NULL, 0, 'MatMul', 'gemm', 210, 120, 120, NULL, 1),
    ('run-cpu', 0, 2, NULL, 0, 'Relu', 'elementwise', 340, 40, 40, NULL, 1),
    ('run-cpu', 1, 0, NULL, 0, 'MatMul', 'gemm', 20, 110, 110, NULL, 0),
    ('run-cpu', 1, 1, NULL, 0, 'MatMul', 'gemm', 200, 130, 130, NULL, 1)
) AS t (run_id, rank, op_id, parent_id, depth, name, category, start_ns, dur_ns, self_ns, device_ns, step);

INSERT INTO base.runtime_call BY NAME
SELECT * FROM (VALUES ('run-gpu', 0, 0, 'cudaLaunchKernel', 'launch', 270, 10, 4))
    AS t (run_id, rank, call_id, name, kind, start_ns, dur_ns, step);

INSERT INTO base.memory_event BY NAME
SELECT * FROM (VALUES
    ('run-gpu', 0, 0, 270, 100, 100, 1000, 'cuda', 4, 1, NULL),
    ('run-gpu', 0, 0, 300, 200, 300, 1000, 'cuda', 4, 2, 'mlp.py:7'),
    ('run-gpu', 0, 0, 340, -200, 100, 1000, 'cuda', 4, 2, 'mlp.py:9')
) AS t (run_id, rank, device_id, at_ns, bytes, allocated_bytes, reserved_bytes, allocator, step, address, source_line);

-- The utilization at 500 failed; the energy counter rises by 4.6 J over 460 ns.
INSERT INTO base.sample BY NAME
SELECT *, 'nvml' AS source FROM (VALUES
    ('run-gpu', 0, 0, 100, 'hw.gpu.utilization', 0.5, '1', true),
    ('run-gpu', 0, 0, 300, 'hw.gpu.utilization', 0.7, '1', true),
    ('run-gpu', 0, 0, 500, 'hw.gpu.utilization', NULL, '1', false),
    ('run-gpu', 0, 0, 100, 'hw.gpu.sm.activity', NULL, '1', false),
    ('run-gpu', 0, 0, 300, 'hw.gpu.sm.activity', 0.4, '1', true),
    ('run-gpu', 0, 0, 300, 'hw.gpu.tensor.activity', 0.2, '1', true),
    ('run-gpu', 0, 0, 100, 'hw.gpu.throttle', 1.0, '1', true),
    ('run-gpu', 0, 0, 300, 'hw.gpu.throttle', 0.0, '1', true),
    ('run-gpu', 0, 0, 100, 'hw.gpu.memory.usage', 4000, 'By', true),
    ('run-gpu', 0, 0, 300, 'hw.gpu.memory.usage', 5000, 'By', true),
    ('run-gpu', 0, 0, 50, 'hw.gpu.energy', 10.0, 'J', true),
    ('run-gpu', 0, 0, 510, 'hw.gpu.energy', 14.6, 'J', true),
    ('run-gpu', 0, -1, 100, 'process.memory.usage', 7000, 'By', true),
    ('run-cpu', 0, -1, 100, 'process.memory.usage', 8000, 'By', true),
    ('run-cpu', 0, -1, 300, 'process.memory.usage', 9000, 'By', true),
    ('run-cpu', 1, -1, 100, 'process.memory.usage', 8500, 'By', true),
    ('run-cpu', 0, -1, 100, 'process.cpu.utilization', 0.5, '1', true)
) AS t (run_id, rank, device_id, at_ns, metric, value, unit, is_valid);

INSERT INTO base.finding BY NAME
SELECT * FROM (VALUES ('run-gpu', 0, 'dropped_events', 'warning', 2, 'Two events have no end.', 'Sums are low.'))
    AS t (run_id, rank, code, severity, count, detail, effect);

-- As xprof would count them: the loop holds fusion.1 and fusion.2 of its program.
INSERT INTO base.hlo_op BY NAME
SELECT 'run-gpu' AS run_id, 0 AS rank, * FROM (VALUES
    (0, 1, 'jit_step', 'while.1', 'while', 'Unknown', 1, 70, 20, 0, 0, 0),
    (0, 1, 'jit_step', 'fusion.1', 'loop fusion', 'HBM', 2, 40, 40, 80, 400, 400),
    (0, 1, 'jit_step', 'fusion.2', 'loop fusion', 'Compute', 1, 10, 10, 100, 20, 20),
    (0, 1, 'jit_step', 'fusion.3', 'loop fusion', 'HBM', 2, 15, 15, 30, 150, 50),
    (1, 1, 'jit_step', 'fusion.3', 'loop fusion', 'HBM', 1, 5, 5, 10, 50, 20),
    (0, 2, 'jit_init', 'fusion.1', 'loop fusion', 'HBM', 1, 10, 10, 0, 100, 100)
) AS t (capture, program_id, module, name, category, bound_by, occurrences, total_ns, self_ns, flops, bytes_accessed, hbm_bytes_accessed);

-- What launched the work of run-gpu: a graph three pieces of it, nothing in the file kernel 10. Between 180 and 230 the host waits and loads.
UPDATE base.runtime_call SET thread = 'main', op_id = 2 WHERE run_id = 'run-gpu' AND call_id = 0;
INSERT INTO base.runtime_call BY NAME
SELECT 'run-gpu' AS run_id, 0 AS rank, * FROM (VALUES
    (1, 'cudaLaunchKernel', 'launch', 160, 10, 'main', 0, 3),
    (2, 'cudaStreamSynchronize', 'sync', 180, 30, 'main', NULL, 3),
    (3, 'cudaLaunchKernel', 'launch', 270, 10, 'backward', NULL, 4),
    (4, 'cudaLaunchKernel', 'launch', 280, 10, 'main', 1, 4),
    (5, 'cudaMemcpyAsync', 'memcpy', 290, 10, 'main', NULL, 4),
    (6, 'cudaLaunchKernel', 'launch', 300, 10, 'main', 3, 4),
    (7, 'cudaGraphLaunch', 'graph_launch', 360, 10, 'main', 4, 5),
    (8, 'cudaLaunchKernel', 'launch', 400, 40, 'main', NULL, 5)
) AS t (call_id, name, kind, start_ns, dur_ns, thread, op_id, step);
INSERT INTO base.annotation BY NAME
SELECT 'run-gpu' AS run_id, 0 AS rank, 'main' AS thread, * FROM (VALUES
    ('enumerate(DataLoader)#__next__', 'user', 200, 30, 3),
    ('nn.Module: Mlp_0', 'python', 270, 40, 4),
    ('nn.Module: Linear_0', 'python', 270, 20, 4)
) AS t (name, kind, start_ns, dur_ns, step);
UPDATE base.kernel SET call_id = launch.call_id, launch_ns = call.start_ns, op_id = call.op_id
FROM (VALUES (0, 1), (1, 0), (2, 3), (3, 4), (4, 5), (5, 6), (7, 7), (8, 7), (9, 7), (11, 8)) AS launch (kernel_id, call_id)
JOIN base.runtime_call AS call ON call.call_id = launch.call_id
WHERE kernel.run_id = call.run_id AND kernel.kernel_id = launch.kernel_id;
UPDATE base.kernel SET root_op_id = coalesce(op.parent_id, op.op_id) FROM base.op WHERE op.run_id = kernel.run_id AND op.op_id = kernel.op_id;
UPDATE base.kernel SET bytes = 1000, process_group = 'dp', group_size = 2 WHERE run_id = 'run-gpu' AND kind = 'collective';

-- The products of matrices of tiny-gpu have shapes: 2 * 2 * 3 * 4 = 48 operations in bf16 each, 2 * (6 + 12 + 8) = 52 bytes.
UPDATE base.op SET shapes = '[[2,3],[3,4]]', dtypes = '["c10::BFloat16","c10::BFloat16"]' WHERE run_id = 'run-gpu' AND name = 'aten::mm';
UPDATE base.device SET model = 'NVIDIA H100 80GB HBM3' WHERE model = 'H100';

INSERT INTO base.artifact BY NAME
SELECT * FROM (VALUES
    ('run-gpu', 0, 'run.json', 'recording', '0', 100, 'moved', NULL),
    ('run-gpu', 0, 'capture-0/memory.pickle', 'memory_snapshot', '1', 2000, 'moved', 0)
) AS t (run_id, rank, path, format, sha256, bytes, storage, capture);
