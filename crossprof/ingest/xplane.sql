-- Batches of events of one plane (the relations of xplane_events.py) onto the staged relations. Each statement stands under the name of
-- the relation that it reads as xplane_batch, and runs where there is any of it. xplane_no_event adds the stats that none of its events has.
-- Names come from xplane_header.sql. Variables: plane, device_id, capture (the profiling window, NULL for a foreign file).

-- xplane_range: what a device line repeats or groups is a range too, never work
INSERT INTO staged_annotation BY NAME
SELECT name, kind, start_ns, end_ns, thread, getvariable('device_id') AS device_id, false AS nests, getvariable('capture') AS capture
FROM xplane_batch;

-- xplane_work: texts of details repeat, so each is taken apart once
INSERT INTO staged_kernel BY NAME
WITH event AS NOT MATERIALIZED (
    FROM xplane_batch UNION ALL BY NAME FROM xplane_no_event
),
detail AS MATERIALIZED (
    SELECT text,
        nullif(try_cast(regexp_extract(text, '(?:^|\s)(?:size|num_bytes):(\d+)', 1) AS BIGINT), 0) AS bytes,
        nullif(regexp_extract(text, 'grid:([\d,]+)', 1), '') AS grid,
        nullif(regexp_extract(text, 'block:([\d,]+)', 1), '') AS block,
        try_cast(regexp_extract(text, 'regs:(\d+)', 1) AS INTEGER) AS registers_per_thread,
        coalesce(
            try_cast(regexp_extract(text, 'group_mem:(\d+)', 1) AS BIGINT),
            try_cast(regexp_extract(text, 'static_shared:(\d+)', 1) AS BIGINT)
                + coalesce(try_cast(regexp_extract(text, 'dynamic_shared:(\d+)', 1) AS BIGINT), 0)
        ) AS shared_memory_bytes,
        try_cast(regexp_extract(text, 'occ_pct:([\d.]+)', 1) AS DOUBLE) AS occupancy_pct
    FROM (
        SELECT kernel_details AS text FROM event
        UNION SELECT memcpy_details FROM event UNION SELECT memset_details FROM event
    )
    WHERE text IS NOT NULL
)
SELECT getvariable('device_id') AS device_id, event.thread AS stream, coalesce(known.kernel_name, '') AS name,
    CASE
        WHEN role = 'async' THEN 'async'
        WHEN kernel_details IS NOT NULL THEN 'kernel'
        WHEN memset_details IS NOT NULL OR known.is_memset THEN 'memset'
        WHEN memcpy_details IS NOT NULL OR known.is_memcpy THEN 'memcpy'
        ELSE 'kernel'
    END AS kind,
    event.start_ns, event.end_ns, try_cast(xplane_number(correlation_id) AS BIGINT) AS correlation_id,
    nullif(nullif(rtrim(coalesce(event.tf_op, known.tf_op), ':'), ''), 'XlaModule') AS op_name,
    coalesce(hlo_module, program.module) AS module, coalesce(event.hlo_category, known.hlo_category) AS hlo_category, copied.bytes,
    xplane_amount(coalesce(xplane_number(event.flops), known.flops)) AS flops,
    xplane_amount(coalesce(xplane_number(event.bytes_accessed), known.bytes_accessed)) AS bytes_accessed,
    run.grid, run.block, run.registers_per_thread, run.shared_memory_bytes,
    nullif(coalesce(theoretical_occupancy_pct.double_value, run.occupancy_pct), 0) / 100 AS occupancy_ratio,
    getvariable('capture') AS capture
FROM event
LEFT JOIN xplane_name AS known ON known.plane = getvariable('plane') AND known.metadata_id = event.metadata_id
LEFT JOIN xplane_module AS program ON program.program_id = coalesce(xplane_number(event.program_id), known.program_id)
LEFT JOIN detail AS run ON run.text = kernel_details
LEFT JOIN detail AS copied ON copied.text = greatest(memcpy_details, memset_details);

-- xplane_op: an operator of XLA carries its HLO instruction
INSERT INTO staged_op BY NAME
WITH event AS NOT MATERIALIZED (
    FROM xplane_batch UNION ALL BY NAME FROM xplane_no_event
),
instruction AS MATERIALIZED (
    SELECT hlo_op, regexp_replace(hlo_op, '(\.\d+)+$', '') AS name FROM (SELECT DISTINCT hlo_op FROM event WHERE hlo_op IS NOT NULL)
)
SELECT CASE role WHEN 'hlo' THEN instruction.name ELSE known.op_name END AS name,
    CASE role WHEN 'hlo' THEN concat_ws('/', hlo_module, event.hlo_op) ELSE known.op_module END AS module,
    coalesce(event.hlo_category, known.hlo_category) AS hlo_category, start_ns, end_ns, thread, getvariable('capture') AS capture
FROM event
LEFT JOIN xplane_name AS known ON known.plane = getvariable('plane') AND known.metadata_id = event.metadata_id
LEFT JOIN instruction ON instruction.hlo_op = event.hlo_op;

-- xplane_call
INSERT INTO staged_runtime_call BY NAME
SELECT name, start_ns, end_ns, thread, try_cast(xplane_number(correlation_id) AS BIGINT) AS correlation_id,
    getvariable('capture') AS capture
FROM (FROM xplane_batch UNION ALL BY NAME FROM xplane_no_event);

-- xplane_loop
INSERT INTO xplane_step BY NAME
SELECT name, thread, try_cast(xplane_number(step_num) AS BIGINT) AS step, start_ns, end_ns
FROM (FROM xplane_batch UNION ALL BY NAME FROM xplane_no_event);

-- xplane_memory
INSERT INTO xplane_memory_event BY NAME
SELECT event, start_ns AS at_ns, name = 'MemoryAllocation' AS is_allocation,
    coalesce(try_cast(coalesce(
        xplane_number(index_on_host), try_cast(regexp_extract(allocator_name, '(?:GPU|TPU)_(\d+)', 1) AS HUGEINT)) AS BIGINT), -1)
        AS device_id,
    allocator_name AS allocator, xplane_number(index_on_host) AS index_on_host, xplane_number(addr) AS address,
    xplane_number(allocation_bytes) AS allocation_bytes, xplane_number(bytes_allocated) AS allocated_bytes,
    xplane_number(bytes_reserved) AS reserved_bytes, xplane_number(peak_bytes_in_use) AS peak_bytes, tf_op AS op_name
FROM (FROM xplane_batch UNION ALL BY NAME FROM xplane_no_event);

-- xplane_tally
INSERT INTO xplane_count FROM xplane_batch;
