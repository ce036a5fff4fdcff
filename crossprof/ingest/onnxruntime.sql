-- From the events of an ONNX Runtime profile (onnxruntime.py) to the staged relations. Variable: capture.
-- Times are whole microseconds since profiling began; when that was, the file says only where our own collector added it. A name and its operator: the node
-- `/encoder/MatMul` of type MatMul is timed as `/encoder/MatMul_kernel_time`.
-- Left out: fences and sizes of parameters and outputs (no column), thread_scheduling_stats (no time in them).

CREATE OR REPLACE TEMP TABLE onnxruntime_timed AS
SELECT cat, coalesce(name, '?') AS name, tid, args, (ts * 1000 + began.at_ns)::BIGINT AS start_ns,
    ((ts + dur) * 1000 + began.at_ns)::BIGINT AS end_ns, onnxruntime_event.rowid AS position,
    CASE
        WHEN cat = 'Node' AND ends_with(name, '_kernel_time') THEN 'op'
        WHEN cat = 'Session' AND name = 'model_run' THEN 'step'
        -- A provider that names no stream (OpenVINO) times the parts of a fused node, and not on a device that is known.
        WHEN cat = 'Kernel' AND args.stream IS NOT NULL THEN 'device'
        WHEN cat = 'Api' THEN 'call'
        WHEN cat IN ('Session', 'Kernel') THEN 'range'
    END AS role
FROM onnxruntime_event, (SELECT coalesce(max(args.start_ns), 0) AS at_ns FROM onnxruntime_event) AS began
WHERE ph = 'X' AND ts IS NOT NULL;

INSERT INTO staged_step BY NAME
SELECT row_number() OVER (ORDER BY start_ns, position) - 1 AS step, start_ns, end_ns, getvariable('capture') AS capture
FROM onnxruntime_timed WHERE role = 'step';

INSERT INTO staged_op BY NAME
SELECT coalesce(nullif(args.op_name, ''), regexp_replace(name, '_kernel_time$', '')) AS name,
    regexp_replace(name, '_kernel_time$', '') AS module, start_ns, end_ns, tid AS thread,
    nullif(to_json([map_values(input)[1] FOR input IN args.input_type_shape])::VARCHAR, '[]') AS shapes,
    nullif(to_json([map_keys(input)[1] FOR input IN args.input_type_shape])::VARCHAR, '[]') AS dtypes,
    getvariable('capture') AS capture
FROM onnxruntime_timed WHERE role = 'op';

-- Events of a GPU name neither the device nor their launch, only the node: they are tied to its operator by name.
INSERT INTO staged_kernel BY NAME
SELECT 0 AS device_id, args.stream AS stream, name,
    CASE WHEN regexp_matches(name, '(?i)^memset|hipMemset') THEN 'memset'
        WHEN regexp_matches(name, '(?i)^memcpy|hipMemcpy|^[HD]2[HD]$') THEN 'memcpy' ELSE 'kernel' END AS kind,
    start_ns, end_ns, nullif(args.op_name, '') AS op_name, regexp_replace(args.parent_name, '_kernel_time$', '') AS module, args.size AS bytes,
    -- A copy has a grid of -1.
    CASE WHEN args.grid_x > 0 THEN concat_ws(',', args.grid_x, args.grid_y, args.grid_z) END AS grid,
    CASE WHEN args.block_x > 0 THEN concat_ws(',', args.block_x, args.block_y, args.block_z) END AS block,
    getvariable('capture') AS capture
FROM onnxruntime_timed WHERE role = 'device';

INSERT INTO staged_runtime_call BY NAME
SELECT name, start_ns, end_ns, tid AS thread, getvariable('capture') AS capture FROM onnxruntime_timed WHERE role = 'call';

INSERT INTO staged_annotation BY NAME
SELECT name, CASE role WHEN 'step' THEN 'step' ELSE 'runtime' END AS kind, start_ns, end_ns, tid AS thread, false AS nests,
    getvariable('capture') AS capture
