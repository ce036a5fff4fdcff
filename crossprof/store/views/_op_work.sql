-- One row is the work of all calls of one operator in one precision in one step of one rank, where its operations can be counted.
-- Read by op_flops and the metrics of work.
-- Counted are products of matrices, convolutions and attention, by torch's own formulas (torch.utils.flop_counter) from the shapes that
-- the trace records; convolutions, whose stride no shape tells, where the profiler counted them itself (with_flops). An op inside a
-- counted one adds its device time, never its operations. Where the kernels of a rank carry XLA's cost, they alone are counted.
-- Causal attention counts as full; both gradients of a convolution count, though the first layer needs one.
-- empty without: op WHERE flops IS NOT NULL OR shapes IS NOT NULL, kernel WHERE flops IS NOT NULL
CREATE VIEW _op_work AS
WITH RECURSIVE told AS (
    SELECT DISTINCT run_id, rank FROM kernel WHERE flops IS NOT NULL
),
known AS (
    SELECT run_id, rank, op_id, step, name, category, shapes, dtypes, flops, device_ns,
        name NOT IN ('aten::mm', 'aten::addmm', 'aten::bmm', 'aten::baddbmm', 'aten::_scaled_mm') AS is_composite
    FROM op
    WHERE name IN ('aten::mm', 'aten::addmm', 'aten::bmm', 'aten::baddbmm', 'aten::_scaled_mm', 'aten::conv2d', 'aten::convolution_backward',
            'aten::_scaled_dot_product_flash_attention', 'aten::_scaled_dot_product_flash_attention_backward',
            'aten::_scaled_dot_product_flash_attention_for_cpu', 'aten::_scaled_dot_product_flash_attention_for_cpu_backward',
            'aten::_scaled_dot_product_efficient_attention', 'aten::_scaled_dot_product_efficient_attention_backward',
            'aten::_scaled_dot_product_cudnn_attention', 'aten::_scaled_dot_product_cudnn_attention_backward')
        AND (flops IS NOT NULL OR shapes IS NOT NULL AND name <> 'aten::conv2d')
),
inside AS ( -- what lies in a composite, level by level
    SELECT run_id, rank, op_id AS owner_id, op_id, 0::BIGINT AS device_ns FROM known WHERE is_composite
    UNION ALL
    SELECT op.run_id, op.rank, owner_id, op.op_id, coalesce(op.device_ns, 0)
    FROM inside
    JOIN op ON op.run_id = inside.run_id AND op.rank = inside.rank AND op.parent_id = inside.op_id
),
held AS (
    SELECT run_id, rank, owner_id AS op_id, sum(device_ns)::BIGINT AS inner_ns FROM inside GROUP BY run_id, rank, owner_id
),
alike AS ( -- calls of one shape cost the same, so a shape is read once
    SELECT run_id, rank, step, name, category, shapes, dtypes, count(*) AS calls, count(flops) AS told_calls,
        sum(flops)::HUGEINT AS told_flops, sum(device_ns + coalesce(inner_ns, 0))::BIGINT AS device_ns
    FROM known
    LEFT JOIN held USING (run_id, rank, op_id)
    ANTI JOIN (FROM inside WHERE op_id <> owner_id) AS nested USING (run_id, rank, op_id)
    GROUP BY ALL
),
shape AS (
    SELECT name, shapes, try_cast(shapes AS BIGINT[][]) AS dims,
        CASE WHEN name IN ('aten::addmm', 'aten::baddbmm') THEN 2 WHEN name LIKE '%attention%backward' THEN 2 ELSE 1 END AS first
    FROM (SELECT DISTINCT name, shapes FROM alike WHERE shapes IS NOT NULL)
),
operand AS (
    SELECT name, shapes, dims[first] AS a, dims[first + 1] AS b, dims[first + 2] AS c, dims[1] AS gradient FROM shape
),
costed AS (
    SELECT name, shapes,
        CASE
            WHEN name IN ('aten::mm', 'aten::addmm', 'aten::_scaled_mm') AND len(a) = 2 THEN 2 * a[1]::HUGEINT * a[2] * b[2]
            WHEN name IN ('aten::bmm', 'aten::baddbmm') AND len(a) = 3 THEN 2 * a[1]::HUGEINT * a[2] * a[3] * b[3]
            WHEN name = 'aten::convolution_backward' AND len(c) > 2 AND c[1] = a[2]
                THEN 4 * list_product(a[3:])::HUGEINT * a[1] * list_product(c)::HUGEINT
            WHEN name LIKE '%attention%backward' AND len(a) = 4 THEN 2 * a[1]::HUGEINT * a[2] * a[3] * b[3] * (3 * a[4] + 2 * c[4])
            WHEN name LIKE '%attention%' AND len(a) = 4 THEN 2 * a[1]::HUGEINT * a[2] * a[3] * b[3] * (a[4] + c[4])
        END AS flops,
        CASE
            WHEN name IN ('aten::mm', 'aten::addmm', 'aten::_scaled_mm') AND len(a) = 2 THEN a[1]::HUGEINT * a[2] + a[2] * b[2] + a[1] * b[2]
            WHEN name IN ('aten::bmm', 'aten::baddbmm') AND len(a) = 3 THEN a[1]::HUGEINT * (a[2] * a[3] + a[3] * b[3] + a[2] * b[3])
            WHEN name = 'aten::convolution_backward' AND len(c) > 2 AND c[1] = a[2]
                THEN (list_product(a) + 2 * list_product(b) + 2 * list_product(c))::HUGEINT
            WHEN name LIKE '%attention%backward' AND len(a) = 4 THEN 2 * (list_product(gradient) + list_product(a) + list_product(b) + list_product(c))::HUGEINT
            WHEN name LIKE '%attention%' AND len(a) = 4
                THEN (list_product(a) + list_product(b) + list_product(c))::HUGEINT + a[1] * a[2] * a[3] * c[4]
        END AS elements
    FROM operand
),
typed AS (
    SELECT *, CASE
            WHEN dtype LIKE '%BFloat16' THEN {precision: 'bf16', bytes: 2} WHEN dtype LIKE '%Half' THEN {precision: 'fp16', bytes: 2}
            WHEN dtype = 'float' THEN {precision: 'fp32', bytes: 4} WHEN dtype = 'double' THEN {precision: 'fp64', bytes: 8}
            WHEN dtype LIKE '%Float8%' THEN {precision: 'fp8', bytes: 1} WHEN dtype LIKE '%char' THEN {precision: 'int8', bytes: 1}
        END AS kind
    FROM (SELECT dtypes, regexp_extract(dtypes, '"([^"]+)"', 1) AS dtype FROM (SELECT DISTINCT dtypes FROM alike WHERE dtypes IS NOT NULL))
),
work AS (
    SELECT run_id, rank, step, name, category, kind.precision AS precision, if(costed.flops IS NULL, 'profiler', 'shapes') AS source, calls,
        coalesce(costed.flops * calls, if(told_calls = calls, told_flops, NULL)) AS flops, elements * calls * kind.bytes AS bytes_accessed, device_ns
    FROM alike
    ANTI JOIN told USING (run_id, rank)
    LEFT JOIN costed USING (name, shapes)
    LEFT JOIN typed USING (dtypes)
    UNION ALL
    SELECT run_id, rank, coalesce(step, device_step), name, category, NULL, 'hlo', 1, flops, bytes_accessed, dur_ns
    FROM kernel
    WHERE flops IS NOT NULL AND kind <> 'async'
),
summed AS (
    SELECT run_id, rank, step, name, category, precision, source, sum(calls)::BIGINT AS calls, sum(flops)::BIGINT AS flops,
        if(count(bytes_accessed) = count(*), sum(bytes_accessed), NULL)::BIGINT AS bytes_accessed, sum(device_ns)::BIGINT AS device_ns
    FROM work
    WHERE flops IS NOT NULL
    GROUP BY ALL
)
SELECT summed.run_id, stated.run, summed.* EXCLUDE (run_id),
    CASE WHEN source = 'hlo' OR summed.precision = 'fp32' AND stated.precision = 'tf32' THEN stated.precision ELSE summed.precision END AS peak_precision
