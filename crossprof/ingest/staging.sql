-- What a reader fills: plain facts of the trace files of one rank, in unix nanoseconds, nothing derived.
-- derive.py turns these relations into the tables of store/schema.sql (ids, nesting, self time, links, steps, categories).
-- Intervals are [start_ns, end_ns): start and end are rounded to the nanosecond, never the duration.

CREATE TABLE staged_device (
    device_id BIGINT, kind VARCHAR, vendor VARCHAR, model VARCHAR, uuid VARCHAR, memory_bytes BIGINT,
    compute_units INTEGER, compute_capability VARCHAR
);
CREATE TABLE staged_step ( -- the profiler's own markers on the host
    step BIGINT, start_ns BIGINT, end_ns BIGINT, capture INTEGER
);
CREATE TABLE staged_kernel ( -- kind is kernel, memcpy, memset or async; kernel.sql finds the collectives among the kernels
    device_id BIGINT, stream VARCHAR, name VARCHAR, kind VARCHAR, start_ns BIGINT, end_ns BIGINT, correlation_id BIGINT,
    op_name VARCHAR, module VARCHAR, hlo_category VARCHAR, bytes BIGINT, flops BIGINT, bytes_accessed BIGINT,
    grid VARCHAR, block VARCHAR, registers_per_thread INTEGER, shared_memory_bytes BIGINT, occupancy_ratio DOUBLE,
    graph_node_id BIGINT, process_group VARCHAR, group_size INTEGER, capture INTEGER
);
CREATE TABLE staged_op (
    name VARCHAR, module VARCHAR, hlo_category VARCHAR, start_ns BIGINT, end_ns BIGINT, thread VARCHAR, shapes VARCHAR,
    dtypes VARCHAR, external_id BIGINT, sequence_number BIGINT, is_backward BOOLEAN, flops BIGINT, stack VARCHAR, capture INTEGER
);
CREATE TABLE staged_runtime_call (
    name VARCHAR, start_ns BIGINT, end_ns BIGINT, thread VARCHAR, correlation_id BIGINT, external_id BIGINT, capture INTEGER
);
CREATE TABLE staged_annotation ( -- nests: takes its time out of the self time of the op around it on its thread
    name VARCHAR, kind VARCHAR, start_ns BIGINT, end_ns BIGINT, thread VARCHAR, device_id BIGINT, nests BOOLEAN, capture INTEGER
);
CREATE TABLE staged_memory_event (
    device_id BIGINT, at_ns BIGINT, bytes BIGINT, address UBIGINT, allocated_bytes BIGINT, reserved_bytes BIGINT,
    peak_bytes BIGINT, allocator VARCHAR, op_name VARCHAR, source_line VARCHAR, capture INTEGER
);
CREATE TABLE staged_fact ( -- what the files say of the run: framework, framework_version, rank, world_size, host_name, n_events, ...
    key VARCHAR, value VARCHAR, capture INTEGER
);
CREATE TABLE staged_finding (
    code VARCHAR, severity VARCHAR, count BIGINT, detail VARCHAR, effect VARCHAR, capture INTEGER
);
