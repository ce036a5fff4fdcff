-- One row is one module of the model, by its path, on one rank, over the whole capture. Which layers cost, on the host and on the device?
-- PyTorch records modules where the profiler is asked for stacks or modules: then a path leads from the outermost module in, and work
-- belongs to the innermost module around its launch, on the launching thread. Elsewhere a module is what the trace names: an XLA module,
-- the node of a TensorFlow graph.
-- Caveat: PyTorch's autograd runs backward on a thread of its own, outside of all modules: that work is in the row with module NULL, with
-- all else that is launched outside of them.
CREATE VIEW module_summary AS
WITH range AS (
    SELECT run_id, rank, coalesce(thread, '') AS thread, start_ns, dur_ns, substr(name, 12) AS name,
        row_number() OVER (PARTITION BY run_id, rank ORDER BY start_ns, dur_ns DESC, thread, name) AS number
    FROM annotation
    WHERE kind = 'python' AND starts_with(name, 'nn.Module: ') AND dur_ns > 0
),
launch AS (
    SELECT kernel.run_id, kernel.rank, coalesce(call.thread, '') AS thread, launch_ns, kernel_id, kernel.dur_ns
    FROM kernel
    SEMI JOIN range USING (run_id, rank)
    LEFT JOIN runtime_call AS call ON call.run_id = kernel.run_id AND call.rank = kernel.rank AND call.call_id = kernel.call_id
    WHERE kernel.kind <> 'async'
),
line AS ( -- at one instant ranges end, then begin, the longest first, then work is launched
    SELECT run_id, rank, thread, start_ns AS at_ns, 1 AS turn, -dur_ns AS reach, 1 AS opens, number, name, NULL::BIGINT AS kernel_id FROM range
    UNION ALL
    SELECT run_id, rank, thread, start_ns + dur_ns, 0, 0, -1, number, NULL, NULL FROM range
    UNION ALL
    SELECT run_id, rank, thread, launch_ns, 2, 0, 0, NULL, NULL, kernel_id FROM launch WHERE launch_ns IS NOT NULL
),
nested AS (
    SELECT run_id, rank, thread, number, name, kernel_id, row_number() OVER so_far AS place, sum(opens) OVER so_far - opens AS depth, opens
    FROM line
    WINDOW so_far AS (PARTITION BY run_id, rank, thread ORDER BY at_ns, turn, reach, number, kernel_id ROWS UNBOUNDED PRECEDING)
),
level AS ( -- the range around something, one level up, is the last one that began on that level
    SELECT run_id, rank, thread, place, depth AS level, number, name, NULL::BIGINT AS inner_number, NULL::BIGINT AS kernel_id
    FROM nested
    WHERE opens = 1
    UNION ALL
    SELECT run_id, rank, thread, place, unnest(range(depth::BIGINT)), NULL, NULL, number, NULL FROM nested WHERE opens = 1
    UNION ALL
    SELECT run_id, rank, thread, place, depth - 1, NULL, NULL, NULL, kernel_id FROM nested WHERE opens = 0
),
outside AS (
    SELECT run_id, rank, level, inner_number, kernel_id, last_value(number IGNORE NULLS) OVER so_far AS number,
        last_value(name IGNORE NULLS) OVER so_far AS name
    FROM level
    WINDOW so_far AS (PARTITION BY run_id, rank, thread, level ORDER BY place ROWS UNBOUNDED PRECEDING)
),
ancestry AS (
    SELECT run_id, rank, inner_number AS number, string_agg(name, '/' ORDER BY level) AS path, max_by(number, level) AS outer_number
    FROM outside
    WHERE inner_number IS NOT NULL
    GROUP BY run_id, rank, inner_number
),
ranged AS (
    SELECT range.run_id, range.rank, range.number, outer_number, concat_ws('/', path, name) AS module, dur_ns
    FROM range
    LEFT JOIN ancestry USING (run_id, rank, number)
),
inside AS (
    SELECT run_id, rank, outer_number AS number, sum(dur_ns) AS inside_ns FROM ranged WHERE outer_number IS NOT NULL GROUP BY ALL
),
own AS (
    SELECT run_id, rank, module, count(*) AS calls, sum(dur_ns) AS host_ns, sum(dur_ns - coalesce(inside_ns, 0)) AS self_host_ns,
        0 AS kernels, 0 AS self_device_ns
    FROM ranged
    LEFT JOIN inside USING (run_id, rank, number)
    GROUP BY ALL
    UNION ALL
    SELECT launch.run_id, launch.rank, module, 0, NULL, NULL, count(*), sum(launch.dur_ns)
    FROM launch
    LEFT JOIN outside ON outside.run_id = launch.run_id AND outside.rank = launch.rank AND outside.kernel_id = launch.kernel_id AND level >= 0
    LEFT JOIN ranged ON ranged.run_id = launch.run_id AND ranged.rank = launch.rank AND ranged.number = outside.number
    GROUP BY ALL
    UNION ALL
    SELECT run_id, rank, module, count(*), sum(self_ns), sum(self_ns), 0, 0
    FROM op
    ANTI JOIN range USING (run_id, rank)
    WHERE module IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT run_id, rank, module, 0, NULL, NULL, count(*), sum(dur_ns)
    FROM kernel
    ANTI JOIN range USING (run_id, rank)
    WHERE module IS NOT NULL AND kind <> 'async'
    GROUP BY ALL
),
summed AS (
    SELECT run_id, rank, module, sum(calls)::BIGINT AS calls, sum(host_ns)::BIGINT AS host_ns, sum(self_host_ns)::BIGINT AS self_host_ns,
        sum(kernels)::BIGINT AS kernels, sum(self_device_ns)::BIGINT AS self_device_ns
    FROM own
    GROUP BY ALL
),
prefix AS ( -- a module and all that its path leads through
    SELECT run_id, rank, array_to_string(parts[:unnest(range(1, len(parts) + 1))], '/') AS module, self_device_ns
    FROM (SELECT *, string_split(module, '/') AS parts FROM summed WHERE module IS NOT NULL)
),
whole AS (
    SELECT run_id, rank, module, sum(self_device_ns)::BIGINT AS device_ns FROM prefix GROUP BY ALL
)
SELECT summed.run_id, run.run, summed.rank, summed.module, calls, host_ns, self_host_ns, kernels,
    coalesce(device_ns, self_device_ns) AS device_ns, self_device_ns
