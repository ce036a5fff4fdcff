-- One row is the definition of one metric of work, energy, memory by phase or capture quality, part of the view metric.
CREATE VIEW _work_definition AS
SELECT * FROM (VALUES
    ('step_time_mean', 'Step time, mean', 'ns', 'lower', 'wall time of the steps', 'number of steps', 'bare steps; measured steps where no bare one was timed', 'any run', 'step_time.dur_ns', 'mean', 'max', NULL,
        'One slow step moves it; step_time is the median.'),
    ('step_time_p99', 'Step time, 99th percentile', 'ns', 'lower', 'wall time of a step', 'step', 'bare steps; measured steps where no bare one was timed', 'any run', 'step_time.dur_ns', 'p99', 'max', NULL,
        'Of requests it is the latency of the tail. Of under a hundred steps it is nearly the slowest.'),
    ('step_time_profiled_p95', 'Step time under the profiler, 95th percentile', 'ns', 'lower', 'wall time of a step', 'step', 'measured steps', 'any run', 'step_time.dur_ns', 'p95', 'max', NULL,
        'Of few steps the 95th percentile is nearly the slowest.'),
    ('step_time_profiled_mean', 'Step time under the profiler, mean', 'ns', 'lower', 'wall time of the steps', 'number of steps', 'measured steps', 'any run', 'step_time.dur_ns', 'mean', 'max', NULL,
        'Holds the cost of the profiler.'),
    ('flops_per_step', 'Operations per step', 'FLOP', 'none', 'operations of products of matrices, convolutions and attention, or XLA''s cost', 'step', 'measured steps', 'any run', 'op_flops.flops', 'median', 'sum', NULL,
        'What was executed: recomputed activations count again, causal attention counts in full. Not known where a tenth or more of the device time of products of matrices, convolutions and attention is of work that can''t be counted (no shapes recorded, kernels of other libraries).'),
    ('achieved_flops', 'Achieved operations per second', 'FLOP/s', 'higher', 'operations of the mean measured step', 'wall time of a step', 'bare steps; measured steps where no bare one was timed', 'any run', 'op_flops.flops', 'mean', 'sum', NULL,
        'Counts what flops_per_step counts, and is known where that is; a step that computes less for the same result reads lower.'),
    ('mfu', 'Model FLOPs utilization', 'ratio', 'higher', 'time that the operations of the mean measured step would take at the dense peaks of their precisions (device_peak)', 'wall time of a step, times the devices of the rank', 'bare steps; measured steps where no bare one was timed', 'any run', 'op_flops.peak_ratio', 'mean', 'mean', NULL,
        'No value where flops_per_step has none, or the device or a precision has no known peak. fp32 is set against the peak without TF32 unless the run says precision tf32. Executed operations, so recomputation raises it.'),
    ('arithmetic_intensity', 'Arithmetic intensity', 'FLOP/B', 'none', 'operations whose traffic is known', 'least traffic with memory that they need', 'measured steps', 'any run', 'op_flops.operational_intensity', 'mean', 'mean', NULL,
        'From shapes: each operand read and each result written once. XLA''s own estimate where it counted.'),
    ('flops_coverage', 'Device time with known operations', 'ratio', 'none', 'device time of the operators whose operations are counted', 'sum of kernel and collective durations', 'measured steps, by launch', 'same framework', 'op_flops.device_ns', 'mean', 'mean', 1.0,
        'Elementwise work is not counted by design, so that 1 is out of reach under torch. XLA states a cost for each of its kernels.'),
    ('energy_per_sample', 'Energy per sample', 'J/sample', 'lower', 'energy_per_step of a rank', 'mean samples of its steps', 'readings between the first and the last step', 'any run', 'utilization.value', 'mean', 'mean', NULL,
        'Energy of the boards alone, idle time included: no CPU, no cooling. Over a few seconds the counter''s own steps show.'),
    ('memory_activity', 'Memory activity by the driver', 'ratio', 'none', 'time with any read or write of device memory', 'sample period of the driver', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', 1.0,
        'A share of time, not of bandwidth: one reader that trickles reads as 100 %.'),
    ('category_coverage', 'Device time with a category', 'ratio', 'none', 'durations of kernels and collectives of any category but other', 'sum of kernel and collective durations', 'measured steps, by launch', 'any run', 'category_summary.total_ns', 'mean', 'mean', 1.0,
        'The rules go by name; a name that fits a rule by accident counts as known.'),
    ('launch_coverage', 'Kernels with a launch', 'ratio', 'none', 'kernels and collectives whose launch is in the file', 'kernels and collectives', 'the capture', 'same framework', 'kernel.call_id', 'mean', 'mean', 1.0,
        'Below 1 where the capture began between launch and work, or the host was not traced. No value where a trace ties nothing to launches, as of a TPU.'),
    ('memory_fragmentation', 'Memory lost to gaps', 'ratio', 'lower', 'reserved less allocated bytes', 'reserved bytes, when most was allocated', 'the capture', 'same framework', 'memory_timeline.allocated_bytes', 'max', 'max', 1.0,
        'Cached blocks that fit the next request count as well as gaps that fit none.'),
    ('peak_memory_forward', 'Peak memory of the forward pass', 'bytes', 'lower', 'most bytes in use by the allocator''s count', 'none', 'forward passes of the capture', 'same framework', 'memory_phase.peak_allocated_bytes', 'max', 'max', NULL,
        'Holds what earlier phases left allocated.'),
    ('peak_memory_backward', 'Peak memory of the backward pass', 'bytes', 'lower', 'most bytes in use by the allocator''s count', 'none', 'backward passes of the capture', 'same framework', 'memory_phase.peak_allocated_bytes', 'max', 'max', NULL,
        'Holds what earlier phases left allocated.'),
    ('peak_memory_optimizer', 'Peak memory of the optimizer', 'bytes', 'lower', 'most bytes in use by the allocator''s count', 'none', 'steps of the optimizer in the capture', 'same framework', 'memory_phase.peak_allocated_bytes', 'max', 'max', NULL,
        'Holds what earlier phases left allocated.')
) AS defined (id, title, unit, better, numerator, denominator, over_window, comparable_across, source, statistic, across_ranks, highest, caveats);

COMMENT ON VIEW _work_definition IS 'The definition of one metric of work, energy, memory by phase or capture quality.';
COMMENT ON COLUMN _work_definition.id IS 'Name that scripts use.';
COMMENT ON COLUMN _work_definition.title IS 'Name that people read.';
COMMENT ON COLUMN _work_definition.unit IS 'Unit of its values.';
COMMENT ON COLUMN _work_definition.better IS 'lower, higher, or none where no direction is good.';
COMMENT ON COLUMN _work_definition.numerator IS 'What is counted.';
COMMENT ON COLUMN _work_definition.denominator IS 'What it is divided by.';
COMMENT ON COLUMN _work_definition.over_window IS 'Which part of the run it covers.';
COMMENT ON COLUMN _work_definition.comparable_across IS 'What two runs must share for it to be compared.';
COMMENT ON COLUMN _work_definition.source IS 'View and column that it comes from.';
COMMENT ON COLUMN _work_definition.statistic IS 'What is taken over its samples.';
COMMENT ON COLUMN _work_definition.across_ranks IS 'What joins the ranks of one step into the value of the whole run.';
COMMENT ON COLUMN _work_definition.highest IS 'Value that it can not pass, nor its interval. NULL: there is none.';
COMMENT ON COLUMN _work_definition.caveats IS 'What to keep in mind before two of its values are compared.';
