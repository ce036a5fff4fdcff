-- From the flat tables of an XSpace (xplane_tables.py) to the staged relations.
-- A missing number is zero on the wire, so ids, offsets and durations are coalesced; oneof values are always written.
-- The variable `capture` holds the profiling window, NULL for a foreign file.

CREATE OR REPLACE TEMP MACRO xplane_number(int64_value, uint64_value, double_value) AS
    coalesce(int64_value::HUGEINT, uint64_value::HUGEINT, try_cast(double_value AS HUGEINT));

-- A time beyond 2^61 is none, so that sums of two can't overflow.
CREATE OR REPLACE TEMP MACRO xplane_ps(number) AS
    CASE WHEN coalesce(number, 0) BETWEEN -2305843009213693952 AND 2305843009213693952 THEN coalesce(number, 0) END;

-- A loop or branch spans the instructions of its body, which stand on the same line: counted too, their time would count twice.
CREATE OR REPLACE TEMP MACRO xplane_is_container(category) AS coalesce(category IN ('while', 'conditional', 'call'), false);

CREATE OR REPLACE TEMP TABLE xplane_plane_fact AS
SELECT p.plane, p.name AS plane_name, n.name, s.bytes_value,
    xplane_number(s.int64_value, s.uint64_value, s.double_value) AS number,
    coalesce(s.str_value, r.name, xplane_number(s.int64_value, s.uint64_value, s.double_value)::VARCHAR) AS text
FROM xplane_plane_stat s
JOIN xplane_plane p USING (plane)
JOIN xplane_stat_name n ON n.plane = s.plane AND n.metadata_id = coalesce(s.metadata_id, 0)
LEFT JOIN xplane_stat_name r ON r.plane = s.plane AND r.metadata_id = s.ref_value;

-- Lines: what each one holds, and the unix time of its zero. Writers since 2025 store the line's time relative to the
-- start of the session, older ones store unix time: a value before 1973 is a relative one.
SET VARIABLE xplane_anchor = (
    SELECT try_cast(max(number) AS BIGINT) FROM xplane_plane_fact WHERE plane_name = 'Task Environment' AND name = 'profile_start_time'
);
CREATE OR REPLACE TEMP TABLE xplane_timeline AS
WITH named AS (
    SELECT l.line, l.plane, p.name AS plane_name, starts_with(p.name, '/device:') AS is_device,
        coalesce(nullif(l.display_name, ''), nullif(l.name, ''), 'line ' || coalesce(l.id, 0)) AS name, coalesce(l.id, 0) AS id,
        coalesce(l.timestamp_ns, 0) AS timestamp_ns
    FROM xplane_line l JOIN xplane_plane p USING (plane)
), counted AS (
    SELECT *, count(*) OVER (PARTITION BY plane, name) > 1 AS is_ambiguous,
        bool_or(starts_with(name, 'Stream #')) OVER (PARTITION BY plane) AS has_streams
    FROM named
)
SELECT line, plane, plane_name, is_device, CASE WHEN is_ambiguous THEN name || '/' || id ELSE name END AS thread,
    CASE WHEN is_device THEN coalesce(try_cast(regexp_extract(plane_name, ':(\d+)', 1) AS BIGINT), 0) END AS device_id,
    xplane_ps(timestamp_ns) + CASE WHEN timestamp_ns < 100000000000000000 THEN xplane_ps(getvariable('xplane_anchor')) ELSE 0 END AS zero_ns,
    CASE
        WHEN NOT is_device THEN 'host'
        WHEN plane_name ILIKE '%SparseCore%' OR name ILIKE '%Sparse Core%' THEN 'async' -- its own processor, in no figure of the core
        WHEN starts_with(name, 'Stream #') THEN 'work'
        WHEN name = 'XLA Ops' AND NOT has_streams THEN 'work' -- beside streams it repeats their time
        WHEN name = 'Async XLA Ops' AND NOT has_streams THEN 'async'
        WHEN name = 'XLA Modules' THEN 'module'
        WHEN name = 'Steps' THEN 'step'
        WHEN name = 'XLA TraceMe' THEN 'runtime'
        WHEN name = '_counters_' THEN 'counter'
        ELSE 'device'
    END AS role
FROM counted;