FROM summed
JOIN (
    SELECT run_id, run, CASE lower(precision)
            WHEN 'float64' THEN 'fp64' WHEN 'float32' THEN 'fp32' WHEN 'bfloat16' THEN 'bf16' WHEN 'float16' THEN 'fp16' WHEN 'float8' THEN 'fp8'
            ELSE lower(precision)
        END AS precision
    FROM run
) AS stated USING (run_id);

COMMENT ON VIEW _op_work IS 'The countable work of one operator in one precision in one step of one rank.';
COMMENT ON COLUMN _op_work.run_id IS 'Run of the work.';
COMMENT ON COLUMN _op_work.run IS 'Name of that run.';
COMMENT ON COLUMN _op_work.rank IS 'Rank of the work.';
COMMENT ON COLUMN _op_work.step IS 'Step that it belongs to.';
COMMENT ON COLUMN _op_work.name IS 'Name of the operator, or of the HLO instruction.';
COMMENT ON COLUMN _op_work.category IS 'Sort of work, from the rule table.';
COMMENT ON COLUMN _op_work.precision IS 'Precision of its first operand: fp64, fp32, bf16, fp16, fp8, int8. NULL: the trace does not say.';
COMMENT ON COLUMN _op_work.source IS 'Who counted: shapes (formulas over recorded shapes), profiler (with_flops), hlo (XLA''s cost).';
COMMENT ON COLUMN _op_work.calls IS 'How many calls, or kernels of XLA.';
COMMENT ON COLUMN _op_work.flops IS 'Operations of all calls; a multiply and an add are two.';
COMMENT ON COLUMN _op_work.bytes_accessed IS 'Least traffic with memory: each operand read and each result written once; XLA''s estimate where it counted. NULL: not known.';
COMMENT ON COLUMN _op_work.device_ns IS 'Sum of the kernels under the calls. NULL: the trace has no device work.';
COMMENT ON COLUMN _op_work.peak_precision IS 'Precision whose peak bounds it: that of the operands; the run''s for XLA''s kernels, and where the run computes fp32 as TF32.';
