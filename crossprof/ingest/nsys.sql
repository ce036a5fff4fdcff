-- From the tables of an export (nsys_tables.sql) to the staged relations. The variable `capture` holds the profiling window.

-- Times count from the start of the session, unless the export was told to normalize them to unix time.
SET VARIABLE nsys_start = (
    SELECT max("utcEpochNs") FROM nsys."TARGET_INFO_SESSION_START_TIME" WHERE "utcEpochNs" BETWEEN 0 AND 2305843009213693952
);
CREATE OR REPLACE TEMP MACRO nsys_ns(instant) AS
    CASE
        WHEN instant NOT BETWEEN -2305843009213693952 AND 2305843009213693952 THEN NULL -- damage
        WHEN instant < 100000000000000000 THEN instant + coalesce(getvariable('nsys_start'), 0)
        ELSE instant
    END;

-- A process is the upper part of a global thread or process id; correlation numbers are its own, and so are device numbers.
CREATE TABLE nsys.process AS
SELECT id, id % 16777216 AS pid, row_number() OVER (ORDER BY id) - 1 AS number
FROM (
    SELECT "globalPid" >> 24 AS id FROM nsys."CUPTI_ACTIVITY_KIND_KERNEL"
    UNION SELECT "globalPid" >> 24 FROM nsys."CUPTI_ACTIVITY_KIND_MEMCPY"
    UNION SELECT "globalPid" >> 24 FROM nsys."CUPTI_ACTIVITY_KIND_MEMSET"
    UNION SELECT "globalPid" >> 24 FROM nsys."CUPTI_ACTIVITY_KIND_GRAPH_TRACE"
    UNION SELECT "globalTid" >> 24 FROM nsys."CUPTI_ACTIVITY_KIND_RUNTIME"
    UNION SELECT "globalTid" >> 24 FROM nsys."CUPTI_ACTIVITY_KIND_DRIVER"
    UNION SELECT "globalTid" >> 24 FROM nsys."NVTX_EVENTS"
)
WHERE id IS NOT NULL;
SET VARIABLE nsys_processes = (SELECT map_from_entries(list((id, number))) FROM nsys.process);
CREATE OR REPLACE TEMP MACRO nsys_process(global_id) AS coalesce(getvariable('nsys_processes')[global_id >> 24], 0);
CREATE OR REPLACE TEMP MACRO nsys_correlation(number, global_id) AS
    nullif(number & 4294967295, 0) + (nsys_process(global_id) << 32);
CREATE OR REPLACE TEMP MACRO nsys_thread(global_id) AS
    CASE WHEN cardinality(getvariable('nsys_processes')) > 1 THEN global_id >> 24 & 16777215 || '/' ELSE '' END || (global_id & 16777215);

-- CUDA_VISIBLE_DEVICES makes another GPU device 0 of each process; the table of devices says which one.
SET VARIABLE nsys_gpus = (
    SELECT coalesce(map_from_entries(list((key, gpu))), MAP {})
    FROM (SELECT pid || '/' || "cudaId" AS key, any_value("gpuId") AS gpu FROM nsys."TARGET_INFO_CUDA_DEVICE" GROUP BY ALL)
    WHERE key IS NOT NULL AND gpu IS NOT NULL
);
CREATE OR REPLACE TEMP MACRO nsys_device(device, global_id) AS
    coalesce(getvariable('nsys_gpus')[(global_id >> 24 & 16777215) || '/' || device], device, 0);

-- Calls carry the version of the API that brought them: cudaLaunchKernel_v7000.
CREATE OR REPLACE TEMP MACRO nsys_call(name) AS coalesce(regexp_replace(name, '(_ptsz|_ptds)?_v\d{4,}$', ''), '?');
CREATE OR REPLACE TEMP MACRO nsys_memory(kind) AS
    ['Pageable', 'Pinned', 'Device', 'Array', 'Managed', 'Device Static', 'Managed Static'][kind + 1];

