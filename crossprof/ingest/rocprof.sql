-- From the head and the records of a rocprofv3 file (rocprof.py) to the staged relations. Variable: capture.
-- Times are nanoseconds since the machine started. A name is a number of kind and operation, a message that of its marker.
-- Left out: counters and PC samples (no column), scratch memory (the driver's), copies from host to host (no device works).

CREATE OR REPLACE TEMP TABLE rocprof_tool AS SELECT "rocprofiler-sdk-tool"[1] AS tool FROM rocprof_process;

CREATE OR REPLACE TEMP TABLE rocprof_agent AS
SELECT agent.id.handle AS handle, agent,
    -- CPUs and GPUs stand in one list; a device has its number among the GPUs.
    CASE WHEN agent.type = 2
        THEN coalesce(agent.logical_node_type_id, row_number() OVER (PARTITION BY agent.type ORDER BY agent.node_id) - 1)
        ELSE -1 END AS device_id
FROM (SELECT unnest(tool.agents) AS agent FROM rocprof_tool);

CREATE OR REPLACE TEMP TABLE rocprof_name AS
SELECT kind, unnest(domain.operations) AS name, generate_subscripts(domain.operations, 1) - 1 AS operation
FROM (
    SELECT unnest(tool.strings.buffer_records) AS domain, generate_subscripts(tool.strings.buffer_records, 1) - 1 AS kind
    FROM rocprof_tool
);

CREATE OR REPLACE TEMP MACRO rocprof_blocks(items, size) AS (items + size - 1) // size;

INSERT INTO staged_kernel BY NAME
WITH symbol AS (SELECT unnest(tool.kernel_symbols, max_depth := 2) FROM rocprof_tool)
SELECT coalesce(agent.device_id, 0) AS device_id, coalesce(stream_id.handle, dispatch_info.queue_id.handle)::VARCHAR AS stream,
    coalesce(nullif(formatted_kernel_name, ''), nullif(demangled_kernel_name, ''), nullif(kernel_name, ''), '?') AS name,
    'kernel' AS kind, start_timestamp AS start_ns, end_timestamp AS end_ns, correlation_id.internal AS correlation_id,
    -- A grid is counted in work items here, in blocks elsewhere.
    rocprof_blocks(grid.x, block.x) || ',' || rocprof_blocks(grid.y, block.y) || ',' || rocprof_blocks(grid.z, block.z) AS grid,
    block.x || ',' || block.y || ',' || block.z AS block,
    nullif(symbol.arch_vgpr_count, 0) AS registers_per_thread, dispatch_info.group_segment_size AS shared_memory_bytes,
    getvariable('capture') AS capture
FROM (SELECT *, dispatch_info.grid_size AS grid, dispatch_info.workgroup_size AS block FROM rocprof_kernel_dispatch)
LEFT JOIN symbol ON symbol.kernel_id = dispatch_info.kernel_id
LEFT JOIN rocprof_agent AS agent ON agent.handle = dispatch_info.agent_id.handle
WHERE start_timestamp IS NOT NULL;

INSERT INTO staged_kernel BY NAME
SELECT CASE WHEN target.device_id >= 0 THEN target.device_id ELSE origin.device_id END AS device_id,
    stream_id.handle::VARCHAR AS stream, coalesce(known.name, 'MEMORY_COPY') AS name, 'memcpy' AS kind,
    start_timestamp AS start_ns, end_timestamp AS end_ns, correlation_id.internal AS correlation_id, bytes,
    getvariable('capture') AS capture
FROM rocprof_memory_copy
LEFT JOIN rocprof_name AS known USING (kind, operation)
LEFT JOIN rocprof_agent AS target ON target.handle = dst_agent_id.handle
LEFT JOIN rocprof_agent AS origin ON origin.handle = src_agent_id.handle
WHERE start_timestamp IS NOT NULL AND (target.device_id >= 0 OR origin.device_id >= 0);

CREATE OR REPLACE TABLE rocprof_call AS
SELECT role, coalesce(known.name, '?') AS name, start_timestamp AS start_ns, end_timestamp AS end_ns, thread_id::VARCHAR AS thread,
    correlation_id.internal AS correlation_id
FROM (
    SELECT *, 'runtime' AS role FROM rocprof_hip_api UNION ALL SELECT *, 'runtime' FROM rocprof_hsa_api
    UNION ALL SELECT *, 'library' FROM rocprof_rccl_api UNION ALL SELECT *, 'marker' FROM rocprof_marker_api
)
LEFT JOIN rocprof_name AS known USING (kind, operation);

INSERT INTO staged_finding BY NAME
SELECT 'events_without_time' AS code, 'warning' AS severity, count(*) AS count,
    count(*) || ' records have no readable start.' AS detail, 'They are left out.' AS effect, getvariable('capture') AS capture
FROM (
    SELECT start_ns FROM rocprof_call UNION ALL SELECT start_timestamp FROM rocprof_kernel_dispatch
    UNION ALL SELECT start_timestamp FROM rocprof_memory_copy UNION ALL SELECT end_timestamp FROM rocprof_memory_allocation
)
WHERE start_ns IS NULL HAVING count(*) > 0;

INSERT INTO staged_runtime_call BY NAME
SELECT name, start_ns, end_ns, thread, correlation_id, getvariable('capture') AS capture FROM rocprof_call WHERE role = 'runtime' AND start_ns IS NOT NULL;

INSERT INTO staged_annotation BY NAME
WITH message AS (SELECT unnest(tool.strings.marker_api, max_depth := 2) FROM rocprof_tool)
SELECT coalesce(nullif(message."value", ''), name) AS name, CASE role WHEN 'marker' THEN 'user' ELSE 'runtime' END AS kind,
    start_ns, end_ns, thread, false AS nests, getvariable('capture') AS capture
FROM rocprof_call AS call
LEFT JOIN message ON role = 'marker' AND message."key" = call.correlation_id
WHERE role <> 'runtime' AND start_ns IS NOT NULL;

-- A free names the address alone: its size is that of the last allocation there.
INSERT INTO staged_memory_event BY NAME
WITH sized AS (
    SELECT coalesce(agent.device_id, -1) AS device_id, end_timestamp AS at_ns, known.name LIKE '%FREE%' AS is_free,
        try_cast(address AS UBIGINT) AS address, nullif(allocation_size, 0) AS bytes
    FROM rocprof_memory_allocation
    LEFT JOIN rocprof_name AS known USING (kind, operation)
    LEFT JOIN rocprof_agent AS agent ON agent.handle = agent_id.handle
),
matched AS (
    SELECT is_free, at_ns, address,
        CASE WHEN is_free THEN -last_value(CASE WHEN NOT is_free THEN bytes END IGNORE NULLS) OVER earlier ELSE bytes END AS bytes,
        CASE WHEN is_free THEN last_value(CASE WHEN NOT is_free THEN device_id END IGNORE NULLS) OVER earlier ELSE device_id END AS device_id
    FROM sized
    WINDOW earlier AS (PARTITION BY address ORDER BY at_ns, is_free ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT device_id, at_ns, bytes, address, getvariable('capture') AS capture FROM matched WHERE bytes IS NOT NULL AND at_ns IS NOT NULL ORDER BY at_ns;

INSERT INTO staged_device BY NAME
SELECT DISTINCT ON (device_id) device_id, 'gpu' AS kind, nullif(agent.vendor_name, '') AS vendor,
    coalesce(nullif(agent.product_name, ''), agent.name) AS model, try(list_sum([bank.size_in_bytes FOR bank IN agent.mem_banks])::BIGINT) AS memory_bytes,
    agent.cu_count AS compute_units, agent.name AS compute_capability
FROM rocprof_agent
WHERE device_id >= 0 AND device_id NOT IN (SELECT device_id FROM staged_device WHERE device_id IS NOT NULL);

INSERT INTO staged_fact
WITH fact(key, value) AS (
    SELECT 'n_events', ((SELECT count(*) FROM rocprof_kernel_dispatch) + (SELECT count(*) FROM rocprof_memory_copy)
        + (SELECT count(*) FROM rocprof_memory_allocation) + (SELECT count(*) FROM rocprof_call))::VARCHAR
    UNION ALL SELECT 'host_name', tool.metadata.node.hostname FROM rocprof_tool
    UNION ALL SELECT 'pid', tool.metadata.pid::VARCHAR FROM rocprof_tool
    UNION ALL SELECT 'options_effective', tool.metadata.config::VARCHAR FROM rocprof_tool
)
SELECT key, value, getvariable('capture') FROM fact WHERE value <> '';

INSERT INTO staged_finding BY NAME
SELECT 'no_runtime_calls' AS code, 'info' AS severity, count(*) AS count,
    'Device work was recorded, but no call of the runtime: `rocprofv3 --hip-trace` records them too.' AS detail,
    'What launched the work, how long launches took and where the host waited is unknown.' AS effect, getvariable('capture') AS capture
FROM staged_kernel HAVING count(*) > 0 AND NOT EXISTS (FROM staged_runtime_call);

INSERT INTO staged_finding BY NAME
SELECT 'no_events' AS code, 'error' AS severity, 1 AS count,
    'The file holds no records: the process used no GPU, or no kind of trace was asked for (`rocprofv3 --sys-trace`).' AS detail,
    'There is nothing to measure.' AS effect, getvariable('capture') AS capture
WHERE (SELECT sum(try_cast(value AS BIGINT)) FROM staged_fact WHERE key = 'n_events') = 0;

DROP TABLE rocprof_call;
DROP TABLE rocprof_name;
DROP TABLE rocprof_agent;
DROP TABLE rocprof_tool;
DROP TABLE rocprof_process;
DROP TABLE rocprof_kernel_dispatch;
DROP TABLE rocprof_memory_copy;
DROP TABLE rocprof_memory_allocation;
DROP TABLE rocprof_hip_api;
DROP TABLE rocprof_hsa_api;
DROP TABLE rocprof_rccl_api;
DROP TABLE rocprof_marker_api;
