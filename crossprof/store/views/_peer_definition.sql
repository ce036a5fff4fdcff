-- One row is the definition of one number of another tool, part of the view metric. What does it mean there, and why is ours another?
-- A number has one definition; the variants of a tool say over which work it is taken.
CREATE VIEW _peer_definition AS
WITH number AS (
    FROM (VALUES
        ('hta', 'busy', 'busy time', 'ns', 'union of device work',
            'HTA''s own figure is higher where host events carry a stream (launches of Triton and Inductor, stream syncs): it takes them for work.'),
        ('hta', 'idle', 'idle time', 'ns', 'kernel_time less busy',
            'What lies before the first and after the last work is not counted; idle_time looks at whole steps.'),
        ('hta', 'compute', 'compute time', 'ns', 'union of kernels that are no communication by name (nccl, rccl)',
            'By name: collectives of other libraries are compute, as are kernels that overlap communication.'),
        ('hta', 'non_compute', 'non-compute time', 'ns', 'busy less compute: copies, memsets and communication that no compute hides',
            'One figure for what exposed_communication_time and breakdown.exposed_copy_ns tell apart.'),
        ('hta', 'kernel_time', 'kernel time', 'ns', 'end of the last work less start of the first',
            'A span, idle time included; kernel_time is a sum of durations.'),
        ('tracelens', 'busy_time', 'busy time', 'ns', 'union of kernels, copies and memsets',
            'Over the file, not over steps.'),
        ('tracelens', 'idle_time', 'idle time', 'ns', 'total_time less busy_time',
            'What lies before the first and after the last work is not counted; idle_time looks at whole steps.'),
        ('tracelens', 'total_time', 'total time', 'ns', 'end of the last work less start of the first',
            'The span of the work, not of the file or its steps.'),
        ('tracelens', 'computation_time', 'computation time', 'ns', 'union of kernels and memsets that are no communication by name (nccl, rccl)',
            'A memset is a copy to us (and to TraceLens in XPlane files), and collectives of other libraries are communication.'),
        ('tracelens', 'exposed_comm_time', 'exposed communication', 'ns', 'union of communication less computation',
            'By name (nccl, rccl): collectives of other libraries are computation.'),
        ('tracelens', 'exposed_memcpy_time', 'exposed copies', 'ns', 'union of copies less computation and communication',
            'Without memsets, which copy_time counts.'),
        ('tracelens', 'total_comm_time', 'communication time', 'ns', 'union of communication',
            'By name (nccl, rccl): collectives of other libraries are left out.'),
        ('tracelens', 'total_memcpy_time', 'copy time', 'ns', 'union of copies',
            'Without memsets, which copy_time counts.'),
        ('xprof', 'kernel_count', 'kernel count', 'count', 'rows of kernel_stats by their occurrences: kernels of GPUs, no copies',
            'Over the file, not per step; a TPU has none.'),
        ('xprof', 'kernel_time', 'kernel time', 'ns', 'sum of the durations in kernel_stats: kernels of GPUs, no copies',
            'Over the file and all devices, not per step and device; a TPU has none.'),
        ('xprof', 'hlo_time', 'HLO time', 'ns', 'sum of the durations in hlo_stats: work of an HLO operation',
            'Work without an HLO operation is left out. On a TPU xprof adds up the device''s own durations, some millionths less.')
    ) AS number (peer, name, title, unit, numerator, caveat)
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
        ('xprof', 'xprof', '', '', 'an XPlane file', NULL)
    ) AS variant (peer, tool, suffix, addition, over_window, remark)
)
SELECT concat(peer, '.', name, suffix) AS id, concat(tool, ': ', title, addition) AS title, unit, 'none' AS better, numerator,
    'none' AS denominator, over_window, 'same framework' AS comparable_across, 'peer_metric.value' AS source, peer,
    concat_ws(' ', caveat, remark) AS caveats
FROM number
JOIN variant USING (peer)
ORDER BY peer, suffix, name;

COMMENT ON VIEW _peer_definition IS 'The definition of one number of another tool.';
COMMENT ON COLUMN _peer_definition.id IS 'Name that scripts use.';
COMMENT ON COLUMN _peer_definition.title IS 'Name that people read.';
COMMENT ON COLUMN _peer_definition.unit IS 'Unit of its values: ns or count.';
COMMENT ON COLUMN _peer_definition.better IS 'none: these numbers are there to reconcile, not to compare runs.';
COMMENT ON COLUMN _peer_definition.numerator IS 'What is counted.';
COMMENT ON COLUMN _peer_definition.denominator IS 'What it is divided by.';
COMMENT ON COLUMN _peer_definition.over_window IS 'Which part of the file it covers.';
COMMENT ON COLUMN _peer_definition.comparable_across IS 'What two runs must share for it to be compared.';
COMMENT ON COLUMN _peer_definition.source IS 'View and column that it comes from.';
COMMENT ON COLUMN _peer_definition.peer IS 'The tool: hta, tracelens or xprof.';
COMMENT ON COLUMN _peer_definition.caveats IS 'Why it differs from ours, and from the tool''s own figure.';
