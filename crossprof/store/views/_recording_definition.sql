-- One row is the definition of one metric of what telemetry alone sees of a device, or of what the recording itself cost, part of the view metric.
CREATE VIEW _recording_definition AS
SELECT * FROM (VALUES
    ('sm_activity', 'SM activity', 'ratio', 'higher', 'share of the SMs that held a warp', 'time between two readings', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', 1.0,
        'NVIDIA from Hopper on. Counts what a device does for other processes too. A warp that waits for memory counts.'),
    ('tensor_activity', 'Tensor core activity', 'ratio', 'higher', 'share of the cycles in which tensor cores worked, over all SMs', 'time between two readings', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', 1.0,
        'NVIDIA from Hopper on. Counts what a device does for other processes too. Well below 1 at the best that products of matrices reach.'),
    ('dram_activity', 'Memory bandwidth in use', 'ratio', 'none', 'bytes that device memory moved', 'bytes that it can move in the time between two readings', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', 1.0,
        'NVIDIA from Hopper on, and TPUs. Not the driver''s memory_activity, which is a share of time.'),
    ('throttle_share', 'Time with clocks held back', 'ratio', 'lower', 'readings at a limit of power, or too hot', 'readings', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', 1.0,
        'By how much the clocks were held back is not in it. An instant each reading on NVIDIA, on AMD the time since the last.'),
    ('profiler_start_time', 'Starting the profiler', 'ns', 'lower', 'time to switch the profiler on, of all windows', 'none', 'the whole run', 'any run', 'rank.profiler_start_ns', 'max', 'max', NULL,
        'Between two steps, and in no step time.'),
    ('profiler_stop_time', 'Stopping the profiler', 'ns', 'lower', 'time to switch the profiler off, of all windows', 'none', 'the whole run', 'any run', 'rank.profiler_stop_ns', 'max', 'max', NULL,
        'Between two steps, and in no step time. TensorFlow and JAX write the trace in it.'),
    ('profiler_export_time', 'Writing traces', 'ns', 'lower', 'time to write the traces of all windows', 'none', 'the whole run', 'any run', 'rank.profiler_export_ns', 'max', 'max', NULL,
        'Between two steps, and in no step time. TensorFlow and JAX write while they stop.'),
    ('trace_size', 'Size of the traces', 'bytes', 'lower', 'bytes of the traces of all windows', 'none', 'the whole run', 'any run', 'artifact.bytes', 'max', 'sum', NULL,
        'As they are kept, which is compressed.'),
    ('sampler_cpu', 'CPU time of the telemetry', 'ratio', 'lower', 'CPU time of the telemetry thread', 'time that it ran, of one core', 'the whole run', 'any run', 'rank.sampler_cpu_ratio', 'mean', 'mean', 1.0,
        'Holds the wait of no driver: a reading that sleeps costs none.')
) AS defined (id, title, unit, better, numerator, denominator, over_window, comparable_across, source, statistic, across_ranks, highest, caveats);

COMMENT ON VIEW _recording_definition IS 'The definition of one metric of what telemetry alone sees, or of what the recording cost.';
COMMENT ON COLUMN _recording_definition.id IS 'Name that scripts use.';
COMMENT ON COLUMN _recording_definition.title IS 'Name that people read.';
COMMENT ON COLUMN _recording_definition.unit IS 'Unit of its values.';
COMMENT ON COLUMN _recording_definition.better IS 'lower, higher, or none where no direction is good.';
COMMENT ON COLUMN _recording_definition.numerator IS 'What is counted.';
COMMENT ON COLUMN _recording_definition.denominator IS 'What it is divided by.';
COMMENT ON COLUMN _recording_definition.over_window IS 'Which part of the run it covers.';
COMMENT ON COLUMN _recording_definition.comparable_across IS 'What two runs must share for it to be compared.';
COMMENT ON COLUMN _recording_definition.source IS 'View and column that it comes from.';
COMMENT ON COLUMN _recording_definition.statistic IS 'What is taken over its samples.';
COMMENT ON COLUMN _recording_definition.across_ranks IS 'What joins the ranks of one step into the value of the whole run.';
COMMENT ON COLUMN _recording_definition.highest IS 'Value that it can not pass, nor its interval. NULL: there is none.';
COMMENT ON COLUMN _recording_definition.caveats IS 'What to keep in mind before two of its values are compared.';
