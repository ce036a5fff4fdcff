-- One row is one number that another tool gives for one trace file, by that tool's rule and name. How do its figures come about?
-- `metric` says what each number means, and why it differs from ours. A tool has rows for the files that it can read (HTA: Kineto JSON;
-- xprof: XPlane; TraceLens: both), and none where it finds no work on a device. Nothing is held: the rows are made when they are asked for,
-- so name the run.
-- uses: _hta, _tracelens, _xprof, _peer_definition
CREATE VIEW peer_metric AS
WITH told AS (
    SELECT *, NULL::BIGINT AS device_id FROM _hta
    UNION ALL BY NAME FROM _tracelens
    UNION ALL BY NAME FROM _xprof
)
SELECT run_id, run, rank, capture, device_id, metric, value, unit
FROM told
JOIN _peer_definition AS definition ON definition.id = told.metric;

COMMENT ON VIEW peer_metric IS 'One number that another tool (HTA, TraceLens, xprof) gives for one trace file.';
COMMENT ON COLUMN peer_metric.run_id IS 'Run of the file.';
COMMENT ON COLUMN peer_metric.run IS 'Name of that run.';
COMMENT ON COLUMN peer_metric.rank IS 'Rank of the file.';
COMMENT ON COLUMN peer_metric.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN peer_metric.device_id IS 'GPU, where the tool tells them apart: TraceLens in XPlane files. NULL: all devices of the file.';
COMMENT ON COLUMN peer_metric.metric IS 'Id of the number, with the name of the tool before the dot: a row of the view metric says what it means.';
COMMENT ON COLUMN peer_metric.value IS 'Value in the unit.';
COMMENT ON COLUMN peer_metric.unit IS 'Unit: ns or count. The tools themselves show microseconds (HTA, xprof) or milliseconds (TraceLens).';