FROM onnxruntime_timed WHERE role IN ('step', 'range');

-- Since 1.32 a node tells what the allocator of its provider held when it ended. Each change of that count is an event: what was
-- freed between two nodes, which no delta of a node holds, is in it too.
INSERT INTO staged_memory_event BY NAME
WITH counted AS (
    SELECT args.provider AS allocator, args.op_name AS op_name, end_ns AS at_ns, position,
        args.mem_bytes_in_use AS allocated_bytes, args.mem_arena_held AS reserved_bytes, args.mem_in_use_peak AS peak_bytes,
        args.mem_bytes_in_use - lag(args.mem_bytes_in_use) OVER (PARTITION BY args.provider ORDER BY end_ns, position) AS change_bytes,
        coalesce(args.mem_in_use_delta, 0) AS own_bytes
    FROM onnxruntime_timed WHERE role = 'op' AND args.mem_bytes_in_use IS NOT NULL
)
SELECT CASE WHEN regexp_matches(allocator, '(?i)^(CUDA|NvTensorRT|Tensorrt|ROCM|MIGraphX|Dml|WebGpu|Js)') THEN 0 ELSE -1 END AS device_id,
    at_ns, coalesce(change_bytes, own_bytes) AS bytes, allocated_bytes, reserved_bytes, peak_bytes, allocator, op_name,
    getvariable('capture') AS capture
FROM counted WHERE change_bytes IS DISTINCT FROM 0 ORDER BY at_ns, position;

INSERT INTO staged_device BY NAME
SELECT 0 AS device_id, 'gpu' AS kind
WHERE EXISTS (FROM onnxruntime_timed WHERE role = 'device') AND NOT EXISTS (FROM staged_device WHERE device_id = 0);

INSERT INTO staged_fact
SELECT key, value, getvariable('capture')
FROM (
    SELECT 'framework' AS key, 'onnxruntime' AS value
    UNION ALL SELECT 'n_events', count(*)::VARCHAR FROM onnxruntime_event
    UNION ALL SELECT 'options_effective', json_object('providers', list(DISTINCT args.provider ORDER BY args.provider))::VARCHAR
    FROM onnxruntime_timed WHERE args.provider <> '' HAVING count(*) > 0
);

INSERT INTO staged_finding BY NAME
SELECT 'steps_overlap' AS code, 'warning' AS severity, count(*) AS count,
    count(*) || ' runs of the session began while another was under way.' AS detail,
    'A step ends where the next begins: step times are those between two requests, not of one.' AS effect, getvariable('capture') AS capture
FROM (SELECT start_ns < max(end_ns) OVER (ORDER BY start_ns, position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_over
    FROM onnxruntime_timed WHERE role = 'step')
WHERE is_over HAVING count(*) > 0;

INSERT INTO staged_finding BY NAME
SELECT 'kernels_without_launch' AS code, 'warning' AS severity, count(*) AS count,
    'ONNX Runtime does not record which call launched a kernel, nor on which device it ran.' AS detail,
    'Kernels carry the name of their operator, but device time by operator and step of launch are missing; all count as device 0.' AS effect,
    getvariable('capture') AS capture
FROM onnxruntime_timed WHERE role = 'device' HAVING count(*) > 0 AND NOT EXISTS (FROM staged_runtime_call);

INSERT INTO staged_finding BY NAME
SELECT 'events_without_time' AS code, 'warning' AS severity, count(*) AS count,
    count(*) || ' entries are no events with a readable start.' AS detail, 'They are left out.' AS effect, getvariable('capture') AS capture
FROM onnxruntime_event WHERE ph IS NULL OR (ph = 'X' AND ts IS NULL) HAVING count(*) > 0;

DROP TABLE onnxruntime_timed;
DROP TABLE onnxruntime_event;
