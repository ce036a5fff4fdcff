-- One row is what the mean step of one run handles, in one unit: itself, samples or tokens, of all ranks together. By what are two runs of
-- different batch sizes set side by side? Times of a step over per_step are times of a step, of a sample or of a token.
-- Warm-up is left out. A run that does not say how many samples its steps have has no row for them.
-- uses: step_time
CREATE VIEW step_size AS
WITH total AS (
    SELECT run_id, run, step, 1 AS step_count, sum(samples) AS samples, sum(tokens) AS tokens
    FROM step_time
    WHERE NOT is_warmup
    GROUP BY ALL
),
told AS (
    SELECT run_id, run, unnest([
        {unit: 'step', counted: step_count}, {unit: 'sample', counted: samples}, {unit: 'token', counted: tokens}
    ], recursive := true)
    FROM total
)
SELECT run_id, run, unit, avg(counted)::DOUBLE AS per_step, count(counted) AS steps
FROM told
GROUP BY run_id, run, unit
HAVING avg(counted) > 0;

COMMENT ON VIEW step_size IS 'What the mean step of one run handles: itself, samples or tokens, all ranks together.';
COMMENT ON COLUMN step_size.run_id IS 'Run of the steps.';
COMMENT ON COLUMN step_size.run IS 'Name of that run.';
COMMENT ON COLUMN step_size.unit IS 'step, sample or token.';
COMMENT ON COLUMN step_size.per_step IS 'How many of the unit the mean step handles; 1 for the step itself.';
COMMENT ON COLUMN step_size.steps IS 'Number of steps that say so, warm-up left out.';