FROM summed
JOIN run USING (run_id)
LEFT JOIN whole ON whole.run_id = summed.run_id AND whole.rank = summed.rank AND whole.module = summed.module;

COMMENT ON VIEW module_summary IS 'One module of the model on one rank: time on the host and on the device.';
COMMENT ON COLUMN module_summary.run_id IS 'Run of the module.';
COMMENT ON COLUMN module_summary.run IS 'Name of that run.';
COMMENT ON COLUMN module_summary.rank IS 'Rank that ran it.';
COMMENT ON COLUMN module_summary.module IS 'Path of the module, its instances joined by /. NULL: launched outside of all modules.';
COMMENT ON COLUMN module_summary.calls IS 'How often it ran on the host.';
COMMENT ON COLUMN module_summary.host_ns IS 'Sum of its durations on the host. NULL where the trace has it on the device only.';
COMMENT ON COLUMN module_summary.self_host_ns IS 'host_ns less the modules directly inside it; of a node of TensorFlow the self time of its operators.';
COMMENT ON COLUMN module_summary.kernels IS 'Pieces of device work that it launched itself, not a module inside it.';
COMMENT ON COLUMN module_summary.device_ns IS 'Sum of the durations of the device work of it and of all modules inside.';
COMMENT ON COLUMN module_summary.self_device_ns IS 'Sum of the durations of the device work that it launched itself.';
