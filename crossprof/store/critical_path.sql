-- What the critical path of a step is computed from. Statements are separated by a line of three dashes; each but the last fills a
-- temporary table that the next ones read. Instants are relative to the start of the component, on the clock of the run's lowest rank.
-- A component is what one graph spans: one step of one rank, or of all ranks of a run whose clocks are known.

-- The steps that get a path: the measured ones nearest to the run's median step time (of the slowest rank), as many as hold 10,000
-- operators and kernels a rank together, and at least one. A rank without measured steps gets one path over its capture, if that is
-- small enough. A step of more than 200,000 operators and kernels in all ranks, or of over 500 s, has none.
CREATE OR REPLACE TEMP MACRO is_loading(name) AS regexp_matches(name, '(?i)data_?load|dataset|prefetch|IteratorGetNext');
CREATE OR REPLACE TEMP TABLE path_window AS
WITH counted AS (
    SELECT run_id, rank, step, sum(calls) AS events FROM category_summary WHERE kind <> 'async' GROUP BY ALL
),
profiled AS (
    SELECT run_id, rank, step, is_warmup, start_ns,
        least(start_ns + dur_ns, coalesce(lead(start_ns) OVER (PARTITION BY run_id, rank ORDER BY start_ns, step), start_ns + dur_ns)) AS end_ns
    FROM step
    WHERE is_profiled
),
measured AS (
    SELECT run_id, rank, step, start_ns, end_ns, coalesce(events, 0) AS events
    FROM profiled
    LEFT JOIN counted USING (run_id, rank, step)
    WHERE NOT is_warmup AND end_ns > start_ns
),
by_step AS (
    SELECT run_id, step, max(end_ns - start_ns) AS dur_ns, sum(events) AS events, max(events) AS most FROM measured GROUP BY ALL
),
near AS (
    SELECT run_id, step, events, abs(dur_ns - median(dur_ns) OVER (PARTITION BY run_id)) AS distance_ns, most
    FROM by_step
),
chosen AS (
    SELECT run_id, step
    FROM near
    WHERE events <= 200000
    WINDOW nearest AS (PARTITION BY run_id ORDER BY distance_ns, step)
    QUALIFY row_number() OVER nearest = 1 OR sum(most) OVER nearest <= 10000
),
stepless AS (
    SELECT run_id, rank FROM counted ANTI JOIN measured USING (run_id, rank) GROUP BY ALL HAVING sum(events) <= 10000
),
extent AS (
    SELECT run_id, rank, min(start_ns) AS start_ns, max(end_ns) AS end_ns
    FROM (
        SELECT run_id, rank, start_ns, start_ns + dur_ns AS end_ns FROM op WHERE run_id IN (SELECT run_id FROM stepless)
        UNION ALL
        SELECT run_id, rank, start_ns, start_ns + dur_ns FROM kernel WHERE kind <> 'async' AND run_id IN (SELECT run_id FROM stepless)
    )
    SEMI JOIN stepless USING (run_id, rank)
    GROUP BY ALL
),
clock AS (
    SELECT rank.run_id, rank.rank, if(held.run_id IS NULL, clock_offset_ns, offset_ns) AS offset_ns
    FROM rank
    LEFT JOIN _clock AS held ON held.run_id = rank.run_id AND held.rank = rank.rank
),
placed AS (
    SELECT run_id, rank, step, start_ns, end_ns, offset_ns, if(offset_ns IS NULL, rank, -1) AS apart
    FROM measured
    JOIN chosen USING (run_id, step)
    JOIN clock USING (run_id, rank)
    UNION ALL
    SELECT run_id, rank, NULL, start_ns, end_ns, 0, rank FROM extent WHERE end_ns > start_ns
),
spanned AS (
    SELECT *, dense_rank() OVER (ORDER BY run_id, step, apart) - 1 AS component,
        min(start_ns + coalesce(offset_ns, 0)) OVER together AS since_ns, max(end_ns + coalesce(offset_ns, 0)) OVER together AS until_ns
    FROM placed
    WINDOW together AS (PARTITION BY run_id, step, apart)
)
SELECT row_number() OVER (ORDER BY component, rank) - 1 AS number, component, run_id, rank, step, coalesce(offset_ns, 0) AS offset_ns,
    start_ns - (since_ns - coalesce(offset_ns, 0)) AS start_ns, end_ns - (since_ns - coalesce(offset_ns, 0)) AS end_ns,
    since_ns - coalesce(offset_ns, 0) AS since_ns, until_ns - coalesce(offset_ns, 0) AS until_ns, until_ns - since_ns AS length_ns