CREATE TABLE nsys.work AS
SELECT
    start, "end", "deviceId", "streamId", "correlationId", "globalPid", 'kernel' AS kind,
    coalesce(full_name.value, short_name.value, '?') AS name, NULL::BIGINT AS bytes, "graphNodeId",
    "gridX" || ',' || "gridY" || ',' || "gridZ" AS grid, "blockX" || ',' || "blockY" || ',' || "blockZ" AS block,
    try_cast("registersPerThread" AS INTEGER) AS registers_per_thread, try("staticSharedMemory" + "dynamicSharedMemory") AS shared_memory_bytes
FROM nsys."CUPTI_ACTIVITY_KIND_KERNEL"
LEFT JOIN nsys."StringIds" AS full_name ON full_name.id = "demangledName"
LEFT JOIN nsys."StringIds" AS short_name ON short_name.id = "shortName"
UNION ALL BY NAME
SELECT
    start, "end", "deviceId", "streamId", "correlationId", "globalPid", 'memcpy' AS kind,
    'Memcpy ' || coalesce(
        ['HtoD', 'DtoH', 'HtoA', 'AtoH', 'AtoA', 'AtoD', 'DtoA', 'DtoD', 'HtoH', 'PtoP', 'Unified HtoD', 'Unified DtoH', 'Unified DtoD']["copyKind"],
        'of unknown kind')
        || coalesce(' (' || nsys_memory("srcKind") || ' -> ' || nsys_memory("dstKind") || ')', '') AS name,
    bytes, "graphNodeId"
FROM nsys."CUPTI_ACTIVITY_KIND_MEMCPY"
UNION ALL BY NAME
SELECT
    start, "end", "deviceId", "streamId", "correlationId", "globalPid", 'memset' AS kind,
    'Memset' || coalesce(' (' || nsys_memory("memKind") || ')', '') AS name, bytes, "graphNodeId"
FROM nsys."CUPTI_ACTIVITY_KIND_MEMSET"
UNION ALL BY NAME
SELECT
    start, "end", "deviceId", "streamId", "correlationId", "globalPid", 'kernel' AS kind, 'CUDA graph ' || "graphId" AS name,
    NULL::BIGINT AS bytes, NULL::BIGINT AS "graphNodeId", "graphId"
FROM nsys."CUPTI_ACTIVITY_KIND_GRAPH_TRACE" AS whole
WHERE NOT EXISTS ( -- a graph whose kernels are there as well would count twice
    FROM nsys."CUPTI_ACTIVITY_KIND_KERNEL" AS node
    WHERE node."correlationId" = whole."correlationId" AND node."globalPid" IS NOT DISTINCT FROM whole."globalPid");

INSERT INTO staged_kernel BY NAME
SELECT
    nsys_device("deviceId", "globalPid") AS device_id, "streamId"::VARCHAR AS stream, name, kind, nsys_ns(start) AS start_ns,
    nsys_ns("end") AS end_ns, nsys_correlation("correlationId", "globalPid") AS correlation_id, bytes, grid, block,
    registers_per_thread, shared_memory_bytes, nullif("graphNodeId", 0) AS graph_node_id,
    getvariable('capture') AS capture
FROM nsys.work;

CREATE TABLE nsys.call AS
SELECT start, "end", "globalTid", "correlationId", "nameId" FROM nsys."CUPTI_ACTIVITY_KIND_RUNTIME"
UNION ALL SELECT start, "end", "globalTid", "correlationId", "nameId" FROM nsys."CUPTI_ACTIVITY_KIND_DRIVER";

INSERT INTO staged_runtime_call BY NAME
SELECT
    nsys_call(value) AS name, nsys_ns(start) AS start_ns, nsys_ns("end") AS end_ns, nsys_thread("globalTid") AS thread,
    nsys_correlation("correlationId", "globalTid") AS correlation_id, getvariable('capture') AS capture
FROM nsys.call LEFT JOIN nsys."StringIds" ON id = "nameId";

