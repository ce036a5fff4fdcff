-- One row is one collective of one process group and of about one size, on one rank, over the whole capture. How fast is communication,
-- how much of it is waiting for other ranks, how much is hidden behind compute?
-- Bandwidths are those of the NCCL tests: algorithm bandwidth is size over time (an all_gather's size is its output), bus bandwidth is that
-- times 2(n-1)/n for all_reduce, (n-1)/n for all_gather, reduce_scatter and all_to_all, 1 else. The time leaves out the waiting that is
-- known, so where only one rank is in the store they hold it, and read low. NULL where the trace lacks bytes or group size.
-- Caveat: exposed_ns counts each collective by itself, so it can pass the exposed_communication_ns of breakdown where two run at once.
-- uses: _collective
CREATE VIEW collective_summary AS
WITH border AS (
    SELECT run_id, rank, device_id, unnest([start_ns, start_ns + dur_ns]) AS at_ns, unnest([1, -1]) * (kind = 'kernel')::INTEGER AS compute,
        if(kind = 'collective', kernel_id, NULL) AS kernel_id, unnest([-1, 1]) AS sign
    FROM kernel
    SEMI JOIN (SELECT run_id, rank, device_id FROM kernel WHERE kind = 'collective') USING (run_id, rank, device_id)
    WHERE kind IN ('kernel', 'collective')
),
segment AS (
    SELECT *, if(sum(compute) OVER so_far > compute, at_ns - lag(at_ns) OVER so_far, 0) AS compute_ns
    FROM border
    WINDOW so_far AS (PARTITION BY run_id, rank, device_id ORDER BY at_ns ROWS UNBOUNDED PRECEDING)
),
summed AS (
    SELECT run_id, rank, kernel_id, sign, sum(compute_ns) OVER so_far AS so_far_ns
    FROM segment
    WINDOW so_far AS (PARTITION BY run_id, rank, device_id ORDER BY at_ns ROWS UNBOUNDED PRECEDING)
),
hidden AS (
    SELECT run_id, rank, kernel_id, sum(sign * so_far_ns) AS hidden_ns FROM summed WHERE kernel_id IS NOT NULL GROUP BY ALL
)
SELECT run_id, run, rank, process_group, group_size, operation, name, (2 ** floor(log2(nullif(bytes, 0))))::BIGINT AS from_bytes,
    count(*) AS calls, sum(bytes)::BIGINT AS total_bytes, sum(dur_ns)::BIGINT AS total_ns, avg(dur_ns) AS mean_ns, min(dur_ns) AS min_ns,
    max(dur_ns) AS max_ns, if(count(transfer_ns) = count(*), sum(transfer_ns), NULL)::BIGINT AS transfer_ns,
    if(count(wait_ns) = count(*), sum(wait_ns), NULL)::BIGINT AS wait_ns,
    sum(dur_ns - hidden_ns)::BIGINT AS exposed_ns, sum(dur_ns - hidden_ns) / nullif(sum(dur_ns), 0) AS exposed_ratio,
    sum(moved_bytes) / nullif(sum(coalesce(transfer_ns, dur_ns)) * 1e-9, 0) AS algorithm_bytes_per_second,
    sum(moved_bytes * bus_ratio) / nullif(sum(coalesce(transfer_ns, dur_ns)) * 1e-9, 0) AS bus_bytes_per_second
FROM _collective
JOIN hidden USING (run_id, rank, kernel_id)
GROUP BY ALL;

COMMENT ON VIEW collective_summary IS 'One collective of one process group and of about one size, on one rank: time, waiting, bandwidth.';
COMMENT ON COLUMN collective_summary.run_id IS 'Run of the collectives.';
COMMENT ON COLUMN collective_summary.run IS 'Name of that run.';
COMMENT ON COLUMN collective_summary.rank IS 'Rank of them.';
COMMENT ON COLUMN collective_summary.process_group IS 'Process group.';
COMMENT ON COLUMN collective_summary.group_size IS 'Ranks in that group.';
COMMENT ON COLUMN collective_summary.operation IS 'all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce or send_recv. NULL where the name does not tell.';
COMMENT ON COLUMN collective_summary.name IS 'Name of the kernel.';
COMMENT ON COLUMN collective_summary.from_bytes IS 'The input of one rank is at least this power of two, and less than twice that.';
COMMENT ON COLUMN collective_summary.calls IS 'How many ran in the capture.';
COMMENT ON COLUMN collective_summary.total_bytes IS 'Sum of the inputs of this rank.';
COMMENT ON COLUMN collective_summary.total_ns IS 'Sum of their durations, waiting included.';
COMMENT ON COLUMN collective_summary.mean_ns IS 'Mean duration.';
COMMENT ON COLUMN collective_summary.min_ns IS 'Shortest duration.';
COMMENT ON COLUMN collective_summary.max_ns IS 'Longest duration.';
COMMENT ON COLUMN collective_summary.transfer_ns IS 'Sum of the shortest durations over the devices of each. NULL unless known of all.';
COMMENT ON COLUMN collective_summary.wait_ns IS 'total_ns less transfer_ns: what was waited for other devices.';
COMMENT ON COLUMN collective_summary.exposed_ns IS 'Sum of the times in which no kernel ran on the device beside the collective.';
COMMENT ON COLUMN collective_summary.exposed_ratio IS 'exposed_ns over total_ns.';
COMMENT ON COLUMN collective_summary.algorithm_bytes_per_second IS 'Size over the time without the waiting that is known.';
COMMENT ON COLUMN collective_summary.bus_bytes_per_second IS 'Traffic of the slowest link over that time: comparable over group sizes and operations.';
