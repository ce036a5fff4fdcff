-- Events onto the staged relations, read once: the answer counts them.
-- Variables: event_source (the query that gives them: a chunk of the file, or the pairs of kineto_pair.sql), capture, chunk_number;
-- kernel_source, op_source, call_source, annotation_source, memory_source: 'FROM timed', or where a scanner has put the events that
-- one relation may take. What is taken, and what it means, is decided here alone.

-- An end that is missing stays NULL, and an end before the start stays before it: findings.sql counts both.
WITH event AS MATERIALIZED (FROM query(getvariable('event_source'))),
timed AS (SELECT * FROM event WHERE start_ns IS NOT NULL),
steps AS (
    INSERT INTO staged_step BY NAME
    SELECT
        try_cast(regexp_extract(name, '^ProfilerStep#(\d+)', 1) AS BIGINT) AS step,
        start_ns, end_ns, getvariable('capture') AS capture
    FROM timed
    WHERE ph = 'X' AND cat IN ('user_annotation', 'cpu_op', 'operator') AND regexp_matches(name, '^ProfilerStep#\d+')
),
kernels AS (
    INSERT INTO staged_kernel BY NAME
    SELECT
        coalesce(args.device, try_cast(pid AS BIGINT), 0) AS device_id,
        coalesce(args.stream, tid) AS stream,
        coalesce(name, '?') AS name,
        CASE cat WHEN 'kernel' THEN 'kernel' WHEN 'gpu_memcpy' THEN 'memcpy' WHEN 'memcpy' THEN 'memcpy' ELSE 'memset' END AS kind,
        start_ns, end_ns,
        nullif(args.correlation, 0) AS correlation_id,
        coalesce(args.bytes, args."In msg nelems" * kineto_element_bytes(args.dtype)) AS bytes,
        nullif(trim(args.grid, '[]'), '') AS grid,
        nullif(trim(args.block, '[]'), '') AS block,
        args."registers per thread" AS registers_per_thread,
        args."shared memory" AS shared_memory_bytes,
        args."est. achieved occupancy %" / 100 AS occupancy_ratio,
        nullif(args."graph node id", 0) AS graph_node_id,
        args."Process Group Name" AS process_group,
        args."Group size" AS group_size,
        getvariable('capture') AS capture
    FROM query(getvariable('kernel_source'))
    WHERE ph = 'X' AND cat IN ('kernel', 'gpu_memcpy', 'memcpy', 'gpu_memset', 'memset')
),
-- Triton and Inductor launches are cpu_op events with a stream: the category decides, not the arguments.
ops AS (
    INSERT INTO staged_op BY NAME
    SELECT
        coalesce(name, '?') AS name, start_ns, end_ns, tid AS thread,
        nullif(args."Input Dims", '[]') AS shapes,
        nullif(args."Input type", '[]') AS dtypes,
        nullif(args."External id", 0) AS external_id,
        args."Sequence number" AS sequence_number,
        coalesce(args."Fwd thread id" > 0, false) OR starts_with(name, 'autograd::engine::') AS is_backward,
        nullif(args."Module Hierarchy", '') AS module,
        nullif(args."Call stack", '') AS stack,
        getvariable('capture') AS capture
    FROM query(getvariable('op_source'))
    WHERE ph = 'X' AND cat IN ('cpu_op', 'operator') AND NOT regexp_matches(coalesce(name, ''), '^ProfilerStep#\d+')
),
runtime_calls AS (
    INSERT INTO staged_runtime_call BY NAME
    SELECT
        coalesce(name, '?') AS name, start_ns, end_ns, tid AS thread,
        nullif(args.correlation, 0) AS correlation_id, nullif(args."External id", 0) AS external_id,
        getvariable('capture') AS capture
    FROM query(getvariable('call_source'))
    WHERE ph = 'X' AND cat IN ('cuda_runtime', 'cuda_driver', 'runtime', 'hip_runtime', 'xpu_runtime', 'mtia_runtime', 'privateuse1_runtime')
),
annotations AS (
    INSERT INTO staged_annotation BY NAME
    SELECT
        coalesce(name, '?') AS name,
        CASE
            WHEN regexp_matches(name, '^ProfilerStep#\d+') AND cat <> 'gpu_user_annotation' THEN 'step'
            WHEN cat = 'user_annotation' THEN 'user'
            WHEN cat = 'python_function' THEN 'python'
            WHEN cat IN ('overhead', 'cuda_sync') THEN 'overhead'
            ELSE 'device'
        END AS kind,
        start_ns, end_ns,
        CASE WHEN cat IN ('gpu_user_annotation', 'mtia_ccp_events', 'cuda_profiler_range') THEN coalesce(args.stream, tid) ELSE tid END AS thread,
        CASE WHEN cat IN ('gpu_user_annotation', 'mtia_ccp_events', 'cuda_profiler_range')
            THEN coalesce(args.device, try_cast(pid AS BIGINT)) END AS device_id,
        cat IN ('user_annotation', 'cpu_op', 'operator') AS nests,
        getvariable('capture') AS capture
    FROM query(getvariable('annotation_source'))
    WHERE ph = 'X' AND (
        cat IN ('user_annotation', 'python_function', 'overhead', 'cuda_sync', 'gpu_user_annotation', 'mtia_ccp_events', 'cuda_profiler_range')
        OR (cat IN ('cpu_op', 'operator') AND regexp_matches(name, '^ProfilerStep#\d+')))
),
memory_events AS (
    INSERT INTO staged_memory_event BY NAME
    SELECT
        CASE WHEN args."Device Type" = 0 THEN -1 ELSE coalesce(args."Device Id", -1) END AS device_id,
        start_ns AS at_ns,
        args."Byte_" AS bytes,
        args."Addr" AS address,
        args."Total Allocated" AS allocated_bytes,
        -- The CPU has no pool: its total is always 0, which says nothing.
        CASE WHEN args."Device Type" <> 0 THEN args."Total Reserved" END AS reserved_bytes,
        getvariable('capture') AS capture
    FROM query(getvariable('memory_source'))
    WHERE name = '[memory]' AND ph IN ('i', 'I', 'X') AND args."Byte_" IS NOT NULL
),
facts AS (
    INSERT INTO staged_fact
    SELECT 'profile_stop_ns', start_ns::VARCHAR, getvariable('capture') FROM timed WHERE ph = 'i' AND name = 'Record Window End'
),
-- The other half of a pair may stand in another chunk.
edges AS (
    INSERT INTO kineto_edge BY NAME
    SELECT ph = 'B' AS is_begin, cat, name, pid, tid, args, start_ns AS at_ns, getvariable('chunk_number') AS chunk_number
    FROM timed
    WHERE ph IN ('B', 'E')
)
SELECT
    count(*) AS events, count(*) FILTER (ph IS NULL) AS unreadable, count(*) FILTER (ph IN ('X', 'B', 'E') AND start_ns IS NULL) AS untimed,
    count(*) FILTER (ph IN ('B', 'E') AND start_ns IS NOT NULL) AS edges
FROM event;