-- Ranges: 59 is pushed and popped, 60 started and ended, 70 and 71 the same from an imported text file.
CREATE TABLE nsys.range AS
WITH named AS (
    SELECT start, "end", "eventType" IN (59, 70) AS nests, "globalTid", coalesce(text, value, '?') AS text
    FROM nsys."NVTX_EVENTS" LEFT JOIN nsys."StringIds" ON id = "textId"
    WHERE "eventType" IN (59, 60, 70, 71) OR ("eventType" IS NULL AND "end" IS NOT NULL)
),
split AS ( -- torch.autograd.profiler.emit_nvtx writes "aten::mm, seq = 7, op_id = 42, sizes = [[2, 3], [3, 4]]"
    SELECT *, regexp_matches(text, ', (seq|op_id) = \d+') AS is_emitted,
        regexp_replace(text, '(, seq = -?\d+)?(, op_id = \d+)?(, sizes = .*)?$', '') AS bare
    FROM named
)
SELECT
    start, "end" AS stop, coalesce(nests, true) AS nests, "globalTid", text, CASE WHEN is_emitted THEN bare ELSE text END AS name,
    is_emitted AND regexp_matches(bare, '^[a-z]\w*::|Backward\d*$|AccumulateGrad$|^detach_?$') AS is_op,
    regexp_extract(name, '(?i)^(ProfilerStep#|(?:\w+[ _])?(?:step|iteration|iter)[ _:#=]*)\d+$', 1) AS stem,
    try_cast(regexp_extract(name, '(\d+)$', 1) AS BIGINT) AS number
FROM split;

CREATE TABLE nsys.edge AS
SELECT max("end") AS last FROM nsys.work UNION ALL SELECT max("end") FROM nsys.call UNION ALL SELECT max(stop) FROM nsys.range;
SET VARIABLE nsys_last = (SELECT max(last) FROM nsys.edge);

INSERT INTO staged_op BY NAME
SELECT
    name, nsys_ns(start) AS start_ns, nsys_ns(coalesce(stop, getvariable('nsys_last'))) AS end_ns, nsys_thread("globalTid") AS thread,
    nullif(replace(regexp_extract(text, ', sizes = (\[.*?\])(?:, input_op_ids = .*)?$', 1), ' ', ''), '') AS shapes,
    try_cast(regexp_extract(text, ', op_id = (\d+)', 1) AS BIGINT) AS external_id,
    try_cast(regexp_extract(text, ', seq = (\d+)', 1) AS BIGINT) AS sequence_number,
    starts_with(name, 'autograd::engine::') AS is_backward, getvariable('capture') AS capture
FROM nsys.range WHERE is_op;

-- Steps: where one way of numbering ranges occurs, and on a thread each number once and none inside another.
CREATE TABLE nsys.step AS
WITH marked AS (
    SELECT stem, "globalTid", number, start, coalesce(stop, getvariable('nsys_last')) AS stop,
        lead(start) OVER (PARTITION BY stem, "globalTid" ORDER BY start) AS next_start,
        count(*) OVER (PARTITION BY stem, "globalTid", number) AS times
    FROM nsys.range WHERE stem <> '' AND number IS NOT NULL
),
thread AS (
    SELECT stem, "globalTid", count(*) AS markers, min(start) AS start,
        bool_and(times = 1 AND coalesce(stop <= next_start, true)) AS is_plain
    FROM marked GROUP BY ALL
)
SELECT stem, (SELECT count(DISTINCT stem) FROM thread) = 1 AND is_plain AS is_used, "globalTid", markers
FROM thread ORDER BY is_plain DESC, markers DESC, start LIMIT 1;

INSERT INTO staged_step BY NAME
SELECT number AS step, nsys_ns(start) AS start_ns, nsys_ns(coalesce(stop, getvariable('nsys_last'))) AS end_ns,
    getvariable('capture') AS capture
FROM nsys.range SEMI JOIN (FROM nsys.step WHERE is_used) USING (stem, "globalTid");

INSERT INTO staged_annotation BY NAME
SELECT
    name, CASE WHEN stem IN (SELECT stem FROM nsys.step WHERE is_used) THEN 'step' ELSE 'user' END AS kind, nsys_ns(start) AS start_ns,
    nsys_ns(coalesce(stop, getvariable('nsys_last'))) AS end_ns, nsys_thread("globalTid") AS thread, nests,
    getvariable('capture') AS capture
