-- Operators, with their times. Variables: run_id, rank.

CREATE OR REPLACE TEMP TABLE inner_time AS
SELECT outer_op_id AS op_id, sum(greatest(0, least(end_ns, outer_end_ns) - start_ns))::BIGINT AS inside_ns
FROM nested WHERE outer_op_id IS NOT NULL AND kind <> 'call' GROUP BY ALL;

INSERT INTO op BY NAME
WITH device_time AS (
    SELECT op_id, sum(dur_ns)::BIGINT AS device_ns FROM kernel
    WHERE run_id = getvariable('run_id') AND rank = getvariable('rank') AND kind <> 'async' AND op_id IS NOT NULL
    GROUP BY ALL
)
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, nested.number AS op_id, nested.op_id AS parent_id,
    nested.op_depth AS depth, op.name, known.category, op.start_ns, greatest(coalesce(op.end_ns, op.start_ns) - op.start_ns, 0) AS dur_ns,
    nested.end_ns - op.start_ns - coalesce(inner_time.inside_ns, 0) AS self_ns,
    CASE WHEN EXISTS (FROM staged_kernel) THEN coalesce(device_time.device_ns, 0) END AS device_ns,
    op.thread, nested.step, op.module, op.shapes, op.dtypes, op.external_id, op.sequence_number,
    CASE WHEN op.is_backward IS NOT NULL THEN nested.is_backward END AS is_backward, op.flops, op.stack
FROM (
    SELECT rowid AS source, * REPLACE (name::op_name AS name, module::op_module AS module, thread::op_thread AS thread,
        shapes::op_shapes AS shapes, dtypes::op_dtypes AS dtypes)
    FROM staged_op
) AS op -- a join moves numbers for texts, too
JOIN nested ON nested.kind = 'op' AND nested.source = op.source
JOIN (SELECT * REPLACE (name::op_name AS name) FROM op_category) AS known
    ON known.name = op.name AND known.hlo_category IS NOT DISTINCT FROM op.hlo_category
LEFT JOIN inner_time ON inner_time.op_id = nested.number
LEFT JOIN device_time ON device_time.op_id = nested.number;