CREATE OR REPLACE TEMP VIEW xplane_timed AS -- a view: a table of all events would be the largest of all, for three scans
SELECT e.event, l.plane, l.is_device, l.thread, l.device_id, l.role, coalesce(e.metadata_id, 0) AS metadata_id,
    coalesce(n.name, '') AS name, coalesce(n.display_name, '') AS display_name,
    l.zero_ns + (xplane_ps(e.offset_ps) + 500) // 1000 AS start_ns,
    l.zero_ns + (xplane_ps(e.offset_ps) + greatest(xplane_ps(e.duration_ps), 0) + 500) // 1000 AS end_ns
FROM xplane_event e
JOIN xplane_timeline l USING (line)
LEFT JOIN xplane_event_name n ON n.plane = l.plane AND n.metadata_id = coalesce(e.metadata_id, 0)
WHERE e.num_occurrences IS NULL; -- an aggregate has no place in time

-- The stats that matter, one row an event.
CREATE OR REPLACE TEMP TABLE xplane_detail AS
SELECT s.event,
    try_cast(max(number) FILTER (name = 'step_num') AS BIGINT) AS step_num, max(number) FILTER (name = '_r') AS is_root,
    try_cast(max(number) FILTER (name = 'correlation_id') AS BIGINT) AS correlation_id,
    max(text) FILTER (name = 'hlo_op') AS hlo_op, max(text) FILTER (name = 'hlo_module') AS hlo_module,
    max(number) FILTER (name = 'program_id') AS program_id, max(text) FILTER (name = 'tf_op') AS tf_op,
    max(text) FILTER (name = 'kernel_details') AS kernel_details,
    max(text) FILTER (name IN ('memcpy_details', 'memset_details')) AS copy_details, bool_or(name = 'memset_details') AS is_memset,
    max(real) FILTER (name = 'theoretical_occupancy_pct') AS occupancy_pct,
    max(number) FILTER (name = 'flops') AS flops, max(number) FILTER (name = 'bytes_accessed') AS bytes_accessed,
    max(text) FILTER (name = 'hlo_category') AS hlo_category,
    max(text) FILTER (name = 'allocator_name') AS allocator, max(number) FILTER (name = 'index_on_host') AS index_on_host,
    max(number) FILTER (name = 'bytes_allocated') AS allocated_bytes, max(number) FILTER (name = 'bytes_reserved') AS reserved_bytes,
    max(number) FILTER (name = 'peak_bytes_in_use') AS peak_bytes,
    max(number) FILTER (name = 'allocation_bytes') AS allocation_bytes, max(number) FILTER (name = 'addr') AS address
FROM (
    SELECT s.event, n.name, coalesce(s.str_value, r.name) AS text, s.double_value AS real,
        xplane_number(s.int64_value, s.uint64_value, s.double_value) AS number
    FROM xplane_stat s
    JOIN xplane_stat_name n ON n.plane = s.plane AND n.metadata_id = coalesce(s.metadata_id, 0)
    LEFT JOIN xplane_stat_name r ON r.plane = s.plane AND r.metadata_id = s.ref_value
    WHERE n.name IN (
        'step_num', '_r', 'correlation_id', 'hlo_op', 'hlo_module', 'program_id', 'tf_op', 'kernel_details', 'memcpy_details',
        'memset_details', 'theoretical_occupancy_pct', 'flops', 'bytes_accessed', 'hlo_category', 'allocator_name',
        'index_on_host', 'bytes_allocated', 'bytes_reserved', 'peak_bytes_in_use', 'allocation_bytes', 'addr'
    )
) s
GROUP BY s.event;

-- What all events of one name share: on a TPU the HLO facts stand here.
CREATE OR REPLACE TEMP TABLE xplane_name_detail AS
SELECT s.plane, s.event_metadata_id AS metadata_id,
    max(coalesce(s.str_value, r.name)) FILTER (n.name = 'hlo_category') AS hlo_category,
    max(coalesce(s.str_value, r.name)) FILTER (n.name = 'tf_op') AS tf_op,
    max(xplane_number(s.int64_value, s.uint64_value, s.double_value)) FILTER (n.name = 'flops') AS flops,
    max(xplane_number(s.int64_value, s.uint64_value, s.double_value)) FILTER (n.name = 'bytes_accessed') AS bytes_accessed,
    max(xplane_number(s.int64_value, s.uint64_value, s.double_value)) FILTER (n.name = 'program_id') AS program_id
