-- What is said once in a Kineto file: the keys beside the events, the count of events, and what follows from all of them together.
-- Variables: header (JSON of the keys that are used), capture; events, unreadable and untimed count the entries of traceEvents.

INSERT INTO staged_fact
SELECT key, value, getvariable('capture')
FROM (
    SELECT 'framework' AS key, 'torch' AS value
    UNION ALL SELECT 'n_events', getvariable('events')::VARCHAR
    UNION ALL
    SELECT key, json_extract_string(getvariable('header')::JSON, '$.' || key)
    FROM (SELECT unnest(json_keys(getvariable('header')::JSON)) AS key)
    WHERE key NOT IN ('deviceProperties', 'distributedInfo', 'ERROR', 'WARNING')
    UNION ALL SELECT 'rank', json_extract_string(getvariable('header')::JSON, '$.distributedInfo.rank')
    UNION ALL SELECT 'world_size', json_extract_string(getvariable('header')::JSON, '$.distributedInfo.world_size')
    UNION ALL SELECT 'communication_backend', json_extract_string(getvariable('header')::JSON, '$.distributedInfo.backend')
    UNION ALL SELECT 'nccl_version', json_extract_string(getvariable('header')::JSON, '$.distributedInfo.nccl_version')
    UNION ALL SELECT 'framework_version', coalesce(
        json_extract_string(getvariable('header')::JSON, '$.torch_version'),
        json_extract_string(getvariable('header')::JSON, '$.pytorch_version'))
)
WHERE value <> '';

INSERT INTO staged_device BY NAME
SELECT
    property.id AS device_id,
    'gpu' AS kind,
    CASE
        WHEN property.name ILIKE '%amd%' OR property.name ILIKE '%instinct%' OR property.name ILIKE '%radeon%'
            OR json_exists(getvariable('header')::JSON, '$.hip_runtime_version') THEN 'AMD'
        WHEN property.name ILIKE '%intel%' THEN 'Intel'
        ELSE 'NVIDIA'
    END AS vendor,
    nullif(property.name, '') AS model,
    property."totalGlobalMem" AS memory_bytes,
    property."numSms" AS compute_units,
    property."computeMajor" || '.' || property."computeMinor" AS compute_capability
FROM (
    SELECT unnest(from_json(
        json_extract(getvariable('header')::JSON, '$.deviceProperties'),
        '[{"id": "BIGINT", "name": "VARCHAR", "totalGlobalMem": "BIGINT", "numSms": "INTEGER", "computeMajor": "VARCHAR", "computeMinor": "VARCHAR"}]'
    )) AS property
)
WHERE property.id NOT IN (SELECT device_id FROM staged_device);

-- ROCm numbers the devices of kernels by agent (CPUs first) and those of memory by GPU: with one of each they are the same one.
UPDATE staged_memory_event
SET device_id = (SELECT max(device_id) FROM staged_kernel)
WHERE device_id >= 0
    AND json_exists(getvariable('header')::JSON, '$.hip_runtime_version')
    AND (SELECT count(DISTINCT device_id) FROM staged_kernel) = 1
    AND (SELECT count(DISTINCT device_id) FROM staged_memory_event WHERE device_id >= 0) = 1;

-- Two properties of one number are two devices.
INSERT INTO staged_fact
SELECT 'device.' || device_id, 'property ' || number || ' (' || name || ')', getvariable('capture')
FROM (
    SELECT property.id AS device_id, coalesce(property.name, '?') AS name, row_number() OVER () AS number,
        count(*) OVER (PARTITION BY property.id) AS count
    FROM (SELECT unnest(from_json(json_extract(getvariable('header')::JSON, '$.deviceProperties'), '[{"id": "BIGINT", "name": "VARCHAR"}]')) AS property)
)
WHERE count > 1 AND device_id IS NOT NULL;

INSERT INTO staged_finding BY NAME
SELECT code, severity, len(lines) AS count, 'The profiler says: ' || array_to_string(lines[:3], '; ') AS detail,
    'The capture may be partial.' AS effect, getvariable('capture') AS capture
FROM (
    SELECT 'profiler_' || lower(key) || 's' AS code, lower(key) AS severity,
        try_cast(json_extract(getvariable('header')::JSON, '$.' || key) AS VARCHAR[]) AS lines
    FROM (VALUES ('ERROR'), ('WARNING')) AS known (key)
)
WHERE len(lines) > 0;

INSERT INTO staged_finding BY NAME
SELECT unnest([
    struct_pack(code := 'events_unreadable', severity := 'warning', count := getvariable('unreadable'),
        detail := printf('%d of %d entries of traceEvents are not events.', getvariable('unreadable'), getvariable('events')),
        effect := 'They are left out.'),
    struct_pack(code := 'events_without_time', severity := 'warning', count := getvariable('untimed'),
        detail := printf('%d of %d events have no readable start.', getvariable('untimed'), getvariable('events')),
        effect := 'They are left out.'),
    struct_pack(code := 'no_events', severity := 'error', count := (getvariable('events') = 0)::BIGINT,
        detail := 'The trace holds no events: the profiler was stopped before it recorded any, or its buffers overflowed.',
        effect := 'There is nothing to measure.')
], max_depth := 2), getvariable('capture') AS capture;
