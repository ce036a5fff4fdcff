-- From a run folder to the tables of schema.sql. Variables: document (run.json), status, steps, samples (paths or NULL), run_id, rank,
-- windows (numbers of the captures that are there).

CREATE OR REPLACE TEMP MACRO said(path) AS nullif(json_extract_string(getvariable('document')::JSON, path), 'null');
CREATE OR REPLACE TEMP MACRO said_number(path) AS try_cast(said(path) AS BIGINT);
CREATE OR REPLACE TEMP MACRO said_object(path) AS CASE json_type(getvariable('document')::JSON, path)
    WHEN 'OBJECT' THEN json_extract(getvariable('document')::JSON, path) END;

INSERT INTO run BY NAME
SELECT getvariable('run_id') AS run_id, coalesce(said('$.run'), getvariable('run_id')) AS run,
    said('$.framework') AS framework, said('$.framework_version') AS framework_version, said('$.model') AS model,
    said('$.precision') AS precision, said('$.phase') AS phase, said_number('$.batch_size') AS batch_size,
    said_number('$.world_size')::INTEGER AS world_size, said_number('$.started_ns') AS started_ns, said_number('$.ended_ns') AS ended_ns,
    getvariable('status') AS status, 'recording' AS source, said('$.host.name') AS host,
    said('$.process.python_version') AS python_version, said('$.git.commit') AS git_commit,
    try_cast(said('$.git.is_dirty') AS BOOLEAN) AS git_is_dirty,
    said_object('$.links')::MAP(VARCHAR, VARCHAR) AS links,
    said_object('$.tags')::MAP(VARCHAR, VARCHAR) AS tags, said_object('$.config') AS config,
    said_object('$.versions')::MAP(VARCHAR, VARCHAR) AS versions, said_object('$.environment')::MAP(VARCHAR, VARCHAR) AS environment,
    said_object('$.options_requested') AS options_requested, said_object('$.options_effective') AS options_effective,
    said('$.crossprof_version') AS crossprof_version;

INSERT INTO device BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, device.*
FROM (
    SELECT unnest(from_json(json_extract(getvariable('document')::JSON, '$.devices'), '[{
        "device_id": "BIGINT", "kind": "VARCHAR", "vendor": "VARCHAR", "model": "VARCHAR", "uuid": "VARCHAR", "memory_bytes": "BIGINT",
        "compute_units": "INTEGER", "compute_capability": "VARCHAR", "source": "VARCHAR"}]')) AS device
)
WHERE device.device_id IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY device.device_id) = 1;

-- A line that the end of the process cut in two reads as NULLs. A folder named key=value is no column: Hydra names its own so.
CREATE OR REPLACE TEMP TABLE step_line (
    step BIGINT, start_ns BIGINT, end_ns BIGINT, state VARCHAR, capture INTEGER, samples BIGINT, tokens BIGINT
);
CREATE OR REPLACE TEMP TABLE sample_line (at_ns BIGINT, source VARCHAR, device VARCHAR, device_id BIGINT, "values" MAP(VARCHAR, DOUBLE));
INSERT INTO step_line SELECT * FROM query(CASE WHEN getvariable('steps') IS NULL THEN 'FROM step_line' ELSE
    'SELECT * FROM read_json(getvariable(''steps''), format = ''newline_delimited'', ignore_errors = true, hive_partitioning = false, columns = {
        step: ''BIGINT'', start_ns: ''BIGINT'', end_ns: ''BIGINT'', state: ''VARCHAR'', capture: ''INTEGER'', samples: ''BIGINT'',
        tokens: ''BIGINT''})' END);
INSERT INTO sample_line SELECT * FROM query(CASE WHEN getvariable('samples') IS NULL THEN 'FROM sample_line' ELSE
    'SELECT * FROM read_json(getvariable(''samples''), format = ''newline_delimited'', ignore_errors = true, hive_partitioning = false, columns = {
        at_ns: ''BIGINT'', source: ''VARCHAR'', device: ''VARCHAR'', device_id: ''BIGINT'', values: ''MAP(VARCHAR, DOUBLE)''})' END);

-- A step whose window was dropped to save space ran under a profiler and has no trace: no statistic takes it.
INSERT INTO step BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, step, start_ns, end_ns - start_ns AS dur_ns,
    state IN ('warmup', 'profiled') AND NOT is_dropped AS is_profiled, state IN ('unmeasured', 'warmup') OR is_dropped AS is_warmup,
    CASE WHEN NOT is_dropped THEN capture END AS capture, samples, tokens, 'crossprof' AS source
FROM (SELECT *, capture IS NOT NULL AND NOT list_contains(getvariable('windows')::BIGINT[], capture) AS is_dropped FROM step_line)
WHERE step IS NOT NULL AND start_ns IS NOT NULL AND end_ns >= start_ns AND state IS NOT NULL;

INSERT INTO capture BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, noted.*
FROM (
    SELECT unnest(from_json(json_extract(getvariable('document')::JSON, '$.captures'), '[{
        "capture": "INTEGER", "trigger": "VARCHAR", "reason": "VARCHAR", "state": "VARCHAR", "first_step": "BIGINT", "last_step": "BIGINT",
        "started_ns": "BIGINT", "stopped_ns": "BIGINT", "bytes": "BIGINT"}]')) AS noted
)
WHERE noted.capture IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY noted.capture) = 1;