FROM xplane_event_name_stat s
JOIN xplane_stat_name n ON n.plane = s.plane AND n.metadata_id = coalesce(s.metadata_id, 0)
LEFT JOIN xplane_stat_name r ON r.plane = s.plane AND r.metadata_id = s.ref_value
GROUP BY ALL;

-- Modules are named `jit_step(12)` after their program.
CREATE OR REPLACE TEMP TABLE xplane_module AS
SELECT try_cast(regexp_extract(name, '\((\d+)\)$', 1) AS HUGEINT) AS program_id, min(regexp_replace(name, '\(\d+\)$', '')) AS module
FROM xplane_event_name WHERE regexp_matches(name, '\(\d+\)$') GROUP BY ALL;

INSERT INTO staged_kernel BY NAME
SELECT t.device_id, t.thread AS stream, coalesce(nullif(t.display_name, ''), t.name) AS name,
    CASE
        WHEN t.role = 'async' THEN 'async'
        WHEN d.kernel_details IS NOT NULL THEN 'kernel'
        WHEN d.is_memset OR t.name ILIKE 'memset%' THEN 'memset'
        WHEN d.copy_details IS NOT NULL OR t.name ILIKE 'memcpy%' THEN 'memcpy'
        ELSE 'kernel'
    END AS kind,
    t.start_ns, t.end_ns, d.correlation_id,
    nullif(nullif(rtrim(coalesce(d.tf_op, m.tf_op), ':'), ''), 'XlaModule') AS op_name,
    coalesce(d.hlo_module, o.module) AS module, coalesce(d.hlo_category, m.hlo_category) AS hlo_category,
    nullif(try_cast(regexp_extract(d.copy_details, '(?:^|\s)(?:size|num_bytes):(\d+)', 1) AS BIGINT), 0) AS bytes,
    CASE WHEN coalesce(d.flops, m.flops) >= 0 THEN try_cast(coalesce(d.flops, m.flops) AS BIGINT) END AS flops,
    CASE WHEN coalesce(d.bytes_accessed, m.bytes_accessed) >= 0
        THEN try_cast(coalesce(d.bytes_accessed, m.bytes_accessed) AS BIGINT) END AS bytes_accessed,
    nullif(regexp_extract(d.kernel_details, 'grid:([\d,]+)', 1), '') AS grid,
    nullif(regexp_extract(d.kernel_details, 'block:([\d,]+)', 1), '') AS block,
    try_cast(regexp_extract(d.kernel_details, 'regs:(\d+)', 1) AS INTEGER) AS registers_per_thread,
    coalesce(
        try_cast(regexp_extract(d.kernel_details, 'group_mem:(\d+)', 1) AS BIGINT),
        try_cast(regexp_extract(d.kernel_details, 'static_shared:(\d+)', 1) AS BIGINT)
            + coalesce(try_cast(regexp_extract(d.kernel_details, 'dynamic_shared:(\d+)', 1) AS BIGINT), 0)
    ) AS shared_memory_bytes,
    nullif(coalesce(d.occupancy_pct, try_cast(regexp_extract(d.kernel_details, 'occ_pct:([\d.]+)', 1) AS DOUBLE)), 0) / 100 AS occupancy_ratio,
    getvariable('capture') AS capture
FROM xplane_timed t
LEFT JOIN xplane_detail d USING (event)
LEFT JOIN xplane_name_detail m USING (plane, metadata_id)
LEFT JOIN xplane_module o ON o.program_id = coalesce(d.program_id, m.program_id)
WHERE t.role IN ('work', 'async') AND NOT xplane_is_container(coalesce(d.hlo_category, m.hlo_category));

INSERT INTO staged_annotation BY NAME -- what a device line repeats or groups is a range, never work
SELECT t.name, CASE t.role WHEN 'work' THEN 'device' ELSE t.role END AS kind, t.start_ns, t.end_ns, t.thread, t.device_id, false AS nests,
    getvariable('capture') AS capture
FROM xplane_timed t
LEFT JOIN xplane_detail d USING (event)
LEFT JOIN xplane_name_detail m USING (plane, metadata_id)
WHERE t.role IN ('module', 'step', 'runtime', 'device')
    OR (t.role = 'work' AND xplane_is_container(coalesce(d.hlo_category, m.hlo_category)));

