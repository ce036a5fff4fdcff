-- What takes no more than the steps: annotation, memory_event and device. Variables: run_id, rank.

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
