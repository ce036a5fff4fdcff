-- One row is one piece of device work or one operator at one level of naming, in the step that it counts for: of the launch, on a device
-- without any launch in the file the step that it starts in. Each piece is there once a level.
-- uses: _launching_device, kernel_summary
CREATE VIEW _operation AS
WITH family AS (
    SELECT DISTINCT run_id, name, family FROM kernel_summary
),
piece AS (
    SELECT kernel.run_id, 'name' AS level, name, kind, category, NULL::VARCHAR AS shapes, rank, if(is_launched, step, device_step) AS step,
        dur_ns, dur_ns AS self_ns
    FROM kernel
    JOIN _launching_device USING (run_id, rank, device_id)
    UNION ALL
    SELECT kernel.run_id, 'family', family, kind, category, NULL, rank, if(is_launched, step, device_step), dur_ns, dur_ns
    FROM kernel
    JOIN _launching_device USING (run_id, rank, device_id)
    JOIN family USING (run_id, name)
    UNION ALL
    SELECT run_id, 'operator', name, 'op', category, NULL, rank, step, dur_ns, self_ns FROM op
    UNION ALL
    SELECT run_id, 'operator and shape', name, 'op', category, regexp_replace(shapes, '(,\[\])+\]$', ']'), rank, step, dur_ns, self_ns FROM op
)
SELECT piece.run_id, run.run, piece.* EXCLUDE (run_id)
FROM piece
JOIN run USING (run_id);

COMMENT ON VIEW _operation IS 'One piece of device work or one operator, at one level of naming.';
COMMENT ON COLUMN _operation.run_id IS 'Run of the work.';
COMMENT ON COLUMN _operation.run IS 'Name of that run.';
COMMENT ON COLUMN _operation.level IS 'name or family (kernels), operator or operator and shape (operators).';
COMMENT ON COLUMN _operation.name IS 'Name of the kernel, its family, or the operator.';
COMMENT ON COLUMN _operation.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN _operation.category IS 'Sort of work.';
COMMENT ON COLUMN _operation.shapes IS 'Input shapes, JSON, at the level operator and shape.';
COMMENT ON COLUMN _operation.rank IS 'Rank of the work.';
COMMENT ON COLUMN _operation.step IS 'Step that it counts for. NULL: none.';
COMMENT ON COLUMN _operation.dur_ns IS 'Duration, of an operator with all that is inside it.';
COMMENT ON COLUMN _operation.self_ns IS 'Of an operator: duration less what is inside it; of device work its duration.';
