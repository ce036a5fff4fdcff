-- One row is the definition of one number of another tool, part of the view metric. What does it mean there, and why is ours another?
-- A number has one definition; the variants of a tool say over which work it is taken.
CREATE VIEW _peer_definition AS
WITH number AS (
    FROM (VALUES
        ('hta', 'busy', 'busy time', 'ns', 'union of device work', 'none',
            'HTA''s own figure is higher where host events carry a stream (launches of Triton and Inductor, stream syncs): it takes them for work.'),
        ('hta', 'idle', 'idle time', 'ns', 'kernel_time less busy', 'none',
            'What lies before the first and after the last work is not counted; idle_time looks at whole steps.'),
        ('hta', 'compute', 'compute time', 'ns', 'union of kernels that are no communication by name (nccl, rccl)', 'none',
            'By name: collectives of other libraries are compute, as are kernels that overlap communication.'),
        ('hta', 'non_compute', 'non-compute time', 'ns', 'busy less compute: copies, memsets and communication that no compute hides', 'none',
            'One figure for what exposed_communication_time and breakdown.exposed_copy_ns tell apart.'),
        ('hta', 'kernel_time', 'kernel time', 'ns', 'end of the last work less start of the first', 'none',
            'A span, idle time included; kernel_time is a sum of durations.'),
        ('hta', 'busy_ratio', 'busy share', 'ratio', 'busy', 'kernel_time',
            'HTA prints its complement, idle_time_pctg. The clock starts with the first work: a GPU that waits for the host at every start reads as busy.'),
        ('hta', 'compute_ratio', 'compute share', 'ratio', 'compute', 'kernel_time',
            'HTA''s compute_time_pctg, there rounded to 0.01 %. The clock starts with the first work, not with a step.'),
        ('tracelens', 'busy_time', 'busy time', 'ns', 'union of kernels, copies and memsets', 'none',
            'Over the file, not over steps.'),
        ('tracelens', 'idle_time', 'idle time', 'ns', 'total_time less busy_time', 'none',
            'What lies before the first and after the last work is not counted; idle_time looks at whole steps.'),
        ('tracelens', 'total_time', 'total time', 'ns', 'end of the last work less start of the first', 'none',
            'The span of the work, not of the file or its steps.'),
        ('tracelens', 'computation_time', 'computation time', 'ns', 'union of kernels and memsets that are no communication by name (nccl, rccl)', 'none',
            'A memset is a copy to us (and to TraceLens in XPlane files), and collectives of other libraries are communication.'),
        ('tracelens', 'exposed_comm_time', 'exposed communication', 'ns', 'union of communication less computation', 'none',
            'By name (nccl, rccl): collectives of other libraries are computation.'),
        ('tracelens', 'exposed_memcpy_time', 'exposed copies', 'ns', 'union of copies less computation and communication', 'none',
            'Without memsets, which copy_time counts.'),
        ('tracelens', 'total_comm_time', 'communication time', 'ns', 'union of communication', 'none',
            'By name (nccl, rccl): collectives of other libraries are left out.'),
        ('tracelens', 'total_memcpy_time', 'copy time', 'ns', 'union of copies', 'none',
            'Without memsets, which copy_time counts.'),
        ('tracelens', 'busy_ratio', 'busy share', 'ratio', 'busy_time', 'total_time',
            'The clock starts with the first work, not with a step.'),
        ('tb', 'gpu_utilization', 'GPU utilization', 'ratio', 'union of kernels of a GPU, copies not counted', 'first to last step',
            'device_busy counts copies too and leaves gaps between steps and work beyond the last step out.'),
        ('tb', 'est_sm_efficiency', 'estimated SM efficiency', 'ratio', 'blocks of the kernels that run over SMs, at most 1, times their time',
            'first to last step', 'Idle time counts as 0. Blocks that wait count as if they ran. None on AMD, whose kernels lack blocks per SM in the file.'),
        ('tb', 'est_achieved_occupancy', 'estimated achieved occupancy', 'ratio', 'occupancy of each kernel as Kineto estimates it, times its duration',
            'sum of those durations', 'Idle time is left out, other than in est_sm_efficiency: the two have different windows. Kineto estimates whole per cents, and none on AMD.'),
        ('tb', 'step_time', 'average step time', 'ns', 'length of the steps', 'steps',
            'A step ends with the work that it launched, and starts when the one before has ended: step_time is the host''s, start to start.'),
        ('tb', 'kernel_time', 'Kernel', 'ns', 'union of kernels', 'steps', 'A union over all GPUs; kernel_time is a sum of durations.'),
        ('tb', 'memcpy_time', 'Memcpy', 'ns', 'union of copies less kernels', 'steps', 'Without memsets, which copy_time counts.'),
        ('tb', 'memset_time', 'Memset', 'ns', 'union of memsets less kernels and copies', 'steps', 'breakdown counts a memset as a copy.'),
        ('tb', 'communication_time', 'Communication', 'ns', 'union of nccl: and gloo: ops, and of kernels that they launched, less the above', 'steps',
            'Torch marks these ops as annotations since 2.0, of which kernels know nothing: their kernels count as Kernel.'),
        ('tb', 'runtime_time', 'Runtime', 'ns', 'union of runtime calls less the above', 'steps', 'Waiting in a synchronization is in it.'),
        ('tb', 'data_loader_time', 'DataLoader', 'ns', 'union of enumerate(DataLoader) ranges less the above', 'steps', 'Only what no device work hides.'),
        ('tb', 'cpu_exec_time', 'CPU Exec', 'ns', 'union of operators and user annotations less the above', 'steps',
            'One annotation around a step makes all the rest of it CPU Exec.'),
        ('tb', 'other_time', 'Other', 'ns', 'steps less all of the above', 'steps', 'The nearest of ours is idle_time, which host work does not shorten.'),
        ('xprof', 'kernel_count', 'kernel count', 'count', 'rows of kernel_stats by their occurrences: kernels of GPUs, no copies', 'none',
            'Over the file, not per step; a TPU has none.'),
        ('xprof', 'kernel_time', 'kernel time', 'ns', 'sum of the durations in kernel_stats: kernels of GPUs, no copies', 'none',
            'Over the file and all devices, not per step and device; a TPU has none.'),
        ('xprof', 'hlo_time', 'HLO time', 'ns', 'sum of the durations in hlo_stats: work of an HLO operation', 'none',
            'Work without an HLO operation is left out. On a TPU xprof adds up the clock of the core, some millionths less; single operations differ more.'),
        ('xprof', 'duty_cycle', 'device duty cycle', 'ratio', 'sum of the durations of XLA Ops, all TPU cores',
            'first start to last end of XLA Modules on each core, added up',
            'device_busy counts from the first to the last event of the file. xprof prints tenths of a per cent, and none for a GPU.'),
        ('xprof', 'idle_ratio', 'device idle share', 'ratio', 'that time less the durations', 'first start to last end of XLA Ops on each core, added up',
            'Does not add up to 1 with duty_cycle, whose clock starts with the first program. None for a GPU.')
    ) AS number (peer, name, title, unit, numerator, denominator, caveat)
),
variant AS (
    FROM (VALUES
        ('hta', 'HTA', '', '', 'a Kineto file, without what the last ProfilerStep launched; each event rounded to whole microseconds',
            'A single step is kept. Rounding (start up, end down) takes much off short kernels; HTA stops with an assertion where non_compute falls below 0.'),
        ('hta', 'HTA', '_exact', ', exact', 'a Kineto file, with the last ProfilerStep and without rounding',
            'HTA with include_last_profiler_step=True and HTA_DISABLE_NS_ROUNDING=1.'),
        ('tracelens', 'TraceLens', '', '', 'a file, work whose launch is in it; a GPU of an XPlane file, all work',
            'TraceLens finds launches by the arrows in the file, crossprof by correlation id: it has no figure for files without arrows or of 2021.'),
        ('tracelens', 'TraceLens', '_all', ', unlinked work included', 'a Kineto file, all work',
            'TraceLens with include_unlinked_kernels=True.'),
        ('tb', 'TensorBoard plugin', '', '', 'a Kineto file, from the first to the last ProfilerStep, or of all operators where none is marked',
            'The plugin was removed from PyTorch in 2026. These are the rules of its last source; the last release (0.4.3) knows neither cuda_runtime nor user annotations.'),
        ('xprof', 'xprof', '', '', 'an XPlane file', NULL)
    ) AS variant (peer, tool, suffix, addition, over_window, remark)
)
SELECT concat(peer, '.', name, suffix) AS id, concat(tool, ': ', title, addition) AS title, unit, 'none' AS better, numerator,
    denominator, over_window, 'same framework' AS comparable_across, 'peer_metric.value' AS source, peer,
    concat_ws(' ', caveat, remark) AS caveats
