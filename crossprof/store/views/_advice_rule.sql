-- One row is one rule of advice: what it is about, from when on it speaks and why from then, what to do, where to look. Read by advice.
-- `query` shows the evidence; $run_id in it is the run. An action in a framework's own words goes before the general one.
CREATE VIEW _advice_rule AS
SELECT * REPLACE (threshold_ratio::DOUBLE AS threshold_ratio)
FROM (VALUES
    ('launch_bound', 'Launch-bound: the device waits for the host', 0.10,
        'A tenth of the time is 1.1 times the speed at the most, and more than most runs differ by from one to the next.',
        'Launch less often: capture the step as a graph, compile it so that operators fuse, or give each launch more to do (a larger batch).',
        MAP {'torch': 'Launch less often: torch.compile(mode="reduce-overhead") or CUDA graphs, fused optimizers (fused=True), a larger batch. What Python does between the launches shows on the timeline.',
            'tensorflow': 'Launch less often: tf.function(jit_compile=True) around the whole step, steps_per_execution in compile(), a larger batch.',
            'jax': 'Launch less often: one jax.jit around the whole step with donated arguments, lax.scan over several steps, a larger batch.'},
        '/timeline', 'select name, kind, calls, mean_ns, kernels, short_kernels, p50_delay_ns, mean_queue_depth from launch_summary where run_id = $run_id order by total_ns desc'),
    ('input_bound', 'Input-bound: the device waits for data', 0.05,
        'XProf and the TensorBoard plugin of PyTorch call a run input-bound from 5 % of the step on.',
        'Load data beside the step: more workers, prefetch, pinned memory, cheaper decoding, or data that is decoded beforehand.',
        MAP {'torch': 'Load data beside the step: DataLoader(num_workers=..., pin_memory=True, prefetch_factor=..., persistent_workers=True).',
            'tensorflow': 'Load data beside the step: dataset.map(num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE).'},
        '/timeline', 'select rank, step, input_wait_ns, idle_ns, window_ns from idle_cause where run_id = $run_id order by rank, step'),
    ('host_blocked', 'The host is blocked while the device idles', 0.05,
        'As for input: 5 % of the step, from which XProf speaks of a bound.',
        'Read values from the device less often and later: no .item(), float() or print of a tensor within the step; log every n-th step.',
        MAP {},
        '/timeline', 'select name, kind, calls, total_ns, mean_ns from launch_summary where run_id = $run_id and kind in (''sync'', ''memcpy'') order by total_ns desc'),
    ('kernel_gaps', 'Idle between kernels that were launched in time', 0.10,
        'As for launches: a tenth of the time.',
        'Make kernels longer or fewer (fusion, larger batch), and look for streams that wait for each other: the host is not what holds the device up.',
        MAP {},
        '/timeline', 'select rank, step, kernel_wait_ns, idle_ns, window_ns from idle_cause where run_id = $run_id order by rank, step'),
    ('exposed_communication', 'Communication that no compute hides', 0.10,
        'As for launches: a tenth of the time.',
        'Overlap it with compute (larger or smaller buckets, gradients reduced as they come), send less (lower precision, accumulation over steps), or shard so that less is sent. Where ranks wait for a slow one, that rank is the cure.',
        MAP {'torch': 'Overlap it with compute: bucket_cap_mb of DistributedDataParallel, no_sync() while gradients accumulate, backward_prefetch of FSDP; or send less. Where ranks wait for a slow one, that rank is the cure.'},
        '/ranks', 'select rank, operation, name, calls, total_bytes, total_ns, wait_ns, exposed_ratio from collective_summary where run_id = $run_id order by total_ns desc'),
    ('uneven_ranks', 'One rank computes longer than the others', 0.05,
        'All ranks of a synchronous step wait for the slowest: what it takes more, all others lose.',
        'Balance what ranks get (sequence lengths, pipeline stages, experts), and look at the clocks and the temperature of that device.',
        MAP {},
        '/ranks', 'select rank, value as compute_ns, ci_low, ci_high from run_metric where run_id = $run_id and metric = ''compute_time'' and rank is not null order by value desc'),
    ('low_precision', 'Matrix products in fp32 leave the matrix units idle', 0.10,
        'A tenth of kernel time; on matrix units the same products take a fraction of it.',
        'Allow TF32, or compute in bf16 or fp16 (mixed precision); check that the loss still falls as it should.',
        MAP {'torch': 'Allow TF32: torch.set_float32_matmul_precision("high"); or torch.autocast("cuda", torch.bfloat16). Check that the loss still falls as it should.',
            'tensorflow': 'Compute in mixed precision: keras.mixed_precision.set_global_policy("mixed_bfloat16"). Check that the loss still falls as it should.',
            'jax': 'Compute in bfloat16, or allow TF32: jax.default_matmul_precision("tensorfloat32"). Check that the loss still falls as it should.'},
        '/kernels', 'select name, category, calls, total_ns, share_ratio from kernel_summary where run_id = $run_id and category in (''gemm'', ''conv'') order by total_ns desc'),
    ('unfused_elementwise', 'Elementwise work that could be fused', 0.30,
        'Three tenths of kernel time: about what fusion saves half of, since such kernels are bound by memory.',
        'Fuse elementwise work, norms and reductions: each such kernel reads and writes its operands once more.',
        MAP {'torch': 'Fuse elementwise work, norms and reductions: torch.compile, or fused layers (scaled_dot_product_attention, fused norms and optimizers).',
            'tensorflow': 'Fuse elementwise work, norms and reductions: tf.function(jit_compile=True).'},
        '/kernels', 'select family, category, sum(calls) as calls, sum(total_ns) as total_ns from kernel_summary where run_id = $run_id and category in (''elementwise'', ''norm'', ''reduce'', ''softmax'', ''optimizer'') group by all order by total_ns desc'),
    ('exposed_copies', 'Copies that nothing hides', 0.05,
        'As for input: 5 % of the step.',
        'Copy less and beside compute: from pinned memory, asynchronously, on a stream of its own; keep on the device what is used again.',
        MAP {'torch': 'Copy less and beside compute: pin_memory=True with .to(device, non_blocking=True); create tensors on the device; keep there what is used again.'},
        '/kernels', 'select name, kind, calls, total_ns, share_ratio from kernel_summary where run_id = $run_id and kind in (''memcpy'', ''memset'') order by total_ns desc'),
    ('fragmentation', 'Memory that is reserved and not used', 0.20,
        'A fifth of what is reserved, where that is half of the device or more: below, memory is not short.',
        'Let the allocator grow segments, or make the sizes of tensors recur (padding, buckets).',
        MAP {'torch': 'Let the allocator grow segments: PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True; or make the sizes of tensors recur (padding, buckets).'},
        '/memory', 'select rank, device_id, peak_allocated_bytes, peak_reserved_bytes, peak_used_bytes from memory_peak where run_id = $run_id'),
    ('profiler_overhead', 'The profiler slows the steps that it watches', 0.10,
        'From a tenth on the host''s part of a profiled step says little of a bare one; kernels keep their durations.',
        'Trust the bare steps for time and throughput. Profile with less (no stacks, shapes or memory) where the breakdown matters.',
        MAP {},
        '/run', 'select metric, value, n, ci_low, ci_high from run_metric where run_id = $run_id and rank is null and metric in (''step_time'', ''step_time_profiled'', ''profiler_overhead'')'),
    ('uneven_steps', 'Steps differ much in length', 0.20,
        'Even steps stay within a few percent; from a fifth on the mean and the median are about different steps.',
        'Look at the long steps on the timeline: checkpoints, evaluation, garbage collection, input that comes late, other jobs on the host.',
        MAP {},
        '/timeline', 'select rank, is_profiled, steps, p50_ns, p95_ns, variation_ratio, outlier_steps from step_variation where run_id = $run_id'),
    ('outside_operators', 'Much of the step lies outside of operators', 0.20,
        'A fifth of the step, which no table of operators accounts for.',
        'Record stacks to see what Python does there; move work of the host out of the step.',
        MAP {'jax': 'Put more of the step under one jax.jit; what Python does between the calls is what lies outside.',
            'tensorflow': 'Put the whole step under one tf.function: what Python does between operators is what lies outside.'},
        '/operators', 'select name, category, calls, self_ns from op_summary where run_id = $run_id order by self_ns desc')
) AS rule (code, title, threshold_ratio, threshold_reason, action, framework_actions, page, query);

COMMENT ON VIEW _advice_rule IS 'One rule of advice.';
COMMENT ON COLUMN _advice_rule.code IS 'Stable name of the rule.';
COMMENT ON COLUMN _advice_rule.title IS 'What is the matter, in short.';
COMMENT ON COLUMN _advice_rule.threshold_ratio IS 'Share, or relative excess, from which on it speaks.';
COMMENT ON COLUMN _advice_rule.threshold_reason IS 'Why from there on.';
COMMENT ON COLUMN _advice_rule.action IS 'What to do.';
COMMENT ON COLUMN _advice_rule.framework_actions IS 'The same in the words of a framework, by framework.';
COMMENT ON COLUMN _advice_rule.page IS 'Page of the dashboard that shows it.';
COMMENT ON COLUMN _advice_rule.query IS 'SQL that shows the evidence; $run_id stands for the run.';
