-- What xplane.sql needs to know before the first event: planes, lines and names (the relations of xplane_tables.py).
-- A missing number is zero on the wire, so ids and times are coalesced; oneof values are always written.
-- Tables and macros are not temporary: every connection that maps events reads them. Variable: capture.

CREATE OR REPLACE MACRO xplane_number(stat) AS
    coalesce(stat.int64_value::HUGEINT, stat.uint64_value::HUGEINT, try_cast(stat.double_value AS HUGEINT));

CREATE OR REPLACE MACRO xplane_amount(number) AS CASE WHEN number >= 0 THEN try_cast(number AS BIGINT) END;

-- A time beyond 2^61 is none: an event that counts from it gets a time that no clock shows, which plausible.sql leaves out.
CREATE OR REPLACE MACRO xplane_is_time(number) AS number BETWEEN -2305843009213693952 AND 2305843009213693952;

CREATE OR REPLACE TABLE xplane_plane_fact AS
SELECT p.plane, p.name AS plane_name, n.name, s.bytes_value, xplane_number(s) AS number,
    coalesce(s.str_value, r.name, xplane_number(s)::VARCHAR) AS text
FROM xplane_plane_stat s
JOIN xplane_plane p USING (plane)
JOIN xplane_stat_name n ON n.plane = s.plane AND n.metadata_id = s.metadata_id
LEFT JOIN xplane_stat_name r ON r.plane = s.plane AND r.metadata_id = s.ref_value;

-- Lines: what each one holds, and the unix time of its zero. Writers since 2025 store the line's time relative to the
-- start of the session, older ones store unix time: a value before 1973 is a relative one.
SET VARIABLE xplane_anchor = (
    SELECT try_cast(max(number) AS BIGINT) FROM xplane_plane_fact WHERE plane_name = 'Task Environment' AND name = 'profile_start_time'
);
CREATE OR REPLACE TABLE xplane_timeline AS
WITH whole AS ( -- a long line comes in pieces
    SELECT line, plane, coalesce(max(id), 0) AS id, max(name) AS name, max(display_name) AS display_name,
        coalesce(max(timestamp_ns), 0) AS timestamp_ns
    FROM xplane_line GROUP BY ALL
), named AS (
    SELECT l.line, l.plane, p.name AS plane_name, starts_with(p.name, '/device:') AS is_device,
        coalesce(nullif(l.display_name, ''), nullif(l.name, ''), 'line ' || l.id) AS name, l.id, l.timestamp_ns
    FROM whole l JOIN xplane_plane p USING (plane)
), counted AS (
    SELECT *, count(*) OVER (PARTITION BY plane, name) > 1 AS is_ambiguous,
        bool_or(starts_with(name, 'Stream #')) OVER (PARTITION BY plane) AS has_streams
    FROM named
)
SELECT line, plane, CASE WHEN is_ambiguous THEN name || '/' || id ELSE name END AS thread,
    CASE WHEN is_device THEN coalesce(try_cast(regexp_extract(plane_name, ':(\d+)', 1) AS BIGINT), 0) END AS device_id,
    CASE WHEN xplane_is_time(timestamp_ns) AND xplane_is_time(coalesce(getvariable('xplane_anchor'), 0))
        THEN timestamp_ns + CASE WHEN timestamp_ns < 100000000000000000 THEN coalesce(getvariable('xplane_anchor'), 0) ELSE 0 END
        ELSE 5000000000000000000 END AS zero_ns,
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

-- Modules are named `jit_step(12)` after their program.
CREATE OR REPLACE TABLE xplane_module AS
SELECT try_cast(regexp_extract(name, '\((\d+)\)$', 1) AS HUGEINT) AS program_id, min(regexp_replace(name, '\(\d+\)$', '')) AS module
FROM xplane_event_name WHERE regexp_matches(name, '\(\d+\)$') GROUP BY ALL;

