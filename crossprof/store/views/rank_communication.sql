-- One row is the collectives of one rank over the whole capture. Does it move data, or wait for other ranks?
-- Caveat: waiting is known where a collective is matched over the ranks in the store; what is not known is apart, in unmatched_ns.
-- uses: collective_summary
CREATE VIEW rank_communication AS
SELECT run_id, run, rank, sum(calls)::BIGINT AS calls, sum(total_ns)::BIGINT AS total_ns, sum(transfer_ns)::BIGINT AS transfer_ns,
    sum(wait_ns)::BIGINT AS wait_ns, coalesce(sum(total_ns) FILTER (wait_ns IS NULL), 0)::BIGINT AS unmatched_ns,
    sum(exposed_ns)::BIGINT AS exposed_ns, sum(wait_ns) / nullif(sum(total_ns) FILTER (wait_ns IS NOT NULL), 0) AS wait_ratio
FROM collective_summary
GROUP BY run_id, run, rank;

COMMENT ON VIEW rank_communication IS 'The collectives of one rank: moving data, or waiting for other ranks.';
COMMENT ON COLUMN rank_communication.run_id IS 'Run of the collectives.';
COMMENT ON COLUMN rank_communication.run IS 'Name of that run.';
COMMENT ON COLUMN rank_communication.rank IS 'Rank of them.';
COMMENT ON COLUMN rank_communication.calls IS 'How many ran in the capture.';
COMMENT ON COLUMN rank_communication.total_ns IS 'Sum of their durations: transfer, waiting and what is not matched.';
COMMENT ON COLUMN rank_communication.transfer_ns IS 'Time that they moved data. NULL where none is matched.';
COMMENT ON COLUMN rank_communication.wait_ns IS 'Time that they waited for other devices. NULL where none is matched.';
COMMENT ON COLUMN rank_communication.unmatched_ns IS 'Durations of those that have no counterparts in the store, or not as many.';
COMMENT ON COLUMN rank_communication.exposed_ns IS 'Sum of the times in which no kernel ran on the device beside them.';
COMMENT ON COLUMN rank_communication.wait_ratio IS 'wait_ns over the durations of those that are matched.';
