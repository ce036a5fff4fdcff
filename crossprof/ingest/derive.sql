-- From the relations of span.sql, nest.sql and staging.sql to the tables of schema.sql. Variables: run_id, rank.

-- The innermost op around each op and each call. Where only one is, it is the outermost one too.
CREATE OR REPLACE TEMP TABLE inside_op AS
SELECT kind, number, root_op_id AS op_id FROM mark WHERE kind <> 'annotation' AND op_depth = 1
UNION ALL
SELECT inner_mark.kind, inner_mark.number, outer_mark.number
FROM mark AS inner_mark
ASOF JOIN (SELECT * FROM mark WHERE is_open AND kind = 'op') AS outer_mark
    ON inner_mark.thread = outer_mark.thread
    AND inner_mark.op_depth - 1 = outer_mark.op_depth
    AND inner_mark.position > outer_mark.position
WHERE inner_mark.kind <> 'annotation' AND inner_mark.op_depth > 1;

CREATE OR REPLACE TEMP TABLE inner_time AS
SELECT outer_number AS op_id, sum(inside_ns)::BIGINT AS inside_ns FROM nested WHERE outer_kind = 'op' GROUP BY ALL;

-- Calls in no op that carry a number of the profiler. Most traces have none, and then no op need be looked up by its number.
CREATE OR REPLACE TEMP TABLE loose_call AS
SELECT DISTINCT call.external_id
FROM staged_runtime_call AS call
JOIN span ON span.kind = 'call' AND span.source = call.rowid
ANTI JOIN inside_op ON inside_op.kind = 'call' AND inside_op.number = span.number
WHERE call.external_id IS NOT NULL;

INSERT INTO runtime_call BY NAME
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, span.number AS call_id, call.name, call_kind(call.name) AS kind,
    call.start_ns, span.end_ns - call.start_ns AS dur_ns, call.thread, call.correlation_id,
    coalesce(inside_op.op_id, by_id.op_id) AS op_id, span.step
FROM staged_runtime_call AS call
JOIN span ON span.kind = 'call' AND span.source = call.rowid
LEFT JOIN inside_op ON inside_op.kind = 'call' AND inside_op.number = span.number
-- A call on a thread of its own is tied to its op by the profiler's number alone.
LEFT JOIN (
    SELECT op.external_id, any_value(op_span.number) AS op_id, min(op.start_ns) AS start_ns, max(op.end_ns) AS end_ns
    FROM staged_op AS op JOIN span AS op_span ON op_span.kind = 'op' AND op_span.source = op.rowid
    WHERE op.external_id IN (SELECT external_id FROM loose_call) GROUP BY ALL HAVING count(*) = 1
) AS by_id
    ON inside_op.op_id IS NULL AND by_id.external_id = call.external_id
    AND call.start_ns >= by_id.start_ns AND call.start_ns < by_id.end_ns;

CREATE OR REPLACE TEMP TABLE launch AS
SELECT
    staged.capture, call.correlation_id,
    -- Several calls may carry one number: the launch is the one that launches.
    min_by(struct_pack(call_id := call.call_id, op_id := call.op_id, step := call.step, start_ns := call.start_ns),
        struct_pack(is_other := call.kind IN ('other', 'sync', 'memory'), call_id := call.call_id)) AS call
FROM runtime_call AS call
JOIN span ON span.kind = 'call' AND span.number = call.call_id
JOIN staged_runtime_call AS staged ON staged.rowid = span.source
WHERE call.run_id = getvariable('run_id') AND call.rank = getvariable('rank') AND call.correlation_id IS NOT NULL
GROUP BY ALL;

INSERT INTO kernel BY NAME
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, staged.device_id, work.number AS kernel_id, staged.name,
    CASE WHEN staged.kind = 'kernel' AND (known.category = 'communication' OR staged.process_group IS NOT NULL) THEN 'collective'
        ELSE staged.kind END AS kind,
    CASE WHEN staged.kind IN ('memcpy', 'memset') THEN 'copy' WHEN staged.process_group IS NOT NULL THEN 'communication'
        ELSE known.category END AS category,
    staged.start_ns, greatest(coalesce(staged.end_ns, staged.start_ns) - staged.start_ns, 0) AS dur_ns, staged.stream,
    staged.correlation_id, launch.call.call_id AS call_id, launch.call.op_id AS op_id, launch.call.step AS step,
    work.step AS device_step, coalesce(staged.op_name, launching.name) AS op_name, staged.module, staged.bytes, staged.flops,
    staged.bytes_accessed, staged.grid, staged.block, staged.registers_per_thread, staged.shared_memory_bytes,
    staged.occupancy_ratio, staged.graph_node_id, staged.process_group, staged.group_size,
    launch.call.start_ns AS launch_ns, launching.root_op_id
FROM staged_kernel AS staged
JOIN work ON work.source = staged.rowid
JOIN kernel_category AS known ON known.name = staged.name AND known.hlo_category IS NOT DISTINCT FROM staged.hlo_category
LEFT JOIN launch ON launch.correlation_id = staged.correlation_id AND launch.capture IS NOT DISTINCT FROM staged.capture
LEFT JOIN (
    SELECT mark.number AS op_id, op.name, mark.root_op_id
    FROM staged_op AS op
    JOIN mark ON mark.kind = 'op' AND mark.source = op.rowid
) AS launching ON launching.op_id = launch.call.op_id;

