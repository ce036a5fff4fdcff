-- One row is one name of a call that launches, copies or synchronises, on one rank, over the whole capture. What does launching cost, and
-- how far is the host ahead of the device?
-- A delay runs from the start of the call to the start of its work, so it holds the time that the work waited for its turn. The queue is
-- what was launched earlier and has not started when the call begins, on all devices of the rank; work of unknown launch is not in it.
-- Caveats: all kernels of a graph are launched by one call, so most are shorter than it. HTA counts delays from the end of the call and its
-- queue by stream, at every change of it.
-- empty without: runtime_call
CREATE VIEW launch_summary AS
WITH call AS (
    SELECT run_id, rank, call_id, name, kind, start_ns, dur_ns, hash(run_id, rank, name, kind) AS code
    FROM runtime_call
    WHERE kind IN ('launch', 'graph_launch', 'memcpy', 'memset', 'sync')
),
launched AS (
    SELECT run_id, rank, call_id, launch_ns, start_ns, dur_ns, greatest(start_ns - launch_ns, 0) AS delay_ns
    FROM kernel
    WHERE launch_ns IS NOT NULL AND kind <> 'async'
),
line AS ( -- at one instant what starts leaves the queue first, and a call does not find its own work there; few narrow columns to sort
    SELECT hash(run_id, rank) AS host, start_ns AS at_ns, 0::TINYINT AS turn, (-1)::TINYINT AS queued, NULL::UBIGINT AS code, NULL::BIGINT AS dur_ns
    FROM launched
    WHERE delay_ns > 0
    UNION ALL
    SELECT hash(run_id, rank), start_ns, 1, 0, code, dur_ns FROM call
    UNION ALL
    SELECT hash(run_id, rank), launch_ns, 2, 1, NULL, NULL FROM launched WHERE delay_ns > 0
),
queue AS ( -- all that is launched starts, so the sum may run on over the next rank: sorted rows add up as they stream by
    SELECT code, dur_ns, sum(queued) OVER (ROWS UNBOUNDED PRECEDING) AS depth
    FROM (SELECT * FROM line ORDER BY host, at_ns, turn)
),
counted AS (
    SELECT code, count(*) AS calls, sum(dur_ns)::BIGINT AS total_ns, avg(dur_ns) AS mean_ns, avg(depth) AS mean_depth, max(depth)::BIGINT AS max_depth
    FROM queue
    WHERE code IS NOT NULL
    GROUP BY code
),
called AS (
    SELECT run_id, rank, name, kind, calls, total_ns, mean_ns, if(kind = 'sync', NULL, mean_depth) AS mean_queue_depth,
        if(kind = 'sync', NULL, max_depth) AS max_queue_depth
    FROM counted
    JOIN (SELECT DISTINCT run_id, rank, name, kind, code FROM call) USING (code)
),
worked AS (
    SELECT call.run_id, call.rank, name, kind, count(*) AS kernels, sum(launched.dur_ns)::BIGINT AS kernel_ns,
        count(*) FILTER (launched.dur_ns < call.dur_ns) AS short_kernels, avg(delay_ns) AS mean_delay_ns,
        quantile_cont(delay_ns, [0.5, 0.95]) AS delays, max(delay_ns) AS max_delay_ns
    FROM launched
    JOIN call USING (run_id, rank, call_id)
    GROUP BY ALL
)
SELECT called.run_id, run.run, called.rank, name, kind, calls, total_ns, mean_ns, coalesce(kernels, 0) AS kernels,
    coalesce(kernel_ns, 0)::BIGINT AS kernel_ns, coalesce(short_kernels, 0) AS short_kernels, mean_delay_ns, delays[1] AS p50_delay_ns,
    delays[2] AS p95_delay_ns, max_delay_ns, mean_queue_depth, max_queue_depth
FROM called
JOIN run USING (run_id)
LEFT JOIN worked USING (run_id, rank, name, kind);

COMMENT ON VIEW launch_summary IS 'One name of a call that launches, copies or synchronises: its cost on the host, and how long its work waits.';
COMMENT ON COLUMN launch_summary.run_id IS 'Run of the calls.';
COMMENT ON COLUMN launch_summary.run IS 'Name of that run.';
COMMENT ON COLUMN launch_summary.rank IS 'Rank that made them.';
COMMENT ON COLUMN launch_summary.name IS 'Name of the call: cudaLaunchKernel, hipMemcpyAsync, ...';
COMMENT ON COLUMN launch_summary.kind IS 'launch, graph_launch, memcpy, memset or sync.';
COMMENT ON COLUMN launch_summary.calls IS 'How many in the capture.';
COMMENT ON COLUMN launch_summary.total_ns IS 'Sum of their durations on the host, over threads.';
COMMENT ON COLUMN launch_summary.mean_ns IS 'Mean duration on the host.';
COMMENT ON COLUMN launch_summary.kernels IS 'Pieces of device work that they launched, copies and memsets included.';
COMMENT ON COLUMN launch_summary.kernel_ns IS 'Sum of the durations of that work on the device.';
COMMENT ON COLUMN launch_summary.short_kernels IS 'How many of these took less time than the call that launched them: the host can''t keep a device busy with such.';
COMMENT ON COLUMN launch_summary.mean_delay_ns IS 'Mean time from the start of the call to the start of its work. NULL where nothing was launched.';
COMMENT ON COLUMN launch_summary.p50_delay_ns IS 'Median of that time.';
COMMENT ON COLUMN launch_summary.p95_delay_ns IS '95th percentile of that time.';
COMMENT ON COLUMN launch_summary.max_delay_ns IS 'Longest such time.';
COMMENT ON COLUMN launch_summary.mean_queue_depth IS 'Mean, over the calls, of what was launched earlier and has not started when the call begins. NULL for sync.';
COMMENT ON COLUMN launch_summary.max_queue_depth IS 'Most of it at any of the calls.';
