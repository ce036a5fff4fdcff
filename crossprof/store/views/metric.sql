-- One row is one metric: the definition that the command line, the dashboard and the documentation all show. What does this number mean?
-- Times are per step. `statistic` turns the samples of metric_sample into the value; `across_ranks` joins the ranks of one step first.
-- A bare step has no profiler on; a measured step is profiled and no warm-up.
-- profiler_overhead is the ratio of two other metrics of this view: of the medians, not the median of its samples.
-- Numbers of other tools carry the name of the tool in `peer`. They are values of peer_metric, have no samples, and enter no comparison.
-- uses: _peer_definition, _work_definition, _recording_definition
CREATE VIEW metric AS
WITH own AS (
    SELECT *, MAP {
        'device_busy': 'Waiting inside a collective counts as busy. Not the driver''s device_utilization.',
        'kernel_time': 'A sum, so that streams that overlap pass the wall time. Step of the launch, not of the work.',
        'communication_time': 'Waiting for other ranks counts as communication: a rank that is early reads higher.',
        'exposed_communication_time': 'Waiting for other ranks counts as communication.',
        'communication_share': 'Waiting for other ranks counts as communication. On a CPU run what communicates in the background has no operator, and ranks that are devices of one process add up; no value where no operator communicates.',
        'exposed_communication_share': 'Waiting for other ranks counts as communication.',
        'device_utilization': 'One tiny kernel in a sample period (up to a second) reads as busy for all of it. Not device_busy.',
        'op_coverage': 'Nested parts count once, threads add up.',
        'peak_memory': 'The driver counts every process and the allocator''s cache; JAX reserves 75 % of a device at its start unless told otherwise. Telemetry sees what lasts as long as its interval.',
        'peak_memory_allocated': 'torch counts memory of the CPU from the start of the capture; XLA preallocates, so that its count starts below what it holds.',
        'peak_memory_reserved': 'Caches count: another cache, not another model, may explain a difference.',
        'power': 'Of the board as its driver averages it, up to a second back.',
        'energy_per_step': 'Energy of the boards alone, idle time included: no CPU, no cooling.',
        'cpu_utilization': 'A share of all cores of the host, so that another host makes it another figure.',
        'profiler_overhead': 'The steps before and after the profiled ones may differ from them for other reasons too.'
    }[id] AS caveats
    FROM (VALUES
        ('step_time', 'Step time', 'ns', 'lower', 'wall time of a step', 'step', 'bare steps; measured steps where no bare one was timed', 'any run', 'step_time.dur_ns', 'median', 'max', NULL),
        ('step_time_profiled', 'Step time under the profiler', 'ns', 'lower', 'wall time of a step', 'step', 'measured steps', 'any run', 'step_time.dur_ns', 'median', 'max', NULL),
        ('step_time_p95', 'Step time, 95th percentile', 'ns', 'lower', 'wall time of a step', 'step', 'bare steps; measured steps where no bare one was timed', 'any run', 'step_time.dur_ns', 'p95', 'max', NULL),
        ('throughput', 'Throughput', 'samples/s', 'higher', 'samples of a step', 'wall time of the step', 'bare steps; measured steps where no bare one was timed', 'any run', 'step_time.samples', 'median', 'sum', NULL),
        ('throughput_tokens', 'Throughput in tokens', 'tokens/s', 'higher', 'tokens of a step', 'wall time of the step', 'bare steps; measured steps where no bare one was timed', 'any run', 'step_time.tokens', 'median', 'sum', NULL),
        ('device_busy', 'Device busy', 'ratio', 'higher', 'union of device work but async', 'wall time', 'measured steps, by device time', 'same kind of device', 'device_busy.busy_ratio', 'mean', 'mean', 1.0),
        ('kernel_time', 'Kernel time', 'ns', 'lower', 'sum of kernel and collective durations on a device', 'step', 'measured steps, by launch', 'same kind of device', 'category_summary.total_ns', 'median', 'mean', NULL),
        ('kernels_per_step', 'Kernels per step', 'count', 'lower', 'kernels and collectives on a device', 'step', 'measured steps, by launch', 'same kind of device', 'category_summary.calls', 'median', 'mean', NULL),
        ('compute_time', 'Compute time', 'ns', 'lower', 'union of kernels', 'step', 'measured steps, by device time', 'same kind of device', 'breakdown.compute_ns', 'median', 'mean', NULL),
        ('communication_time', 'Communication time', 'ns', 'lower', 'union of collectives, waiting included', 'step', 'measured steps, by device time', 'same kind of device', 'breakdown.communication_ns', 'median', 'mean', NULL),
        ('exposed_communication_time', 'Exposed communication', 'ns', 'lower', 'union of collectives less compute', 'step', 'measured steps, by device time', 'same kind of device', 'breakdown.exposed_communication_ns', 'median', 'mean', NULL),
        ('communication_share', 'Share of communication', 'ratio', 'lower', 'union of collectives, waiting included; on a CPU run the self time of operators that communicate', 'wall time', 'measured steps, by device time; by operators on a CPU run', 'same kind of device', 'breakdown.communication_ns', 'mean', 'mean', NULL),
        ('exposed_communication_share', 'Share of exposed communication', 'ratio', 'lower', 'union of collectives less compute', 'wall time', 'measured steps, by device time', 'same kind of device', 'breakdown.exposed_communication_ns', 'mean', 'mean', 1.0),
        ('copy_time', 'Copy time', 'ns', 'lower', 'union of copies and memsets', 'step', 'measured steps, by device time', 'same kind of device', 'breakdown.copy_ns', 'median', 'mean', NULL),
        ('idle_time', 'Idle time', 'ns', 'lower', 'step less the union of device work', 'step', 'measured steps, by device time', 'same kind of device', 'breakdown.idle_ns', 'median', 'mean', NULL),
        ('idle_host_time', 'Idle, waiting for the host', 'ns', 'lower', 'part of idle time before the next launch began, the host neither blocked nor loading data', 'step', 'measured steps, by device time', 'same kind of device', 'idle_cause.host_wait_ns', 'median', 'mean', NULL),
        ('idle_sync_time', 'Idle, host blocked', 'ns', 'lower', 'part of idle time before the next launch began, a launching thread in a call that blocks', 'step', 'measured steps, by device time', 'same kind of device', 'idle_cause.sync_wait_ns', 'median', 'mean', NULL),
        ('idle_input_time', 'Idle, loading data', 'ns', 'lower', 'part of idle time before the next launch began, a launching thread in the data loader', 'step', 'measured steps, by device time', 'same kind of device', 'idle_cause.input_wait_ns', 'median', 'mean', NULL),
        ('idle_launch_time', 'Idle, launching', 'ns', 'lower', 'part of idle time from the start of the next launch, where it began in the same gap', 'step', 'measured steps, by device time', 'same kind of device', 'idle_cause.launch_wait_ns', 'median', 'mean', NULL),
        ('idle_kernel_time', 'Idle between launched kernels', 'ns', 'lower', 'part of idle time whose next work was launched before the gap', 'step', 'measured steps, by device time', 'same kind of device', 'idle_cause.kernel_wait_ns', 'median', 'mean', NULL),
        ('idle_unknown_time', 'Idle, cause unknown', 'ns', 'lower', 'part of idle time whose next work has no launch in the file', 'step', 'measured steps, by device time', 'same kind of device', 'idle_cause.unknown_ns', 'median', 'mean', NULL),
        ('launch_latency', 'Launch latency', 'ns', 'lower', 'time from the start of a launch call to the start of its work, of work that the device waited for idle', 'such launches', 'measured steps, by device time', 'same kind of device', 'idle_cause.launch_wait_ns', 'mean', 'mean', NULL),
        ('launch_time', 'Launch time on the host', 'ns', 'lower', 'sum of kernel and graph launch calls over threads', 'step', 'measured steps, by launch', 'same kind of device', 'launch_summary.total_ns', 'median', 'mean', NULL),
        ('launches_per_step', 'Launches per step', 'count', 'lower', 'kernel and graph launch calls', 'step', 'measured steps, by launch', 'same kind of device', 'launch_summary.calls', 'median', 'mean', NULL),
        ('syncs_per_step', 'Synchronisations per step', 'count', 'lower', 'synchronisation calls that block', 'step', 'measured steps, by launch', 'same kind of device', 'launch_summary.calls', 'median', 'mean', NULL),
        ('queue_depth', 'Queue depth', 'count', 'none', 'sum of the times from launch call to start on the device: by Little''s law the mean number launched and not started', 'wall time', 'measured steps, by launch', 'same kind of device', 'kernel_launch.delay_ns', 'mean', 'mean', NULL),
        ('collective_wait_time', 'Waiting in collectives', 'ns', 'lower', 'sum over collectives of duration less the shortest on any device', 'step', 'measured steps, by launch', 'same kind of device', 'collective_summary.wait_ns', 'median', 'mean', NULL),
        ('bus_bandwidth', 'Bus bandwidth of collectives', 'GB/s', 'higher', 'size of collectives times the factor of the NCCL tests', 'their duration, less the waiting that is known', 'measured steps, by launch', 'same kind of device', 'collective_summary.bus_bytes_per_second', 'mean', 'mean', NULL),
        ('op_time', 'Operator time on the host', 'ns', 'lower', 'sum of operator self times over threads', 'step', 'measured steps', 'same kind of device', 'category_summary.total_ns', 'median', 'mean', NULL),
        ('op_coverage', 'Operator coverage', 'ratio', 'none', 'sum of operator self times over threads', 'wall time; above 1 with several busy threads', 'measured steps', 'same framework', 'category_summary.total_ns', 'mean', 'mean', NULL),
        ('peak_memory', 'Peak memory', 'bytes', 'lower', 'most memory in use: the driver''s count of the device, on a CPU run resident memory of the process', 'none', 'the whole run', 'same kind of device', 'memory_peak.peak_used_bytes', 'max', 'max', NULL),
        ('peak_memory_allocated', 'Peak memory, allocated', 'bytes', 'lower', 'most bytes in use by the allocator''s count', 'none', 'the capture', 'same framework', 'memory_peak.peak_allocated_bytes', 'max', 'max', NULL),
        ('peak_memory_reserved', 'Peak memory, reserved', 'bytes', 'lower', 'most bytes that the allocator held', 'none', 'the capture', 'same framework', 'memory_peak.peak_reserved_bytes', 'max', 'max', NULL),
        ('device_utilization', 'Device utilization by the driver', 'ratio', 'higher', 'time with any kernel running', 'sample period of the driver', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', 1.0),
        ('cpu_utilization', 'CPU utilization of the process', 'ratio', 'none', 'CPU time of the process', 'wall time of all cores', 'readings between the first and the last step', 'any run', 'utilization.value', 'mean', 'mean', 1.0),
        ('power', 'Power of a device', 'W', 'lower', 'power draw of the board', 'none', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'mean', NULL),
        ('energy_per_step', 'Energy per step', 'J', 'lower', 'rise of the energy counters over the time it took, times the mean step; ranks that read one counter share it', 'step', 'readings between the first and the last step', 'same kind of device', 'utilization.value', 'mean', 'sum', NULL),
        ('profiler_overhead', 'Profiler overhead', 'ratio', 'lower', 'step time under the profiler', 'step time', 'the whole run', 'any run', 'step_time.dur_ns', 'median', 'max', NULL)
    ) AS metric (id, title, unit, better, numerator, denominator, over_window, comparable_across, source, statistic, across_ranks, highest)
    UNION ALL BY NAME
    FROM _work_definition
    UNION ALL BY NAME
    FROM _recording_definition
)
SELECT *, CASE
        WHEN id IN ('profiler_overhead', 'trace_size', 'sampler_cpu') OR starts_with(source, 'rank.') OR id LIKE '%\_coverage' ESCAPE '\' THEN 'quality'
        WHEN id LIKE '%communication%' OR starts_with(source, 'collective_') THEN 'communication'
        WHEN starts_with(source, 'step_time.') THEN 'time'
        WHEN starts_with(source, 'memory_') THEN 'memory'
        WHEN starts_with(source, 'op_flops.') OR id LIKE 'energy%' OR id = 'power' THEN 'work'
        WHEN starts_with(source, 'launch_') OR id IN ('op_time', 'cpu_utilization') THEN 'host'
        ELSE 'device'
    END AS topic
FROM own
UNION ALL BY NAME
SELECT *, 'peer' AS topic FROM _peer_definition;

COMMENT ON VIEW metric IS 'The definition of one metric.';
COMMENT ON COLUMN metric.id IS 'Name that scripts use.';
COMMENT ON COLUMN metric.title IS 'Name that people read.';
COMMENT ON COLUMN metric.unit IS 'Unit of its values: ns, bytes, ratio (of 1), count, W, J, J/sample, samples/s, tokens/s, GB/s (of 10^9 bytes), FLOP, FLOP/s, FLOP/B.';
COMMENT ON COLUMN metric.better IS 'lower, higher, or none where no direction is good.';
COMMENT ON COLUMN metric.numerator IS 'What is counted.';
COMMENT ON COLUMN metric.denominator IS 'What it is divided by.';
COMMENT ON COLUMN metric.over_window IS 'Which part of the run it covers.';
COMMENT ON COLUMN metric.comparable_across IS 'any run, same kind of device, or same framework (on one kind of device): what two runs must share for it to be compared.';
COMMENT ON COLUMN metric.source IS 'View and column that it comes from.';
COMMENT ON COLUMN metric.statistic IS 'What is taken over its samples: median, mean (weighted by the denominator), p95, p99 or max. NULL for a peer''s.';
COMMENT ON COLUMN metric.across_ranks IS 'What joins the ranks of one step into the value of the whole run: max, mean or sum. NULL for a peer''s.';
COMMENT ON COLUMN metric.highest IS 'Value that it can not pass, nor its interval. NULL: there is none.';
COMMENT ON COLUMN metric.peer IS 'Other tool whose number it is: hta, tracelens, tb or xprof. NULL: our own.';
COMMENT ON COLUMN metric.caveats IS 'What to keep in mind before two values are compared; of a peer''s number, why it differs from ours, and ours of that name from the peer''s own figure.';
COMMENT ON COLUMN metric.topic IS 'What it is about: time, device, host, communication, memory, work (operations and energy), quality (of the capture), peer.';