FROM spanned
WHERE until_ns // 2 - since_ns // 2 < 250000000000 -- halves, since a difference of any two times may not fit
ORDER BY number;
-- The stretch of time that holds all events of these steps, by which most of a file is skipped; NULL without steps.
SET VARIABLE path_since = (SELECT min(since_ns - length_ns) FROM path_window);
SET VARIABLE path_until = (SELECT max(until_ns) FROM path_window);
SET VARIABLE path_late = (SELECT max(until_ns + 4 * length_ns) FROM path_window);
---
-- Operators and calls of the host: what a thread does. `waits`: a call that returns only once the device has got somewhere.
CREATE OR REPLACE TEMP TABLE path_span AS
WITH host AS (
    SELECT run_id, rank, if(is_loading(name), 2, 0) AS kind, op_id AS id, start_ns, dur_ns, thread, (depth = 0)::UTINYINT AS is_top,
        0::UTINYINT AS waits, 0::UTINYINT AS is_order, 0::UTINYINT AS is_blocking
    FROM op
    WHERE start_ns >= getvariable('path_since') AND start_ns < getvariable('path_until')
    UNION ALL
    SELECT run_id, rank, 1, call_id, start_ns, dur_ns, thread, (op_id IS NULL)::UTINYINT,
        (kind = 'sync' AND regexp_matches(name, '(?i)synchronize'))::UTINYINT,
        (kind = 'sync' AND regexp_matches(name, '(?i)wait'))::UTINYINT,
        (kind = 'memcpy' AND NOT regexp_matches(name, '(?i)async'))::UTINYINT
    FROM runtime_call
    WHERE start_ns >= getvariable('path_since') AND start_ns < getvariable('path_until')
)
SELECT number, kind::BIGINT AS kind, id, hash(coalesce(thread, '')) // 2 AS thread, thread AS thread_name, greatest(host.start_ns - since_ns, 0) AS start_ns,
    least(host.start_ns + dur_ns, until_ns) - since_ns AS end_ns, is_top, waits, is_order, is_blocking
FROM host
JOIN path_window USING (run_id, rank)
WHERE host.start_ns < until_ns AND host.start_ns + dur_ns >= since_ns AND host.start_ns >= since_ns - length_ns;
---
-- Work of the devices, with what still waits at the end of the window (for up to four times its length), since it fills the queue. `is_cut`: nothing
-- waits for its end. `instance` tells the kernels of one collective on several ranks; 0 where none is matched.
CREATE OR REPLACE TEMP TABLE path_kernel AS
WITH joined AS (
    SELECT run_id FROM path_window GROUP BY run_id, component HAVING count(*) > 1
),
instance AS (
    SELECT run_id, rank, kernel_id, hash(run_id, coalesce(process_group, ''), name,
        row_number() OVER (PARTITION BY run_id, rank, coalesce(process_group, ''), name ORDER BY start_ns, kernel_id),
        count(*) OVER (PARTITION BY run_id, rank, coalesce(process_group, ''), name)) // 2 AS instance
    FROM kernel
    WHERE kind = 'collective' AND NOT regexp_matches(name, '(?i)send|recv') AND run_id IN (SELECT run_id FROM joined)
),
work AS (
    SELECT run_id, rank, kernel_id, call_id, device_id, stream, start_ns, dur_ns, kind, step AS launch_step,
        (kind = 'memcpy' AND regexp_matches(name, '(?i)DtoH.*pageable'))::UTINYINT AS is_pageable
    FROM kernel
    WHERE kind <> 'async' AND start_ns >= getvariable('path_since') AND start_ns < getvariable('path_late')
)
SELECT number, kernel_id AS id, coalesce(call_id, -1) AS call_id, hash(device_id) // 2 AS device, hash(device_id, coalesce(stream, '')) // 2 AS stream,
    greatest(least(work.start_ns, until_ns) - since_ns, 0) AS start_ns, least(work.start_ns + dur_ns, until_ns) - since_ns AS end_ns,
    (work.start_ns + dur_ns > until_ns OR dur_ns = 0)::UTINYINT AS is_cut, is_pageable, coalesce(instance, 0) AS instance,
    CASE kind WHEN 'collective' THEN 1 WHEN 'memcpy' THEN 2 WHEN 'memset' THEN 3 ELSE 0 END::BIGINT AS kind