-- The host. A TensorFlow kernel is named `scope/name:Type`, an XLA one carries its HLO instruction.
CREATE OR REPLACE TEMP TABLE xplane_host AS
SELECT * FROM (
    SELECT t.event, t.name, t.thread, t.start_ns, t.end_ns,
        CASE
            WHEN starts_with(t.name, 'end: ') THEN 'marker'
            WHEN t.name IN ('MemoryAllocation', 'MemoryDeallocation') THEN 'memory'
            WHEN d.step_num IS NOT NULL AND d.is_root IS NOT NULL THEN 'step'
            WHEN d.correlation_id IS NOT NULL THEN 'call'
            WHEN d.hlo_op IS NOT NULL THEN 'hlo'
            WHEN t.end_ns = t.start_ns THEN 'marker'
            WHEN regexp_matches(t.name, '^[A-Za-z0-9.][A-Za-z0-9_>./\\-]*:_?[A-Za-z][A-Za-z0-9_]*$') THEN 'node'
            WHEN starts_with(t.name, '$') THEN 'python'
            ELSE 'runtime'
        END AS role
    FROM xplane_timed t LEFT JOIN xplane_detail d USING (event)
    WHERE NOT t.is_device
) WHERE role <> 'marker';

INSERT INTO staged_op BY NAME
SELECT CASE role WHEN 'hlo' THEN regexp_replace(hlo_op, '(\.\d+)+$', '') ELSE regexp_extract(name, ':([^:]+)$', 1) END AS name,
    CASE role WHEN 'hlo' THEN concat_ws('/', hlo_module, hlo_op) ELSE regexp_extract(name, '^(.*):', 1) END AS module,
    hlo_category, start_ns, end_ns, thread, getvariable('capture') AS capture
FROM xplane_host LEFT JOIN xplane_detail USING (event) WHERE role IN ('hlo', 'node');

INSERT INTO staged_runtime_call BY NAME
SELECT name, start_ns, end_ns, thread, correlation_id, getvariable('capture') AS capture
FROM xplane_host JOIN xplane_detail USING (event) WHERE role = 'call';

INSERT INTO staged_annotation BY NAME
SELECT name, role AS kind, start_ns, end_ns, thread, false AS nests, getvariable('capture') AS capture
FROM xplane_host WHERE role IN ('step', 'python', 'runtime');

INSERT INTO staged_step BY NAME -- of several loops that mark steps, the one with the most
WITH loop AS (SELECT name, thread FROM xplane_host WHERE role = 'step' GROUP BY ALL ORDER BY count(*) DESC, min(start_ns) LIMIT 1)
SELECT step_num AS step, start_ns, end_ns, getvariable('capture') AS capture
FROM xplane_host JOIN loop USING (name, thread) JOIN xplane_detail USING (event) WHERE role = 'step';

-- A free may not say how much: then it is what was allocated at its address, else the fall of the allocator's own count.
INSERT INTO staged_memory_event BY NAME
WITH event AS (
    SELECT *, coalesce(index_on_host, try_cast(regexp_extract(allocator, '(?:GPU|TPU)_(\d+)', 1) AS HUGEINT), -1) AS device_id,
        name = 'MemoryAllocation' AS is_allocation
    FROM xplane_host JOIN xplane_detail USING (event) WHERE role = 'memory'
), sized AS (
    SELECT *, coalesce(
        allocation_bytes,
        last_value(allocation_bytes IGNORE NULLS) OVER (PARTITION BY device_id, allocator, address ORDER BY start_ns, event),
        abs(allocated_bytes - lag(allocated_bytes) OVER (PARTITION BY device_id, allocator ORDER BY start_ns, event)), 0
    ) AS size
    FROM event
)
SELECT coalesce(try_cast(device_id AS BIGINT), -1) AS device_id, start_ns AS at_ns, try_cast(CASE WHEN is_allocation THEN size ELSE -size END AS BIGINT) AS bytes,
    try_cast(address AS UBIGINT) AS address, try_cast(allocated_bytes AS BIGINT) AS allocated_bytes,
    try_cast(nullif(reserved_bytes, 0) AS BIGINT) AS reserved_bytes, try_cast(peak_bytes AS BIGINT) AS peak_bytes,
    coalesce(allocator, CASE WHEN index_on_host IS NOT NULL THEN 'TPU_' || index_on_host END) AS allocator,
    nullif(tf_op, '') AS op_name, getvariable('capture') AS capture
FROM sized;

