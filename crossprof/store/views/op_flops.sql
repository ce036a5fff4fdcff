-- One row is one operator in one precision on one rank, over the whole capture. How much does it compute, how fast, and what bounds it?
-- Only work that can be counted is here (see _op_work: products of matrices, convolutions, attention, XLA's kernels); the metric
-- flops_coverage says how much of the device time that is. Peaks are those of device_peak, NULL for a device that it doesn't know.
-- Caveat: bytes_accessed is the least traffic, so operational_intensity is the most: what caches miss moves an operator towards memory.
-- uses: _op_work, device_peak
CREATE VIEW op_flops AS
WITH peak AS ( -- ranks whose devices are of one model
    SELECT run_id, rank, any_value(COLUMNS(* EXCLUDE (run_id, run, rank, device_id)))
    FROM device_peak
    GROUP BY run_id, rank
    HAVING count(DISTINCT model) = 1
),
work AS (
    SELECT run_id, run, rank, name, category, precision, source, peak_precision, sum(calls)::BIGINT AS calls, sum(flops)::BIGINT AS flops,
        if(count(bytes_accessed) = count(*), sum(bytes_accessed), NULL)::BIGINT AS bytes_accessed, sum(device_ns)::BIGINT AS device_ns
    FROM _op_work
    GROUP BY ALL
),
placed AS (
    SELECT work.*, flops / nullif(device_ns * 1e-9, 0) AS flops_per_second, bytes_accessed / nullif(device_ns * 1e-9, 0) AS bytes_per_second,
        flops / nullif(bytes_accessed, 0) AS operational_intensity, peak.memory_bytes_per_second AS peak_bytes_per_second,
        CASE peak_precision
            WHEN 'fp64' THEN fp64_flops_per_second WHEN 'fp32' THEN fp32_flops_per_second WHEN 'tf32' THEN tf32_flops_per_second
            WHEN 'bf16' THEN bf16_flops_per_second WHEN 'fp16' THEN fp16_flops_per_second WHEN 'fp8' THEN fp8_flops_per_second
            WHEN 'int8' THEN int8_ops_per_second
        END AS peak_flops_per_second
    FROM work
    LEFT JOIN peak USING (run_id, rank)
)
SELECT run_id, run, rank, name, category, precision, source, calls, flops, bytes_accessed, device_ns, flops_per_second, bytes_per_second,
    operational_intensity, peak_precision, peak_flops_per_second, peak_bytes_per_second,
    CASE
        WHEN operational_intensity * peak_bytes_per_second < peak_flops_per_second THEN 'memory'
        WHEN operational_intensity * peak_bytes_per_second >= peak_flops_per_second THEN 'compute'
    END AS bound_by,
    flops_per_second / peak_flops_per_second AS peak_ratio,
    flops_per_second / nullif(if(operational_intensity * peak_bytes_per_second < peak_flops_per_second,
        operational_intensity * peak_bytes_per_second, peak_flops_per_second), 0) AS roofline_ratio
FROM placed;

COMMENT ON VIEW op_flops IS 'The countable work of one operator in one precision: operations, traffic, speed, and its place under the roofline.';
COMMENT ON COLUMN op_flops.run_id IS 'Run of the work.';
COMMENT ON COLUMN op_flops.run IS 'Name of that run.';
COMMENT ON COLUMN op_flops.rank IS 'Rank of the work.';
COMMENT ON COLUMN op_flops.name IS 'Name of the operator, or of the HLO instruction.';
COMMENT ON COLUMN op_flops.category IS 'Sort of work, from the rule table.';
COMMENT ON COLUMN op_flops.precision IS 'Precision of its first operand: fp64, fp32, bf16, fp16, fp8, int8. NULL: the trace does not say.';
COMMENT ON COLUMN op_flops.source IS 'Who counted: shapes (formulas over recorded shapes), profiler (with_flops), hlo (XLA''s cost).';
COMMENT ON COLUMN op_flops.calls IS 'How many calls, or kernels of XLA.';
COMMENT ON COLUMN op_flops.flops IS 'Operations of all calls; a multiply and an add are two.';
COMMENT ON COLUMN op_flops.bytes_accessed IS 'Least traffic with memory: each operand read and each result written once; XLA''s estimate where it counted. NULL: not known.';
COMMENT ON COLUMN op_flops.device_ns IS 'Sum of the kernels under the calls. NULL: the trace has no device work.';
COMMENT ON COLUMN op_flops.flops_per_second IS 'flops over device_ns.';
COMMENT ON COLUMN op_flops.bytes_per_second IS 'bytes_accessed over device_ns.';
COMMENT ON COLUMN op_flops.operational_intensity IS 'Operations per byte: flops over bytes_accessed.';
COMMENT ON COLUMN op_flops.peak_precision IS 'Precision whose peak bounds it: that of the operands; the run''s for XLA''s kernels, and where the run computes fp32 as TF32.';
COMMENT ON COLUMN op_flops.peak_flops_per_second IS 'Most operations a second of the device in that precision.';
COMMENT ON COLUMN op_flops.peak_bytes_per_second IS 'Most bytes a second of the memory of the device.';
COMMENT ON COLUMN op_flops.bound_by IS 'compute, or memory where the traffic alone takes longer than the operations. NULL: a peak or the traffic is not known.';
COMMENT ON COLUMN op_flops.peak_ratio IS 'flops_per_second over the peak.';
COMMENT ON COLUMN op_flops.roofline_ratio IS 'flops_per_second over what the roofline allows at its intensity. Above 1: a cache served what memory need not.';