FROM work
JOIN path_window USING (run_id, rank)
LEFT JOIN instance USING (run_id, rank, kernel_id)
WHERE work.start_ns < if(launch_step <= path_window.step, until_ns + 4 * length_ns, until_ns) AND work.start_ns + dur_ns > since_ns
    AND work.start_ns >= since_ns - length_ns;
---
-- Named ranges of the host: they name what a thread does between operators, and the mark of a step tells its thread.
CREATE OR REPLACE TEMP TABLE path_range AS
WITH named AS (
    SELECT run_id, rank, name, kind, thread, start_ns, dur_ns
    FROM annotation
    WHERE kind IN ('step', 'user', 'runtime') AND dur_ns > 0 AND start_ns >= getvariable('path_since') AND start_ns < getvariable('path_until')
)
SELECT row_number() OVER () - 1 AS id, number, name, hash(coalesce(thread, '')) // 2 AS thread, thread AS thread_name, greatest(named.start_ns - path_window.since_ns, 0) AS start_ns,
    least(named.start_ns + dur_ns, until_ns) - path_window.since_ns AS end_ns, (kind = 'step')::UTINYINT AS is_step,
    is_loading(name)::UTINYINT AS is_loading
FROM named
JOIN path_window USING (run_id, rank)
WHERE named.start_ns < until_ns AND named.start_ns + dur_ns > path_window.since_ns
    AND named.start_ns >= path_window.since_ns - length_ns;
---
-- The rows, from the segments that were found: (number, segment, start_ns, dur_ns, place, kind, why, event, thread, gain_ns).
INSERT INTO rollup.critical_path BY NAME
WITH host AS (
    SELECT run_id, rank, op_id, name, category, thread FROM op WHERE start_ns >= getvariable('path_since') AND start_ns < getvariable('path_until')
),
call AS (
    SELECT run_id, rank, call_id, name, kind, thread FROM runtime_call WHERE start_ns >= getvariable('path_since') AND start_ns < getvariable('path_until')
),
work AS (
    SELECT run_id, rank, kernel_id, name, category, device_id, stream FROM kernel WHERE start_ns >= getvariable('path_since') AND start_ns < getvariable('path_until')
),
thread AS (
    SELECT number, thread, any_value(thread_name) AS name
    FROM (SELECT number, thread, thread_name FROM path_span UNION ALL SELECT number, thread, thread_name FROM path_range)
    GROUP BY ALL
)
SELECT own.run_id, own.rank, own.step, segment::INTEGER AS segment, own.since_ns + found.start_ns AS start_ns, found.dur_ns, found.kind,
    coalesce(host.name, call.name, work.name, path_range.name) AS name, coalesce(host.category, work.category) AS category,
    host.op_id, call.call_id, work.kernel_id, place.rank AS on_rank,
    coalesce(host.thread, call.thread, if(work.kernel_id IS NULL, thread.name, NULL)) AS thread, device_id, stream, why, if(gain_ns < 0, NULL, gain_ns) AS gain_ns
FROM path_found AS found
JOIN path_window AS own ON own.number = found.number
JOIN path_window AS place ON place.number = found.place
LEFT JOIN host ON found.why = 'execution' AND found.kind IN ('host', 'data_loading') AND host.run_id = place.run_id AND host.rank = place.rank AND host.op_id = event
LEFT JOIN call ON found.kind IN ('call', 'sync_wait', 'queue_wait') AND call.run_id = place.run_id AND call.rank = place.rank AND call.call_id = event
LEFT JOIN work ON found.kind IN ('kernel', 'collective', 'memcpy', 'memset', 'launch_wait', 'stream_wait', 'unknown_wait')
    AND work.run_id = place.run_id AND work.rank = place.rank AND work.kernel_id = event
LEFT JOIN path_range ON found.why = 'program_order' AND path_range.id = event
LEFT JOIN thread ON thread.number = found.place AND thread.thread = found.thread
ORDER BY own.run_id, own.rank, own.step, segment;