INSERT INTO op BY NAME
WITH device_time AS (
    SELECT op_id, sum(dur_ns)::BIGINT AS device_ns FROM kernel
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND kind <> 'async' AND op_id IS NOT NULL
    GROUP BY ALL
)
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, mark.number AS op_id, inside_op.op_id AS parent_id,
    mark.op_depth AS depth, op.name, known.category, op.start_ns, greatest(coalesce(op.end_ns, op.start_ns) - op.start_ns, 0) AS dur_ns,
    mark.end_ns - op.start_ns - coalesce(inner_time.inside_ns, 0) AS self_ns,
    CASE WHEN EXISTS (FROM staged_kernel) THEN coalesce(device_time.device_ns, 0) END AS device_ns,
    op.thread, mark.step, op.module, op.shapes, op.dtypes, op.external_id, op.sequence_number,
    CASE WHEN op.is_backward IS NOT NULL THEN mark.is_backward END AS is_backward, op.flops, op.stack
FROM staged_op AS op
JOIN mark ON mark.kind = 'op' AND mark.source = op.rowid
JOIN op_category AS known ON known.name = op.name AND known.hlo_category IS NOT DISTINCT FROM op.hlo_category
LEFT JOIN inside_op ON inside_op.kind = 'op' AND inside_op.number = mark.number
LEFT JOIN inner_time ON inner_time.op_id = mark.number
LEFT JOIN device_time ON device_time.op_id = mark.number;

-- Most traces have far more annotations than anything else, so they are a view that the part is written from, not a table that is
-- filled, scanned and sorted again. Other connections read it: nothing in it is temporary. Many traces have no steps: what starts
-- before the first one joins none.
CREATE OR REPLACE TABLE place AS
SELECT
    getvariable('run_id') AS run_id, getvariable('rank')::INTEGER AS rank,
    (SELECT coalesce(min(start_ns), 9223372036854775807) FROM window_of_step) AS first_step_ns;
CREATE OR REPLACE VIEW annotation AS
WITH placed AS (
    SELECT range.*, CASE WHEN range.start_ns < window_of_step.end_ns THEN window_of_step.step END AS step
    FROM (FROM staged_annotation WHERE start_ns >= (SELECT first_step_ns FROM place)) AS range
    ASOF LEFT JOIN window_of_step ON range.start_ns >= window_of_step.start_ns
    UNION ALL BY NAME FROM staged_annotation WHERE start_ns < (SELECT first_step_ns FROM place)
)
SELECT
    place.run_id, place.rank, name::annotation_name AS name, kind::annotation_kind AS kind, start_ns,
    greatest(coalesce(end_ns, start_ns) - start_ns, 0) AS dur_ns, thread::annotation_thread AS thread, device_id, step
FROM placed, place;

INSERT INTO memory_event BY NAME
WITH untold AS (
    SELECT capture, device_id FROM staged_memory_event GROUP BY ALL HAVING count(allocated_bytes) = 0
),
counted AS (
    SELECT staged.* FROM staged_memory_event AS staged
    ANTI JOIN untold ON staged.device_id = untold.device_id AND staged.capture IS NOT DISTINCT FROM untold.capture
    UNION ALL BY NAME
    SELECT staged.* REPLACE (
        try_cast(sum(bytes) OVER (PARTITION BY staged.capture, staged.device_id ORDER BY at_ns, staged.rowid) AS BIGINT) AS allocated_bytes)
    FROM staged_memory_event AS staged
    SEMI JOIN untold ON staged.device_id = untold.device_id AND staged.capture IS NOT DISTINCT FROM untold.capture
)
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, device_id, at_ns, bytes, address,
    allocated_bytes, reserved_bytes, peak_bytes, allocator, op_name, source_line,
    CASE WHEN at_ns < window_of_step.end_ns THEN window_of_step.step END AS step
FROM counted
ASOF LEFT JOIN window_of_step ON at_ns >= window_of_step.start_ns;

-- Devices that did something, and the CPU. The trace may number them otherwise than its own list of devices does.
INSERT INTO device BY NAME
WITH used AS (
    SELECT device_id FROM staged_kernel UNION SELECT device_id FROM staged_memory_event UNION SELECT -1
),
alike AS (
    SELECT any_value(kind) AS kind, any_value(vendor) AS vendor, any_value(model) AS model, any_value(memory_bytes) AS memory_bytes,
        any_value(compute_units) AS compute_units, any_value(compute_capability) AS compute_capability
    FROM staged_device WHERE device_id >= 0 HAVING count(DISTINCT model) <= 1
)
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, used.device_id,
    CASE WHEN used.device_id = -1 THEN 'cpu' ELSE coalesce(named.kind, alike.kind, 'accelerator') END AS kind,
    CASE WHEN used.device_id <> -1 THEN coalesce(named.vendor, alike.vendor) END AS vendor,
    CASE WHEN used.device_id <> -1 THEN coalesce(named.model, alike.model) END AS model,
    named.uuid,
    CASE WHEN used.device_id <> -1 THEN coalesce(named.memory_bytes, alike.memory_bytes) END AS memory_bytes,
    CASE WHEN used.device_id <> -1 THEN coalesce(named.compute_units, alike.compute_units) END AS compute_units,
    CASE WHEN used.device_id <> -1 THEN coalesce(named.compute_capability, alike.compute_capability) END AS compute_capability,
    'trace' AS source
FROM used
LEFT JOIN (SELECT DISTINCT ON (device_id) * FROM staged_device) AS named ON named.device_id = used.device_id
LEFT JOIN alike ON true
WHERE used.device_id NOT IN (
    SELECT device_id FROM device WHERE run_id = getvariable('run_id') AND rank = getvariable('rank'));
