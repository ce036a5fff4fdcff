-- What the capture of one rank missed or cut, read off its events and what the profiler says of itself. Variables: run_id, rank.

CREATE OR REPLACE TEMP VIEW timed AS
SELECT start_ns, end_ns FROM staged_kernel UNION ALL SELECT start_ns, end_ns FROM staged_op
UNION ALL SELECT start_ns, end_ns FROM staged_runtime_call;

INSERT INTO staged_finding BY NAME
SELECT 'events_dropped' AS code, 'error' AS severity, sum(count)::BIGINT AS count,
    'The profiler says that it dropped events: ' || left(any_value(detail), 300) AS detail,
    'Counts, sums and busy times are too low. Record fewer steps, or give the profiler a larger buffer.' AS effect
FROM staged_finding
WHERE code IN ('profiler_errors', 'profiler_warnings')
    AND regexp_matches(detail, '(?i)\bdrop|DEVICE_STOPPED|overflow|out of buffer|buffers? (is|are|was|were) full|lost events|events (were )?lost')
HAVING count(*) > 0;

-- Converters of xprof and the trace viewer of TensorFlow stop at a million events without a word (jax#21295).
INSERT INTO staged_finding BY NAME
SELECT 'events_capped' AS code, 'error' AS severity, 1 AS count,
    'The file holds exactly 1,000,000 events, where some writers stop.' AS detail,
    'What came after is missing: counts and sums are too low. Record fewer steps, or read the XPlane file itself.' AS effect
WHERE EXISTS (FROM staged_fact WHERE key = 'n_events' AND value = '1000000');

-- A device may be far behind its host: what is launched last then lies beyond the end of the capture, and nothing of it is lost.
-- A launch is late when its thread has no later one with work, and it came nearer to the end than the device ever was behind.
INSERT INTO staged_finding BY NAME
WITH work AS (
    SELECT correlation_id, capture, min(start_ns) AS start_ns, max(end_ns) AS end_ns
    FROM staged_kernel WHERE correlation_id IS NOT NULL GROUP BY ALL
),
launch AS (
    SELECT call.capture, call.thread, call.start_ns, work.start_ns - call.start_ns AS behind_ns,
        greatest(call.end_ns, work.end_ns) AS end_ns
    FROM staged_runtime_call AS call
    JOIN call_name AS known ON known.name = call.name AND known.kind IN ('launch', 'graph_launch')
    LEFT JOIN work ON work.correlation_id = call.correlation_id AND work.capture IS NOT DISTINCT FROM call.capture
    WHERE call.correlation_id IS NOT NULL
),
thread AS (
    SELECT capture, thread, count(*) AS launches, max(start_ns) FILTER (behind_ns IS NOT NULL) AS last_ns,
        max(max(behind_ns)) OVER (PARTITION BY capture) AS behind_ns, max(max(end_ns)) OVER (PARTITION BY capture) AS end_ns
    FROM launch GROUP BY capture, thread
),
judged AS (
    SELECT launch.start_ns, coalesce(launch.start_ns > thread.end_ns - thread.behind_ns, false)
        AND launch.start_ns > coalesce(last_ns, 0) AS is_late
    FROM launch
    JOIN thread ON thread.capture IS NOT DISTINCT FROM launch.capture AND thread.thread IS NOT DISTINCT FROM launch.thread
    WHERE launch.behind_ns IS NULL
),
counted AS (
    SELECT count(*) AS missing, count(*) FILTER (is_late) AS late,
        count(*) FILTER (NOT is_late AND judged.start_ns < first_work.start_ns) AS early,
        (SELECT sum(launches)::BIGINT FROM thread) AS launches, (SELECT max(behind_ns) FROM thread) AS behind_ns
    FROM judged, (SELECT min(start_ns) AS start_ns FROM work) AS first_work
    WHERE first_work.start_ns IS NOT NULL
)
SELECT 'launches_without_work' AS code, 'warning' AS severity, missing AS count,
    printf('%d of %d launches have no work on a device, %d of them before the first work that was recorded', missing, launches, early)
        || CASE WHEN late > 0 THEN printf('; %d are the last ones, and the device was up to %.3f ms behind', late, behind_ns / 1e6) ELSE '' END
        || '.' AS detail,
    CASE WHEN missing - late > 0.05 * launches
        THEN 'Records of the device are missing: busy times and sums are too low. Warm up before the capture, or record fewer steps.'
        ELSE 'The capture ends before the device comes to them: its times hold for what was captured, sums by step lack that work. '
            'Wait for the device before the capture ends.' END AS effect
FROM counted
WHERE missing > 0.05 * launches;

INSERT INTO staged_finding BY NAME
WITH stop AS (SELECT max(try_cast(value AS BIGINT)) AS at_ns FROM staged_fact WHERE key = 'profile_stop_ns')
SELECT 'events_after_end' AS code, 'warning' AS severity, count(*) AS count,
    printf('%d events end after the capture did, by up to %.3f ms.', count(*), max(end_ns - stop.at_ns) / 1e6) AS detail,
    'They were cut or written late: their durations are not to be trusted.' AS effect
FROM timed, stop
WHERE timed.end_ns > stop.at_ns
HAVING count(*) > 0;

INSERT INTO staged_finding BY NAME
WITH extent AS (SELECT max(start_ns) - min(start_ns) AS dur_ns, count(*) AS events FROM timed)
SELECT 'durations_overrun' AS code, 'error' AS severity, count(*) AS count,
    printf('%d events last longer than twice the time between the first start and the last, by up to %.3f s.', count(*),
        max(end_ns - start_ns) / 1e9) AS detail,
    'Sums and busy times that hold them are too high.' AS effect
FROM timed, extent
WHERE end_ns - start_ns > 2 * extent.dur_ns AND extent.events >= 100
HAVING count(*) > 0;

-- Steps on the host may be short while it runs ahead of the device: only a quarter of the others is no step.
INSERT INTO staged_finding BY NAME
WITH stop AS (SELECT max(try_cast(value AS BIGINT)) AS at_ns FROM staged_fact WHERE key = 'profile_stop_ns'),
marked AS (
    SELECT start_ns, dur_ns, start_ns IN (min(start_ns) OVER (), max(start_ns) OVER ()) AS is_edge
    FROM step WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND source = 'profiler'
),
judged AS (
    SELECT is_edge AND (
        coalesce(start_ns + dur_ns > stop.at_ns, false)
        OR coalesce(dur_ns < 0.25 * median(CASE WHEN NOT is_edge THEN dur_ns END) OVER (), false)) AS is_cut
    FROM marked, stop
)
SELECT 'steps_cut' AS code, 'warning' AS severity, count(*) FILTER (is_cut) AS count,
    printf('%d of %d steps lie at an edge of the capture, and end after it or take under a quarter of the others.',
        count(*) FILTER (is_cut), count(*)) AS detail,
    'The capture holds only a part of such a step. Compare the steps between, or start and stop the profiler between steps.' AS effect
FROM judged
HAVING count(*) FILTER (is_cut) > 0;

-- torch 2.12 keeps the totals and writes no memory event (pytorch#166121).
INSERT INTO staged_finding BY NAME
SELECT 'no_memory_events' AS code, 'warning' AS severity, 1 AS count,
    'profile_memory was on, and the trace holds no memory event.' AS detail,
    'Nothing can be said of memory from this trace. torch 2.12 has that bug; use another version, or a memory snapshot.' AS effect
WHERE EXISTS (FROM staged_fact WHERE key = 'profile_memory' AND value IN ('1', 'true'))
    AND NOT EXISTS (FROM staged_memory_event) AND EXISTS (FROM staged_op);

INSERT INTO staged_finding BY NAME
SELECT 'allocator_preallocates' AS code, 'info' AS severity, count(*) AS count,
    printf('The first memory event of %d devices finds %.0f %% of the memory reserved.', count(*), 100 * max(first_bytes / memory_bytes)) AS detail,
    'The allocator took it at once: reserved and used memory say how large the pool is, not what the work needs. Compare allocated memory.' AS effect
FROM (
    SELECT device_id, arg_min(reserved_bytes, at_ns)::DOUBLE AS first_bytes
    FROM staged_memory_event WHERE device_id >= 0 AND reserved_bytes IS NOT NULL GROUP BY device_id
)
JOIN (
    SELECT device_id, max(memory_bytes) AS memory_bytes FROM device
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') GROUP BY device_id
) USING (device_id)
WHERE first_bytes > memory_bytes / 2
HAVING count(*) > 0;

INSERT INTO staged_finding BY NAME
SELECT 'allocator_preallocates' AS code, 'info' AS severity, 1 AS count,
    'JAX takes 75 % of a GPU at its start: XLA_PYTHON_CLIENT_PREALLOCATE is not false.' AS detail,
    'Memory that the driver reports is the size of the pool, not what the work needs. Compare allocated memory.' AS effect
FROM run
WHERE run_id = getvariable('run_id') AND framework = 'jax'
    AND EXISTS (FROM device WHERE run_id = getvariable('run_id') AND kind = 'gpu' AND source = 'framework')
    AND lower(coalesce(environment['XLA_PYTHON_CLIENT_PREALLOCATE'], 'true')) NOT IN ('false', '0')
    AND coalesce(environment['XLA_PYTHON_CLIENT_ALLOCATOR'], '') <> 'platform'
    AND coalesce(environment['XLA_PYTHON_CLIENT_MEM_FRACTION'], '') = '';

INSERT INTO staged_finding BY NAME
SELECT 'devices_merged' AS code, 'warning' AS severity, count(*) AS count,
    'Several devices stand behind one number: ' || string_agg(key[8:] || ' is ' || planes, '; ' ORDER BY key) || '.' AS detail,
    'Their work counts as that of one device: busy and kernel times of it are those of all together.' AS effect
FROM (SELECT key, string_agg(DISTINCT value, ', ' ORDER BY value) AS planes FROM staged_fact WHERE starts_with(key, 'device.')
    GROUP BY key, capture HAVING count(DISTINCT value) > 1)
HAVING count(*) > 0;

DROP VIEW timed;
