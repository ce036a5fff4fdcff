-- The run and the rank of a foreign trace, from what it says of itself and what derive.py made of it.
-- Variables: run_id, rank, run, framework, tags, rank_count, crossprof_version.

CREATE OR REPLACE TEMP MACRO fact(name) AS (SELECT max(value) FROM staged_fact WHERE key = name);

CREATE OR REPLACE TEMP TABLE trace_span AS
SELECT min(start_ns) AS started_ns, max(end_ns) AS ended_ns
FROM (
    SELECT min(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns FROM kernel
    UNION ALL SELECT min(start_ns), max(start_ns + dur_ns) FROM op
    UNION ALL SELECT min(start_ns), max(start_ns + dur_ns) FROM runtime_call
    UNION ALL SELECT min(start_ns), max(greatest(start_ns, end_ns)) FROM staged_annotation
    UNION ALL SELECT min(at_ns), max(at_ns) FROM memory_event
);

INSERT INTO run BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('run') AS run,
    coalesce(getvariable('framework'), fact('framework')) AS framework, fact('framework_version') AS framework_version,
    greatest(try_cast(fact('world_size') AS INTEGER), getvariable('rank_count'), 1)::INTEGER AS world_size,
    started_ns, ended_ns, 'imported' AS status, 'trace' AS source, fact('host_name') AS host,
    getvariable('tags')::JSON::MAP(VARCHAR, VARCHAR) AS tags,
    (SELECT map_from_entries(list((key[10:], value) ORDER BY key)) FROM (
        SELECT DISTINCT ON (key) key, value FROM staged_fact WHERE starts_with(key, 'versions.'))) AS versions,
    try_cast(fact('options_effective') AS JSON) AS options_effective, getvariable('crossprof_version') AS crossprof_version
FROM trace_span;

INSERT INTO rank BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, fact('host_name') AS host, try_cast(fact('pid') AS BIGINT) AS pid,
    0 AS clock_offset_ns, started_ns, ended_ns, 'imported' AS status,
    (SELECT count(*) FROM step) AS step_count, (SELECT count(*) FROM step) AS profiled_step_count, 1 AS capture_count
FROM trace_span;

INSERT INTO finding BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, 'time_relative' AS code, 'info' AS severity, 1 AS count,
    'The trace does not say when it began: its times count from an instant of its own.' AS detail,
    'Durations hold; the date is wrong, and nothing outside the trace can be laid beside it.' AS effect
FROM trace_span WHERE started_ns < 100000000000000000; -- before 1973

DROP TABLE trace_span;