FROM number
JOIN variant USING (peer)
ORDER BY peer, suffix, name;

COMMENT ON VIEW _peer_definition IS 'The definition of one number of another tool.';
COMMENT ON COLUMN _peer_definition.id IS 'Name that scripts use.';
COMMENT ON COLUMN _peer_definition.title IS 'Name that people read.';
COMMENT ON COLUMN _peer_definition.unit IS 'Unit of its values: ns, ratio (of 1) or count.';
COMMENT ON COLUMN _peer_definition.better IS 'none: these numbers are there to reconcile, not to compare runs.';
COMMENT ON COLUMN _peer_definition.numerator IS 'What is counted.';
COMMENT ON COLUMN _peer_definition.denominator IS 'What it is divided by.';
COMMENT ON COLUMN _peer_definition.over_window IS 'Which part of the file it covers.';
COMMENT ON COLUMN _peer_definition.comparable_across IS 'What two runs must share for it to be compared.';
COMMENT ON COLUMN _peer_definition.source IS 'View and column that it comes from.';
COMMENT ON COLUMN _peer_definition.peer IS 'The tool: hta, tracelens, tb (the TensorBoard plugin of PyTorch) or xprof.';
COMMENT ON COLUMN _peer_definition.caveats IS 'Why it differs from ours, and from the tool''s own figure.';
