-- Times that no capture holds would overflow every sum that they enter: those of them that are starts are left out, with their event,
-- and ends count as missing. Unix nanoseconds up to the year 2116; durations up to 104 days.

CREATE OR REPLACE TEMP MACRO is_instant(at_ns) AS coalesce(at_ns BETWEEN -4611686018427387904 AND 4611686018427387904, false);
CREATE OR REPLACE TEMP MACRO is_too_long(start_ns, end_ns) AS
    NOT is_instant(end_ns) OR end_ns - start_ns NOT BETWEEN -9007199254740992 AND 9007199254740992;

INSERT INTO staged_finding BY NAME
WITH timed AS (
    SELECT start_ns, end_ns FROM staged_kernel UNION ALL SELECT start_ns, end_ns FROM staged_op
    UNION ALL SELECT start_ns, end_ns FROM staged_runtime_call UNION ALL SELECT start_ns, end_ns FROM staged_annotation
    UNION ALL SELECT start_ns, end_ns FROM staged_step UNION ALL SELECT at_ns, NULL FROM staged_memory_event
),
counted AS (
    SELECT count(*) FILTER (NOT is_instant(start_ns)) AS starts,
        count(*) FILTER (is_instant(start_ns) AND end_ns IS NOT NULL AND is_too_long(start_ns, end_ns)) AS ends
    FROM timed
)
SELECT 'times_implausible' AS code, 'error' AS severity, starts + ends AS count,
    printf('%d events start at no time that a clock shows, %d last longer than 104 days.', starts, ends) AS detail,
    'The former are left out, the latter count with a duration of 0.' AS effect
FROM counted WHERE starts + ends > 0;

DELETE FROM staged_kernel WHERE NOT is_instant(start_ns);
DELETE FROM staged_op WHERE NOT is_instant(start_ns);
DELETE FROM staged_runtime_call WHERE NOT is_instant(start_ns);
DELETE FROM staged_annotation WHERE NOT is_instant(start_ns);
DELETE FROM staged_step WHERE NOT is_instant(start_ns);
DELETE FROM staged_memory_event WHERE NOT is_instant(at_ns);
UPDATE staged_kernel SET end_ns = NULL WHERE is_too_long(start_ns, end_ns);
UPDATE staged_op SET end_ns = NULL WHERE is_too_long(start_ns, end_ns);
UPDATE staged_runtime_call SET end_ns = NULL WHERE is_too_long(start_ns, end_ns);
UPDATE staged_annotation SET end_ns = NULL WHERE is_too_long(start_ns, end_ns);
UPDATE staged_step SET end_ns = NULL WHERE is_too_long(start_ns, end_ns);