-- Readings are joined by UUID: the index of a device is another one to NVML than to the framework. Only where the framework itself
-- reads, its number is at hand.
INSERT INTO sample BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank,
    CASE WHEN line.device IS NOT NULL THEN device.device_id WHEN line.device_id IS NOT NULL THEN line.device_id WHEN starts_with(reading.key, 'process.') THEN -1 END AS device_id,
    line.at_ns, reading.key AS metric, reading.value, json_extract_string(said_object('$.units'), '$."' || reading.key || '"') AS unit,
    reading.value IS NOT NULL AS is_valid, line.source
FROM (SELECT * EXCLUDE ("values"), unnest(map_entries("values")) AS reading FROM sample_line WHERE at_ns IS NOT NULL) AS line
LEFT JOIN (
    SELECT uuid, min(device_id) AS device_id FROM device
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND uuid IS NOT NULL GROUP BY uuid
) AS device ON device.uuid = line.device
WHERE line.device IS NULL OR device.device_id IS NOT NULL;

INSERT INTO rank BY NAME
WITH capture AS (
    SELECT unnest(from_json(json_extract(getvariable('document')::JSON, '$.captures'),
        '[{"start_dur_ns": "BIGINT", "stop_dur_ns": "BIGINT", "export_dur_ns": "BIGINT"}]')) AS spent
), window_sum AS (
    SELECT count(*) AS capture_count, sum(spent.start_dur_ns) AS profiler_start_ns, sum(spent.stop_dur_ns) AS profiler_stop_ns,
        sum(spent.export_dur_ns) AS profiler_export_ns FROM capture
)
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, said_number('$.local_rank') AS local_rank, said('$.host.name') AS host,
    said('$.host.boot_id') AS boot_id, said_number('$.process.pid') AS pid, 0 AS clock_offset_ns,
    said_number('$.started_ns') AS started_ns, said_number('$.ended_ns') AS ended_ns, getvariable('status') AS status,
    (SELECT count(*) FROM step_line WHERE step IS NOT NULL) AS step_count,
    (SELECT count(*) FROM step_line WHERE state IN ('warmup', 'profiled')) AS profiled_step_count, window_sum.*,
    try_cast(said('$.sampler.cpu_ratio') AS DOUBLE) AS sampler_cpu_ratio
FROM window_sum;

INSERT INTO finding BY NAME -- what the collectors noticed
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, noted.code, coalesce(noted.severity, 'info') AS severity,
    coalesce(noted.count, 1) AS count, coalesce(noted.detail, '') AS detail, noted.effect
FROM (
    SELECT unnest(from_json(json_extract(getvariable('document')::JSON, '$.findings'),
        '[{"code": "VARCHAR", "severity": "VARCHAR", "count": "BIGINT", "detail": "VARCHAR", "effect": "VARCHAR"}]')) AS noted
)
WHERE noted.code IS NOT NULL;

INSERT INTO staged_finding BY NAME
SELECT 'recording_killed' AS code, 'warning' AS severity, 1 AS count,
    'The process ended without closing its recording: it was killed, or the machine went down.' AS detail,
    'Steps and readings up to that moment are kept; a capture that was not written is missing.' AS effect
WHERE getvariable('status') = 'killed';

INSERT INTO staged_finding BY NAME
SELECT 'run_' || getvariable('status') AS code, 'warning' AS severity, 1 AS count,
    'The recorded code ended before its time: ' || coalesce(said('$.error'), 'no reason was noted') || '.' AS detail,
    'Everything up to that moment is kept; it may not be what a whole run would show.' AS effect
WHERE getvariable('status') IN ('failed', 'interrupted');

INSERT INTO staged_finding BY NAME
SELECT 'few_steps' AS code, 'warning' AS severity, count, 'Only ' || count || ' steps without a profiler were timed.' AS detail,
    'Under 5 say nothing about their own spread: the step time has no interval.' AS effect
FROM (SELECT count(*) FILTER (state = 'bare') AS count FROM step_line)
WHERE count BETWEEN 1 AND 4;

INSERT INTO staged_finding BY NAME
SELECT 'lines_torn' AS code, 'info' AS severity, count, count || ' lines of the recording could not be read.' AS detail,
    'Those steps or readings are missing.' AS effect
FROM (
    SELECT (SELECT count(*) FROM step_line WHERE step IS NULL OR start_ns IS NULL OR end_ns IS NULL)
        + (SELECT count(*) FROM sample_line WHERE at_ns IS NULL) AS count
) WHERE count > 0;

INSERT INTO staged_finding BY NAME
SELECT 'device_unknown' AS code, 'warning' AS severity, count(*) AS count,
    'Telemetry names a device that the run does not: ' || line.device AS detail, 'Its readings are left out.' AS effect
FROM sample_line AS line
WHERE line.device IS NOT NULL AND line.device NOT IN (FROM (SELECT uuid FROM device WHERE uuid IS NOT NULL))
GROUP BY line.device;

DROP TABLE step_line;
DROP TABLE sample_line;