INSERT INTO staged_device BY NAME
WITH fact AS (
    SELECT plane_name, min(text) FILTER (name = 'device_vendor') AS vendor, min(text) FILTER (name = 'device_type_string') AS model,
        max(number) FILTER (name = 'memory_size') AS memory_bytes, max(number) FILTER (name = 'core_count') AS compute_units,
        max(number) FILTER (name = 'compute_cap_major') AS major, max(number) FILTER (name = 'compute_cap_minor') AS minor
    FROM xplane_plane_fact GROUP BY ALL
), found AS (
    SELECT p.name, coalesce(try_cast(regexp_extract(p.name, ':(\d+)', 1) AS BIGINT), 0) AS device_id,
        CASE WHEN p.name LIKE '/device:GPU:%' THEN 'gpu' WHEN p.name LIKE '/device:TPU:%' THEN 'tpu' ELSE 'accelerator' END AS kind, f.*
    FROM xplane_plane p LEFT JOIN fact f ON f.plane_name = p.name
    WHERE p.name LIKE '/device:%' AND p.name NOT ILIKE '%SparseCore%'
)
SELECT device_id, kind,
    coalesce(vendor, CASE kind WHEN 'tpu' THEN 'Google' WHEN 'gpu' THEN CASE WHEN major IS NOT NULL THEN 'NVIDIA' END END) AS vendor,
    model, try_cast(memory_bytes AS BIGINT) AS memory_bytes, try_cast(compute_units AS INTEGER) AS compute_units, major || '.' || minor AS compute_capability
FROM found
WHERE device_id NOT IN (SELECT device_id FROM staged_device WHERE device_id IS NOT NULL)
QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY name) = 1;

INSERT INTO staged_fact BY NAME
WITH hint AS (
    SELECT EXISTS (FROM xplane_plane_fact WHERE name = 'jax_version')
        OR EXISTS (FROM xplane_event_name WHERE name LIKE 'PjitFunction(%')
        OR EXISTS (FROM xplane_line WHERE name LIKE 'py_xla_execute/%' OR name LIKE 'tf_XLAPjRt%') AS is_jax,
        EXISTS (FROM xplane_event_name WHERE name IN ('EagerExecute', 'ExecutorState::Process', 'FunctionRun', 'TFE_Py_ExecuteCancelable'))
        OR EXISTS (FROM xplane_line WHERE name LIKE 'tf_Compute/%') AS is_tensorflow
), fact(key, value) AS (
    SELECT 'framework', CASE WHEN is_jax THEN 'jax' WHEN is_tensorflow THEN 'tensorflow' END FROM hint
    UNION ALL SELECT 'n_events', count(*)::VARCHAR FROM xplane_event
    UNION ALL SELECT 'framework_version', min(text) FROM xplane_plane_fact WHERE name = 'jax_version'
    UNION ALL SELECT 'versions.jax', min(text) FROM xplane_plane_fact WHERE name = 'jax_version'
    UNION ALL SELECT 'versions.jaxlib', min(text) FROM xplane_plane_fact WHERE name = 'jaxlib_version'
    UNION ALL SELECT 'pid', min(text) FROM xplane_plane_fact WHERE name = 'process_id'
    UNION ALL SELECT 'profile_start_ns', getvariable('xplane_anchor')::VARCHAR
    UNION ALL SELECT DISTINCT 'device.' || device_id, plane_name FROM xplane_timeline WHERE role = 'work'
    UNION ALL SELECT 'profile_stop_ns', max(text) FROM xplane_plane_fact WHERE name = 'profile_stop_time'
    UNION ALL SELECT 'has_absolute_time', min(zero_ns >= 100000000000000000)::VARCHAR FROM xplane_timeline SEMI JOIN xplane_event USING (line)
)
SELECT key, value, getvariable('capture') AS capture FROM fact WHERE value IS NOT NULL;

INSERT INTO staged_finding BY NAME
SELECT 'no_events' AS code, 'error' AS severity, 1 AS count,
    'The trace holds no events: the profiler was stopped before it recorded any.' AS detail,
    'There is nothing to measure.' AS effect, getvariable('capture') AS capture
WHERE NOT EXISTS (FROM xplane_event);

DROP TABLE xplane_host;
DROP TABLE xplane_module;
DROP TABLE xplane_name_detail;
DROP TABLE xplane_detail;
DROP VIEW xplane_timed;
DROP TABLE xplane_timeline;
