-- A batch of events of one plane (the relations of xplane_events.py) onto the staged relations.
-- Names come from xplane_header.sql. Variables: plane, device_id, capture (the profiling window, NULL for a foreign file).

INSERT INTO staged_annotation BY NAME -- what a device line repeats or groups is a range too, never work
SELECT name, CASE kind WHEN 'loop' THEN 'step' ELSE kind END AS kind, start_ns, end_ns, thread, getvariable('device_id') AS device_id,
    false AS nests, getvariable('capture') AS capture
FROM xplane_range;

WITH event AS NOT MATERIALIZED ( -- each statement reads a few of the columns of some of the rows
    SELECT role, e.event, e.thread, e.start_ns, e.end_ns, coalesce(n.name, '') AS name, coalesce(n.kernel_name, '') AS kernel_name,
        n.op_name, n.op_module,
        coalesce(xplane_number(e.program_id), n.program_id) AS program_id,
        coalesce(xplane_number(e.flops), n.flops) AS flops, coalesce(xplane_number(e.bytes_accessed), n.bytes_accessed) AS bytes_accessed,
        coalesce(e.tf_op, n.tf_op) AS tf_op, coalesce(e.hlo_category, n.hlo_category) AS hlo_category,
        try_cast(xplane_number(correlation_id) AS BIGINT) AS correlation_id,
        greatest(memcpy_details, memset_details) AS copy_details, e.* EXCLUDE (
            role, event, thread, start_ns, end_ns, program_id, flops, bytes_accessed, tf_op, hlo_category, correlation_id)
    FROM xplane_event e
    LEFT JOIN (SELECT * FROM xplane_name WHERE plane = getvariable('plane')) AS n USING (metadata_id)
),
kernels AS (
    INSERT INTO staged_kernel BY NAME
    SELECT getvariable('device_id') AS device_id, thread AS stream, kernel_name AS name,
        CASE
            WHEN role = 'async' THEN 'async'
            WHEN kernel_details IS NOT NULL THEN 'kernel'
            WHEN memset_details IS NOT NULL OR name ILIKE 'memset%' THEN 'memset'
            WHEN copy_details IS NOT NULL OR name ILIKE 'memcpy%' THEN 'memcpy'
            ELSE 'kernel'
        END AS kind,
        start_ns, end_ns, correlation_id,
        nullif(nullif(rtrim(tf_op, ':'), ''), 'XlaModule') AS op_name,
        coalesce(hlo_module, o.module) AS module, hlo_category,
        nullif(try_cast(regexp_extract(copy_details, '(?:^|\s)(?:size|num_bytes):(\d+)', 1) AS BIGINT), 0) AS bytes,
        CASE WHEN flops >= 0 THEN try_cast(flops AS BIGINT) END AS flops,
        CASE WHEN bytes_accessed >= 0 THEN try_cast(bytes_accessed AS BIGINT) END AS bytes_accessed,
        nullif(regexp_extract(kernel_details, 'grid:([\d,]+)', 1), '') AS grid,
        nullif(regexp_extract(kernel_details, 'block:([\d,]+)', 1), '') AS block,
        try_cast(regexp_extract(kernel_details, 'regs:(\d+)', 1) AS INTEGER) AS registers_per_thread,
        coalesce(
            try_cast(regexp_extract(kernel_details, 'group_mem:(\d+)', 1) AS BIGINT),
            try_cast(regexp_extract(kernel_details, 'static_shared:(\d+)', 1) AS BIGINT)
                + coalesce(try_cast(regexp_extract(kernel_details, 'dynamic_shared:(\d+)', 1) AS BIGINT), 0)
        ) AS shared_memory_bytes,
        nullif(coalesce(
            theoretical_occupancy_pct.double_value, try_cast(regexp_extract(kernel_details, 'occ_pct:([\d.]+)', 1) AS DOUBLE)
        ), 0) / 100 AS occupancy_ratio,
        getvariable('capture') AS capture
    FROM event LEFT JOIN xplane_module o USING (program_id)
    WHERE role IN ('work', 'async')
),
ops AS ( -- an operator of XLA carries its HLO instruction
    INSERT INTO staged_op BY NAME
    SELECT CASE role WHEN 'hlo' THEN regexp_replace(hlo_op, '(\.\d+)+$', '') ELSE op_name END AS name,
        CASE role WHEN 'hlo' THEN concat_ws('/', hlo_module, hlo_op) ELSE op_module END AS module,
        hlo_category, start_ns, end_ns, thread, getvariable('capture') AS capture
    FROM event
    WHERE role IN ('hlo', 'node')
),
calls AS (
    INSERT INTO staged_runtime_call BY NAME
    SELECT name, start_ns, end_ns, thread, correlation_id, getvariable('capture') AS capture
    FROM event
    WHERE role = 'call'
),
loops AS (
    INSERT INTO xplane_step BY NAME
    SELECT name, thread, try_cast(xplane_number(step_num) AS BIGINT) AS step, start_ns, end_ns
    FROM event
    WHERE role = 'loop'
),
memory AS (
    INSERT INTO xplane_memory BY NAME
    SELECT event, start_ns AS at_ns, name = 'MemoryAllocation' AS is_allocation,
        coalesce(try_cast(coalesce(
            xplane_number(index_on_host), try_cast(regexp_extract(allocator_name, '(?:GPU|TPU)_(\d+)', 1) AS HUGEINT)) AS BIGINT), -1)
            AS device_id,
        allocator_name AS allocator, xplane_number(index_on_host) AS index_on_host, xplane_number(addr) AS address,
        xplane_number(allocation_bytes) AS allocation_bytes, xplane_number(bytes_allocated) AS allocated_bytes,
        xplane_number(bytes_reserved) AS reserved_bytes, xplane_number(peak_bytes_in_use) AS peak_bytes, tf_op AS op_name
    FROM event
    WHERE role = 'memory'
)
INSERT INTO xplane_count FROM xplane_tally;
