-- One row is one kernel name (of one kind and category) on one device, over the whole capture. Where did device time go?
-- Caveat: total_ns is a sum: kernels on several streams at once count in full. For busy time see device_busy.
-- measured_* count what the measured steps launched (on a device without any launch in the file, what starts in them).
-- `family` is the name without what one library, GPU or shape changes: types, tiles, architectures, numbers, C++ arguments. ATen's
-- templates that apply a function are known by that function.
-- uses: _launching_device
-- empty without: kernel
CREATE VIEW kernel_summary AS
WITH measured AS (
    SELECT run_id, rank, step FROM step WHERE is_profiled AND NOT is_warmup
),
summed AS (
    SELECT kernel.run_id, kernel.rank, device_id, name, kind, category, count(*) AS calls, sum(dur_ns)::BIGINT AS total_ns,
        avg(dur_ns) AS mean_ns, min(dur_ns) AS min_ns, max(dur_ns) AS max_ns,
        count(measured.step) AS measured_calls, coalesce(sum(dur_ns) FILTER (measured.step IS NOT NULL), 0)::BIGINT AS measured_ns
    FROM kernel
    JOIN _launching_device USING (run_id, rank, device_id)
    LEFT JOIN measured
        ON measured.run_id = kernel.run_id AND measured.rank = kernel.rank AND measured.step = if(is_launched, kernel.step, device_step)
    GROUP BY ALL
),
told AS ( -- the function of the name, and what an ATen template applies
    SELECT name, regexp_replace(regexp_extract(coalesce(
            nullif(regexp_extract(name, '(cutlass_\w*?(?:tensorop|simt|wmma)\w+)', 1), ''),
            nullif(regexp_extract(name, '^_Z\w*?\d([A-Za-z_]*[Kk]ernel[a-z_]*)', 1), ''),
            regexp_extract(regexp_replace(name, '^void |\(anonymous namespace\)::|<unnamed>::', '', 'g'), '^([^<(]*)', 1)
        ), '([^:]*)$', 1), '^(?:cudnn_(?:infer_|train_)?)?(?:sm\d+|volta|turing|ampere|hopper|maxwell|pascal)_|\.kd$', '', 'g') AS function,
        list_filter(
            regexp_extract_all(name, '\b\w*(?:Functor\w*|_functor|_kernel_cuda|_kernel_impl|KernelImpl|_kernel|Ops)\b'),
            lambda word: NOT regexp_matches(word, 'elementwise_kernel|reduce_kernel|gpu_kernel|Unary|^Binary\w*Functor$|tensor_apply')
        )[1] AS applied
    FROM (SELECT DISTINCT name FROM summed)
),
family AS (
    SELECT name, CASE
            WHEN applied IS NOT NULL AND function LIKE '%elementwise_kernel%' THEN 'elementwise ' || applied
            WHEN applied IS NOT NULL AND function = 'reduce_kernel' THEN 'reduce ' || applied
            WHEN applied IS NOT NULL AND function = 'multi_tensor_apply_kernel' THEN 'multi_tensor_apply ' || applied
            WHEN starts_with(function, 'cutlass_') THEN 'cutlass ' || regexp_extract(function, '.*?(gemm|fprop|dgrad|wgrad|tensorop$|simt$|$)', 1)
            WHEN starts_with(function, 'nccl') THEN regexp_replace(function, '^(nccl)\w*?Kernel_([A-Za-z]+)_.*$', '\1\2')
            ELSE trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(function,
                    '^(?:bf16|f?p?16|tf32)_s\d+', ''),
                    '_(?:MT)?\d+x\d+.*$|_tilesize.*$|_MT\d.*$|__(?:\d+[dcez]+)+$', ''),
                    '_(?:[bt]?fp?(?:16|32|64|8)|half|float|e4m3|e5m2|i8|BBS|HHS|SB|S_B|B_BS)(?:_\w*|[bt]?f\d+\w*)?$', ''),
                    '(?:[._]\d+)+$', ''), '_ ')
        END AS family
    FROM told
)
SELECT summed.run_id, run.run, summed.* EXCLUDE (run_id, measured_calls, measured_ns),
    CASE WHEN kind <> 'async'
        THEN total_ns / nullif(sum(total_ns) FILTER (kind <> 'async') OVER (PARTITION BY summed.run_id, rank, device_id), 0) END AS share_ratio,
    measured_calls, measured_ns, coalesce(nullif(family, ''), name) AS family
FROM summed
JOIN run USING (run_id)
JOIN family USING (name);

COMMENT ON VIEW kernel_summary IS 'One kernel name on one device: how often, how long.';
COMMENT ON COLUMN kernel_summary.run_id IS 'Run of the kernels.';
COMMENT ON COLUMN kernel_summary.run IS 'Name of that run.';
COMMENT ON COLUMN kernel_summary.rank IS 'Rank that launched them.';
COMMENT ON COLUMN kernel_summary.device_id IS 'Device that they ran on.';
COMMENT ON COLUMN kernel_summary.name IS 'Name of the kernel, HLO instruction or copy.';
COMMENT ON COLUMN kernel_summary.kind IS 'kernel, collective, memcpy, memset or async.';
COMMENT ON COLUMN kernel_summary.category IS 'Sort of work.';
COMMENT ON COLUMN kernel_summary.calls IS 'How many ran in the capture.';
COMMENT ON COLUMN kernel_summary.total_ns IS 'Sum of their durations.';
COMMENT ON COLUMN kernel_summary.mean_ns IS 'Mean duration.';
COMMENT ON COLUMN kernel_summary.min_ns IS 'Shortest duration.';
COMMENT ON COLUMN kernel_summary.max_ns IS 'Longest duration.';
COMMENT ON COLUMN kernel_summary.share_ratio IS 'total_ns over the sum of all rows of the device but async. NULL for async.';
COMMENT ON COLUMN kernel_summary.measured_calls IS 'How many of them the measured steps launched.';
COMMENT ON COLUMN kernel_summary.measured_ns IS 'Sum of the durations of those.';
COMMENT ON COLUMN kernel_summary.family IS 'The name without types, tiles, architectures and numbers: what libraries and GPUs share.';
