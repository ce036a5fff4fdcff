-- One row is one stretch of time in which a thread that launches work could launch none: in a call that blocks, or in the data loader.
-- idle_cause says which those are.
CREATE VIEW _host_wait AS
WITH launching AS (
    SELECT DISTINCT run_id, rank, thread FROM runtime_call WHERE kind IN ('launch', 'graph_launch', 'memcpy', 'memset')
),
waiting AS (
    SELECT run_id, rank, thread, start_ns, dur_ns, 1 AS sync, 0 AS input
    FROM runtime_call
    WHERE kind = 'sync' AND NOT regexp_matches(name, '(?i)query|waitevent') OR kind = 'memcpy' AND NOT contains(name, 'Async')
    UNION ALL
    SELECT run_id, rank, thread, start_ns, dur_ns, 0, 1 FROM op WHERE category = 'input'
    UNION ALL
    SELECT run_id, rank, thread, start_ns, dur_ns, 0, 1 FROM annotation WHERE kind = 'user' AND contains(name, 'DataLoader')
)
SELECT waiting.run_id, run.run, rank, start_ns, start_ns + dur_ns AS end_ns, sync::BIGINT AS sync, input::BIGINT AS input
FROM waiting
SEMI JOIN launching USING (run_id, rank, thread)
JOIN run USING (run_id);

COMMENT ON VIEW _host_wait IS 'One stretch of time in which a thread that launches work could launch none.';
COMMENT ON COLUMN _host_wait.run_id IS 'Run of the thread.';
COMMENT ON COLUMN _host_wait.run IS 'Name of that run.';
COMMENT ON COLUMN _host_wait.rank IS 'Rank of the thread.';
COMMENT ON COLUMN _host_wait.start_ns IS 'Start of the call or of the loading.';
COMMENT ON COLUMN _host_wait.end_ns IS 'End of it.';
COMMENT ON COLUMN _host_wait.sync IS '1: a call that blocks. Else 0.';
COMMENT ON COLUMN _host_wait.input IS '1: in the data loader. Else 0.';
