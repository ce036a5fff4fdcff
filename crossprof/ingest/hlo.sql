-- From the JSON files of hlo_convert.py to the tables. Variables: run_id, rank, capture, hlo_folder, hlo_failure.
-- xprof states rates over the total time of an operation: times that, they are the counts that they were made from.

CREATE OR REPLACE TEMP TABLE hlo_program AS
SELECT * REPLACE (try_cast(program_id AS UBIGINT) AS program_id)
FROM read_json(getvariable('hlo_folder') || '/hlo_module.json', format = 'array', columns = {
    program_id: 'VARCHAR', module: 'VARCHAR', "peakHeapMib": 'DOUBLE', "peakUnpaddedHeapMib": 'DOUBLE',
    "entryComputationParametersMib": 'DOUBLE', "maybeLiveOutMib": 'DOUBLE', "totalBufferAllocationMib": 'DOUBLE'})
WHERE try_cast(program_id AS UBIGINT) IS NOT NULL;

CREATE OR REPLACE TEMP TABLE hlo_roofline AS
SELECT try_cast(hlo_module_id AS UBIGINT) AS program_id, category, operation AS name, any_value(roofline_efficiency) AS roofline_efficiency,
    nullif(any_value(optimal_flop_rate), 0) * 1e9 AS attainable_flops_per_second,
    nullif(any_value(try_cast(peak_flop_rate AS DOUBLE)), 0) * 1e9 AS peak_flops_per_second,
    nullif(any_value(try_cast(peak_hbm_bw AS DOUBLE)), 0) * 1073741824 AS peak_hbm_bytes_per_second
FROM read_json(getvariable('hlo_folder') || '/hlo_roofline.json', format = 'array', columns = {
    hlo_module_id: 'VARCHAR', category: 'VARCHAR', operation: 'VARCHAR', roofline_efficiency: 'DOUBLE', optimal_flop_rate: 'DOUBLE',
    peak_flop_rate: 'VARCHAR', peak_hbm_bw: 'VARCHAR'})
GROUP BY ALL HAVING count(*) = 1; -- the roofline does not tell the cores apart

INSERT INTO hlo_op BY NAME
WITH op AS (
    SELECT *, total_time * 1e-6 AS seconds
    FROM read_json(getvariable('hlo_folder') || '/hlo_op.json', format = 'array', columns = {
        program_id: 'VARCHAR', category: 'VARCHAR', hlo_op_name: 'VARCHAR', hlo_op_expression: 'VARCHAR', tf_op_name: 'VARCHAR',
        occurrences: 'DOUBLE', total_time: 'DOUBLE', total_self_time: 'DOUBLE', model_flop_rate: 'DOUBLE',
        measured_memory_bw: 'DOUBLE', hbm_bw: 'DOUBLE', operational_intensity: 'DOUBLE', bound_by: 'VARCHAR',
        hlo_rematerialization: 'VARCHAR', autotuned: 'VARCHAR', source_info: 'VARCHAR', core_type: 'VARCHAR'})
    WHERE hlo_op_name IS NOT NULL
)
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, getvariable('capture') AS capture,
    try_cast(op.program_id AS UBIGINT) AS program_id, program.module, op.hlo_op_name AS name, op.category,
    nullif(op.core_type, '') AS core, nullif(op.hlo_op_expression, '') AS expression, nullif(rtrim(op.tf_op_name, ':'), '') AS op_name,
    nullif(regexp_replace(op.source_info, '<[^>]*>', '', 'g'), '') AS source_line,
    op.occurrences::BIGINT AS occurrences, round(op.total_time * 1000)::BIGINT AS total_ns,
    op.total_time * 1000 / nullif(op.occurrences, 0) AS mean_ns, round(op.total_self_time * 1000)::BIGINT AS self_ns,
    round(op.model_flop_rate * 1e9 * seconds)::BIGINT AS flops, op.model_flop_rate * 1e9 AS flops_per_second,
    round(op.measured_memory_bw * 1073741824 * seconds)::BIGINT AS bytes_accessed,
    op.measured_memory_bw * 1073741824 AS bytes_per_second, round(op.hbm_bw * 1073741824 * seconds)::BIGINT AS hbm_bytes_accessed,
    op.operational_intensity, op.bound_by, roof.attainable_flops_per_second, roof.roofline_efficiency,
    roof.peak_flops_per_second, roof.peak_hbm_bytes_per_second,
    op.hlo_rematerialization = 'Yes' AS is_rematerialized, op.autotuned = 'Yes' AS is_autotuned
FROM op
LEFT JOIN hlo_program AS program ON program.program_id = try_cast(op.program_id AS UBIGINT)
LEFT JOIN hlo_roofline AS roof
    ON roof.program_id = try_cast(op.program_id AS UBIGINT) AND roof.category = op.category AND roof.name = op.hlo_op_name;

-- What is zero is not written.
INSERT INTO hlo_module BY NAME
SELECT
    getvariable('run_id') AS run_id, getvariable('rank') AS rank, getvariable('capture') AS capture, program_id, module,
    round("peakHeapMib" * 1048576)::BIGINT AS peak_heap_bytes, round("peakUnpaddedHeapMib" * 1048576)::BIGINT AS peak_unpadded_heap_bytes,
    round(coalesce("entryComputationParametersMib", 0) * 1048576)::BIGINT AS parameter_bytes,
    round(coalesce("maybeLiveOutMib", 0) * 1048576)::BIGINT AS output_bytes,
    round("totalBufferAllocationMib" * 1048576)::BIGINT AS allocation_bytes
FROM hlo_program
WHERE "peakHeapMib" IS NOT NULL;

INSERT INTO finding BY NAME
SELECT getvariable('run_id') AS run_id, getvariable('rank') AS rank, code, severity, 1 AS count, detail, effect
FROM (
    SELECT 'hlo_statistics_failed' AS code, 'warning' AS severity,
        'The converter of xprof ' || getvariable('hlo_failure') || '.' AS detail,
        'The tables hlo_op and hlo_module lack this trace or a part of it; nothing else is touched.' AS effect
    WHERE getvariable('hlo_failure') IS NOT NULL
    UNION ALL
    SELECT 'hlo_statistics_empty', 'info', 'xprof finds no HLO operation on a device in this trace.', 'The table hlo_op has no rows of it.'
    WHERE getvariable('hlo_failure') IS NULL
        AND NOT EXISTS (FROM hlo_op WHERE capture IS NOT DISTINCT FROM getvariable('capture'))
);

DROP TABLE hlo_program;
DROP TABLE hlo_roofline;
