-- One row is one file that HTA, TraceLens, xprof or the TensorBoard plugin of PyTorch reads. Which files are there, and which events do they hold?
-- A file is one profiling window of one rank: HTA, TraceLens and the plugin read Kineto JSON, TraceLens and xprof XPlane.
-- uses: _capture
CREATE VIEW _peer_file AS
SELECT _capture.*, max(format) = 'xplane' AS is_xplane
FROM _capture
JOIN artifact USING (run_id, rank)
WHERE format IN ('kineto', 'xplane') AND coalesce(artifact.capture, _capture.capture) = _capture.capture
GROUP BY ALL;

COMMENT ON VIEW _peer_file IS 'One file that HTA, TraceLens, xprof or the TensorBoard plugin of PyTorch reads.';
COMMENT ON COLUMN _peer_file.run_id IS 'Run of the file.';
COMMENT ON COLUMN _peer_file.run IS 'Name of that run.';
COMMENT ON COLUMN _peer_file.rank IS 'Rank of the file.';
COMMENT ON COLUMN _peer_file.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _peer_file.since_ns IS 'Events from here on are in it.';
COMMENT ON COLUMN _peer_file.until_ns IS 'Events from here on no longer are.';
COMMENT ON COLUMN _peer_file.is_xplane IS 'Whether the file is XPlane; else it is Kineto JSON.';