FROM nsys.range WHERE NOT is_op;

INSERT INTO staged_annotation BY NAME
SELECT
    coalesce(['Event Sync', 'Stream Wait Event', 'Stream Sync', 'Context Sync']["syncType"], 'Sync') AS name, 'overhead' AS kind,
    nsys_ns(start) AS start_ns, nsys_ns("end") AS end_ns, "streamId"::VARCHAR AS thread,
    nsys_device("deviceId", "globalPid") AS device_id, false AS nests, getvariable('capture') AS capture
FROM nsys."CUPTI_ACTIVITY_KIND_SYNCHRONIZATION"
UNION ALL BY NAME
SELECT
    coalesce(value, 'Overhead of type ' || "overheadType", '?') AS name, 'overhead' AS kind, nsys_ns(start) AS start_ns,
    nsys_ns("end") AS end_ns, nsys_thread("globalTid") AS thread, false AS nests, getvariable('capture') AS capture
FROM (FROM nsys."CUPTI_ACTIVITY_KIND_OVERHEAD" UNION ALL FROM nsys."PROFILER_OVERHEAD")
LEFT JOIN nsys."StringIds" ON id = "nameId";

INSERT INTO staged_memory_event BY NAME
SELECT
    CASE WHEN "memKind" IN (0, 1) THEN -1 ELSE nsys_device("deviceId", "globalPid") END AS device_id, nsys_ns(start) AS at_ns,
    CASE "memoryOperationType" WHEN 0 THEN bytes WHEN 1 THEN -bytes END AS bytes,
    (address::HUGEINT + CASE WHEN address < 0 THEN 18446744073709551616 ELSE 0 END)::UBIGINT AS address,
    'cuda ' || lower(coalesce(nsys_memory("memKind"), 'unknown')) AS allocator, getvariable('capture') AS capture
FROM nsys."CUDA_GPU_MEMORY_USAGE_EVENTS"
WHERE "memoryOperationType" IN (0, 1) AND bytes BETWEEN 0 AND 1125899906842624;

-- Whatever CUPTI saw work is a GPU of NVIDIA, also where a reduced export does not list it.
INSERT INTO staged_device BY NAME
SELECT
    coalesce(gpu.id, used.device_id) AS device_id, 'gpu' AS kind, 'NVIDIA' AS vendor, gpu.name AS model,
    CASE WHEN regexp_matches(gpu.uuid, '^[0-9a-fA-F]') THEN 'GPU-' ELSE '' END || nullif(gpu.uuid, '') AS uuid,
    gpu."totalMemory" AS memory_bytes, try_cast(gpu."smCount" AS INTEGER) AS compute_units, gpu."computeMajor" || '.' || gpu."computeMinor" AS compute_capability
FROM (SELECT DISTINCT device_id FROM staged_kernel WHERE capture IS NOT DISTINCT FROM getvariable('capture')) AS used
FULL JOIN (SELECT DISTINCT ON (id) * FROM nsys."TARGET_INFO_GPU") AS gpu ON gpu.id = used.device_id
WHERE coalesce(gpu.id, used.device_id) NOT IN (SELECT device_id FROM staged_device);

CREATE TABLE nsys.count AS
SELECT
    (SELECT count(*) FROM nsys.work) + (SELECT count(*) FROM nsys.call) + (SELECT count(*) FROM nsys.range)
    + (SELECT count(*) FROM nsys."CUPTI_ACTIVITY_KIND_SYNCHRONIZATION") + (SELECT count(*) FROM nsys."CUPTI_ACTIVITY_KIND_OVERHEAD")
    + (SELECT count(*) FROM nsys."PROFILER_OVERHEAD") + (SELECT count(*) FROM nsys."CUDA_GPU_MEMORY_USAGE_EVENTS") AS events;

