-- One row is one slice of one rank: a step, annotation, operator, runtime call or piece of device work that starts in the window,
-- in the order in which a viewer reads its rows: by start, the longer one first. Times are on the clock of the run.
-- flow: the runtime call that a piece of device work and its launch share.
-- A track is a row of the viewer; lanes split it where its slices cross. A term is a name; all ranks share the numbers of them.
CREATE OR REPLACE TEMP TABLE found AS
WITH launched AS (
    SELECT DISTINCT call_id
    FROM kernel
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND call_id IS NOT NULL
        AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')
)
SELECT
    'step' AS source, 0 AS priority, 'steps' AS kind, NULL::BIGINT AS device_id, NULL AS thread, step AS number,
    'step ' || step AS name, 'step' AS category, start_ns, dur_ns, NULL::BIGINT AS flow, {step} AS args
FROM step
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')
UNION ALL
SELECT
    'annotation', 1, if(device_id IS NULL, 'thread', 'projection'), device_id, thread, NULL,
    name, kind, start_ns, dur_ns, NULL, {annotation}
FROM annotation
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')
UNION ALL
SELECT 'op', 2, 'thread', NULL, thread, op_id, name, category, start_ns, dur_ns, NULL, {op}
FROM op
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')
UNION ALL
SELECT 'runtime_call', 3, 'thread', NULL, thread, call_id, name, kind, start_ns, dur_ns,
    if(call_id IN (FROM launched), call_id, NULL), {runtime_call}
FROM runtime_call
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')
UNION ALL
SELECT
    'kernel', 4, 'stream', device_id, stream, kernel_id, name, category, start_ns, dur_ns,
    call_id, {kernel}
FROM kernel
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns');

INSERT INTO term
SELECT (SELECT count(*) FROM term) + row_number() OVER (ORDER BY name), name, getvariable('rank')
FROM (SELECT DISTINCT name FROM found)
ANTI JOIN term ON term.text = name;

CREATE OR REPLACE TEMP TABLE track AS
SELECT
    row_number() OVER (
        ORDER BY list_position(['steps', 'thread', 'stream', 'projection'], kind), device_id, try_cast(thread AS BIGINT), thread
    ) AS track,
    kind, device_id, thread
FROM (SELECT DISTINCT kind, device_id, thread FROM found);

CREATE OR REPLACE TEMP TABLE slice AS
SELECT row_number() OVER () AS position, 0 AS lane, *
FROM (
    SELECT
        track, source, number, term.id AS term, category, start_ns + getvariable('offset_ns') AS start_ns, dur_ns,
        flow, args
    FROM found
    JOIN term ON term.text = found.name
    JOIN track ON
        track.kind = found.kind AND track.device_id IS NOT DISTINCT FROM found.device_id
        AND track.thread IS NOT DISTINCT FROM found.thread
    ORDER BY track, start_ns, dur_ns DESC, priority, number
);

DROP TABLE found;
