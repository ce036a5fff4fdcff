-- One row is one metric of one rank of a run, or of the whole run (rank NULL). What are the numbers of this run, and how sure are they?
-- The rows are computed once, when a run is published: metrics.fill_run_metric summarises the samples of metric_sample.
-- A metric that the run has no source for is a row without a value.
CREATE SCHEMA IF NOT EXISTS rollup;
CREATE TABLE IF NOT EXISTS rollup.run_metric (
    run_id VARCHAR, metric VARCHAR, rank INTEGER, value DOUBLE, n BIGINT, ci_low DOUBLE, ci_high DOUBLE
);
CREATE VIEW run_metric AS
SELECT held.run_id, run.run, held.metric, held.rank, held.value, held.n, held.ci_low, held.ci_high
FROM rollup.run_metric AS held
JOIN run USING (run_id);

COMMENT ON VIEW run_metric IS 'One metric of one rank, or of the whole run: value, number of samples, interval.';
COMMENT ON COLUMN run_metric.run_id IS 'Run that was measured.';
COMMENT ON COLUMN run_metric.run IS 'Name of that run.';
COMMENT ON COLUMN run_metric.metric IS 'Id of the metric: a row of the view metric says what it means.';
COMMENT ON COLUMN run_metric.rank IS 'Rank that was measured. NULL: the whole run.';
COMMENT ON COLUMN run_metric.value IS 'Value, in the unit of the metric. NULL where the run has no source for it.';
COMMENT ON COLUMN run_metric.n IS 'Number of samples behind the value.';
COMMENT ON COLUMN run_metric.ci_low IS 'Lower end of the 95 % interval. NULL under 5 samples.';
COMMENT ON COLUMN run_metric.ci_high IS 'Upper end of the 95 % interval. NULL under 5 samples.';