INSERT INTO staged_fact
SELECT key, value, getvariable('capture')
FROM (
    SELECT 'n_events' AS key, events::VARCHAR AS value FROM nsys.count
    UNION ALL SELECT 'framework', 'torch' WHERE EXISTS (FROM nsys.range WHERE is_op AND starts_with(name, 'aten::'))
    UNION ALL SELECT 'pid', any_value(pid)::VARCHAR FROM nsys.process HAVING count(*) = 1
    UNION ALL SELECT 'versions.nsight-systems', max(value) FROM nsys."META_DATA_EXPORT" WHERE name = 'EXPORT_PRODUCT_VERSION'
    UNION ALL SELECT known.key, max(value) FROM nsys."TARGET_INFO_SYSTEM_ENV"
        JOIN (VALUES ('Hostname', 'host_name'), ('NvDriverVersion', 'versions.nvidia-driver')) AS known (name, key) USING (name)
        GROUP BY ALL
)
WHERE value <> '';

INSERT INTO staged_finding BY NAME
SELECT code, severity, count, detail, effect, getvariable('capture') AS capture
FROM (
    SELECT CASE severity WHEN 3 THEN 'profiler_errors' ELSE 'profiler_warnings' END AS code,
        CASE severity WHEN 3 THEN 'error' ELSE 'warning' END AS severity, sum(times)::BIGINT AS count,
        'The profiler says: ' || array_to_string(list(text ORDER BY times DESC, text)[:3], '; ') AS detail,
        'The capture may be partial.' AS effect
    FROM (SELECT severity, coalesce(regexp_replace(trim(text), '\s+', ' ', 'g'), '?') AS text, count(*) AS times
        FROM nsys."DIAGNOSTIC_EVENT" WHERE severity IN (2, 3) GROUP BY ALL)
    GROUP BY severity
    UNION ALL
    SELECT 'graphs_whole', 'warning', count(*), count(*) || ' launches of CUDA graphs were recorded as a whole.',
        'Each counts as one kernel, gaps between the kernels inside included. Record with --cuda-graph-trace=node to see them.'
    FROM nsys.work WHERE "graphId" IS NOT NULL HAVING count(*) > 0
    UNION ALL
    SELECT 'several_processes', 'info', count(*), 'The file holds ' || count(*) || ' processes ('
        || string_agg(pid, ', ' ORDER BY pid) || '), which are one rank here.',
        'Figures by device hold. Steps are those that one of the processes marks.'
    FROM nsys.process HAVING count(*) > 1
    UNION ALL
    SELECT 'device_shared', 'warning', count(*), 'Several processes used device ' || "deviceId"
        || ', and the file does not say whether that is one GPU.',
        'If CUDA_VISIBLE_DEVICES gave each its own, the work of several GPUs is counted as that of one.'
    FROM (SELECT DISTINCT coalesce("deviceId", 0) AS "deviceId", "globalPid" >> 24 AS process FROM nsys.work)
    WHERE NOT EXISTS (FROM nsys."TARGET_INFO_CUDA_DEVICE")
    GROUP BY "deviceId" HAVING count(*) > 1
    UNION ALL
    SELECT 'ranges_open', 'info', count(*), count(*) || ' NVTX ranges have no end.', 'They end with the last event of the file.'
    FROM nsys.range WHERE stop IS NULL HAVING count(*) > 0
    UNION ALL
    SELECT 'step_markers_ambiguous', 'warning', markers, 'NVTX ranges such as ' || stem || 'N are numbered, but not as steps one after the other.',
        'They are kept as ranges. Steps are read where one series of ranges has each number once.'
    FROM nsys.step WHERE NOT is_used
    UNION ALL
    SELECT 'gpu_metrics_left_out', 'info', count(*), count(*) || ' readings of GPU metrics are in the file.', 'They are left out.'
    FROM nsys."GPU_METRICS" HAVING count(*) > 0
    UNION ALL
    SELECT 'no_events', 'error', 1, 'The export holds no event of CUDA or NVTX: they were not recorded, or not exported.',
        'There is nothing to measure.'
    FROM nsys.count WHERE events = 0
);
