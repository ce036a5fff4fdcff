-- One row of reading is one value of a counter of the chosen rank and window: what an allocator holds, or a telemetry reading.
CREATE OR REPLACE TEMP TABLE found AS
WITH allocation AS (
    SELECT device_id, coalesce(allocator, '') AS allocator, at_ns, allocated_bytes, reserved_bytes, row_number() OVER () AS place
    FROM memory_event
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
        AND at_ns >= getvariable('first_ns') AND at_ns < getvariable('last_ns')
)
SELECT device_id, trim('allocated ' || allocator) AS name, 'By' AS unit, at_ns, place, allocated_bytes AS whole, NULL::DOUBLE AS fraction
FROM allocation
WHERE allocated_bytes IS NOT NULL
UNION ALL
SELECT device_id, trim('reserved ' || allocator), 'By', at_ns, place, reserved_bytes, NULL
FROM allocation
WHERE reserved_bytes IS NOT NULL
UNION ALL
SELECT device_id, metric, coalesce(unit, ''), at_ns, 0, NULL, value
FROM sample
WHERE run_id = getvariable('run_id') AND rank = getvariable('rank')
    AND at_ns >= getvariable('first_ns') AND at_ns < getvariable('last_ns') AND is_valid AND value IS NOT NULL;

CREATE OR REPLACE TEMP TABLE counter AS
SELECT row_number() OVER (ORDER BY device_id, name, unit) AS counter, device_id, name, unit
FROM (SELECT DISTINCT device_id, name, unit FROM found);

CREATE OR REPLACE TEMP TABLE reading AS
SELECT counter, at_ns + getvariable('offset_ns') AS at_ns, whole, fraction
FROM found
JOIN counter ON counter.device_id IS NOT DISTINCT FROM found.device_id AND (counter.name, counter.unit) = (found.name, found.unit)
ORDER BY counter, at_ns, place;

DROP TABLE found;
