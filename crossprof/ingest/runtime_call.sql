-- Calls, the op that each lies in, and what they launched. Variables: run_id, rank.

-- Calls in no op that carry a number of the profiler. Most traces have none, and then no op need be looked up by its number.
CREATE OR REPLACE TEMP TABLE loose_call AS
SELECT DISTINCT call.external_id
FROM staged_runtime_call AS call
JOIN nested ON nested.kind = 'call' AND nested.source = call.rowid
WHERE nested.op_id IS NULL AND call.external_id IS NOT NULL;

INSERT INTO runtime_call BY NAME
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, span.number AS call_id, call.name, known.kind,
    call.start_ns, span.end_ns - call.start_ns AS dur_ns, call.thread, call.correlation_id,
    coalesce(nested.op_id, by_id.op_id) AS op_id, span.step
FROM (
    SELECT rowid AS source, * REPLACE (name::runtime_call_name AS name, thread::runtime_call_thread AS thread) FROM staged_runtime_call
) AS call
JOIN call_name AS known ON known.name = call.name
JOIN span ON span.kind = 'call' AND span.source = call.source
LEFT JOIN nested ON nested.kind = 'call' AND nested.number = span.number
-- A call on a thread of its own is tied to its op by the profiler's number alone.
LEFT JOIN (
    SELECT op.external_id, any_value(op_span.number) AS op_id, min(op.start_ns) AS start_ns, max(op.end_ns) AS end_ns
    FROM staged_op AS op JOIN span AS op_span ON op_span.kind = 'op' AND op_span.source = op.rowid
    WHERE op.external_id IN (SELECT external_id FROM loose_call) GROUP BY ALL HAVING count(*) = 1
) AS by_id
    ON nested.op_id IS NULL AND by_id.external_id = call.external_id
    AND call.start_ns >= by_id.start_ns AND call.start_ns < by_id.end_ns;

-- Of each number that work on a device carries the call that launched it, and the op around that.
CREATE OR REPLACE TEMP TABLE launch AS
WITH numbered AS (
    SELECT
        span.capture, call.correlation_id,
        -- Several calls may carry one number: the launch is the one that launches.
        coalesce(min(call.call_id) FILTER (call.kind NOT IN ('other', 'sync', 'memory')), min(call.call_id)) AS call_id
    FROM runtime_call AS call
    JOIN span ON span.kind = 'call' AND span.number = call.call_id
    WHERE call.run_id = getvariable('run_id') AND call.rank = getvariable('rank') AND call.correlation_id IN (SELECT correlation_id FROM staged_kernel)
    GROUP BY ALL
)
SELECT numbered.*, call.op_id, call.step, call.start_ns, nested.root_op_id, op.name::kernel_op_name AS op_name
FROM numbered
JOIN runtime_call AS call ON call.call_id = numbered.call_id AND call.run_id = getvariable('run_id') AND call.rank = getvariable('rank')
LEFT JOIN nested ON nested.kind = 'op' AND nested.number = call.op_id
LEFT JOIN staged_op AS op ON op.rowid = nested.source;
