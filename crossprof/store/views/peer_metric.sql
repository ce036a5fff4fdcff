-- One row is one number that another tool gives for one trace file, by that tool's rule and name. How do its figures come about?
-- `metric` says what each number means, and why it differs from ours. A tool has rows for the files that it can read (HTA and the plugin of
-- TensorBoard, tb: Kineto JSON; xprof: XPlane; TraceLens: both), and none where it finds nothing.
-- The rows are computed once, when a run is published, by one module for each tool (store/peers), which says what the tool leaves out.
-- uses: _peer_definition
CREATE SCHEMA IF NOT EXISTS rollup;
CREATE TABLE IF NOT EXISTS rollup.peer_metric (
    run_id VARCHAR, rank INTEGER, capture INTEGER, device_id BIGINT, metric VARCHAR, value DOUBLE
);
CREATE VIEW peer_metric AS
SELECT held.run_id, run.run, held.rank, held.capture, held.device_id, held.metric, held.value, definition.unit
FROM rollup.peer_metric AS held
JOIN run USING (run_id)
JOIN _peer_definition AS definition ON definition.id = held.metric;

COMMENT ON VIEW peer_metric IS 'One number that another tool (HTA, TraceLens, the TensorBoard plugin, xprof) gives for one trace file.';
COMMENT ON COLUMN peer_metric.run_id IS 'Run of the file.';
COMMENT ON COLUMN peer_metric.run IS 'Name of that run.';
COMMENT ON COLUMN peer_metric.rank IS 'Rank of the file.';
COMMENT ON COLUMN peer_metric.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN peer_metric.device_id IS 'GPU, where the tool tells them apart: TraceLens in XPlane files, GPU metrics of tb. NULL: all devices of the file.';
COMMENT ON COLUMN peer_metric.metric IS 'Id of the number, with the name of the tool before the dot: a row of the view metric says what it means.';
COMMENT ON COLUMN peer_metric.value IS 'Value in the unit.';
COMMENT ON COLUMN peer_metric.unit IS 'Unit: ns, ratio (of 1) or count. The tools themselves show microseconds (HTA, tb, xprof), milliseconds (TraceLens) and per cents.';