-- Names: what an event on the host is as far as its name tells, and what all events of one name share: on a TPU the HLO facts.
-- A TensorFlow kernel is named `scope/name:Type`. XLA's copy-start begins a copy that runs beside the core, copy-done has the core wait for its
-- end (xprof's hlo_stats lists both under these categories): neither computes.
CREATE OR REPLACE TABLE xplane_name AS
WITH shared AS (
    SELECT s.plane, s.event_metadata_id AS metadata_id,
        max(coalesce(s.str_value, r.name)) FILTER (n.name = 'hlo_category') AS hlo_category,
        max(coalesce(s.str_value, r.name)) FILTER (n.name = 'tf_op') AS tf_op,
        max(xplane_number(s)) FILTER (n.name = 'flops') AS flops,
        max(xplane_number(s)) FILTER (n.name = 'bytes_accessed') AS bytes_accessed,
        max(xplane_number(s)) FILTER (n.name = 'program_id') AS program_id
    FROM xplane_event_name_stat s
    JOIN xplane_stat_name n ON n.plane = s.plane AND n.metadata_id = s.metadata_id
    LEFT JOIN xplane_stat_name r ON r.plane = s.plane AND r.metadata_id = s.ref_value
    GROUP BY ALL
)
SELECT DISTINCT ON (plane, metadata_id) plane, metadata_id, coalesce(name, '') AS name,
    coalesce(nullif(display_name, ''), name, '') AS kernel_name,
    CASE
        WHEN starts_with(name, 'end: ') THEN 'marker'
        WHEN name IN ('MemoryAllocation', 'MemoryDeallocation') THEN 'memory'
        WHEN regexp_matches(name, '^[A-Za-z0-9.][A-Za-z0-9_>./\\-]*:_?[A-Za-z][A-Za-z0-9_]*$') THEN 'node'
        WHEN starts_with(name, '$') THEN 'python'
        ELSE 'runtime'
    END AS sort,
    regexp_extract(name, ':([^:]+)$', 1) AS op_name, regexp_extract(name, '^(.*):', 1) AS op_module,
    hlo_category, tf_op, flops, bytes_accessed, program_id, coalesce(hlo_category IN ('while', 'conditional', 'call'), false) AS is_container,
    coalesce(name ILIKE 'memset%', false) AS is_memset,
    coalesce(name ILIKE 'memcpy%' OR hlo_category IN ('copy-start', 'copy-done'), false) AS is_memcpy
FROM xplane_event_name LEFT JOIN shared USING (plane, metadata_id);

CREATE OR REPLACE TABLE xplane_stat AS FROM xplane_stat_name;
CREATE OR REPLACE TABLE xplane_no_event AS FROM xplane_no_stat;

-- Filled by xplane.sql, for xplane_trailer.sql.
CREATE OR REPLACE TABLE xplane_count (line BIGINT, events BIGINT);
CREATE OR REPLACE TABLE xplane_step (name VARCHAR, thread VARCHAR, step BIGINT, start_ns BIGINT, end_ns BIGINT);
CREATE OR REPLACE TABLE xplane_memory_event (
    event BIGINT, at_ns BIGINT, is_allocation BOOLEAN, device_id BIGINT, allocator VARCHAR, index_on_host HUGEINT, address HUGEINT,
    allocation_bytes HUGEINT, allocated_bytes HUGEINT, reserved_bytes HUGEINT, peak_bytes HUGEINT, op_name VARCHAR
);

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
    UNION ALL SELECT 'framework_version', min(text) FROM xplane_plane_fact WHERE name = 'jax_version'
    UNION ALL SELECT 'versions.jax', min(text) FROM xplane_plane_fact WHERE name = 'jax_version'
    UNION ALL SELECT 'versions.jaxlib', min(text) FROM xplane_plane_fact WHERE name = 'jaxlib_version'
    UNION ALL SELECT 'pid', min(text) FROM xplane_plane_fact WHERE name = 'process_id'
    UNION ALL SELECT 'profile_start_ns', getvariable('xplane_anchor')::VARCHAR
    UNION ALL SELECT DISTINCT 'device.' || device_id, p.name FROM xplane_timeline JOIN xplane_plane AS p USING (plane) WHERE role = 'work'
    UNION ALL SELECT 'profile_stop_ns', max(text) FROM xplane_plane_fact WHERE name = 'profile_stop_time'
)
SELECT key, value, getvariable('capture') AS capture FROM fact WHERE value IS NOT NULL;
