-- One row is one number of TraceLens' GPU timeline for one file, or for one GPU of an XPlane file. Why does TraceLens say something else?
-- Two variants: by default work without a launch in the file is left out; `_all` counts it. XPlane files have one answer: all.
-- Kernels, memsets too, are computation unless their name says nccl or rccl. In XPlane files TraceLens counts a memset as a copy.
-- A piece of work adds to a union what reaches beyond all work that started before it.
-- Caveat: TraceLens follows the arrows of a Kineto file from launch to work, this view correlation ids: graphs and old files differ.
-- uses: _peer_work
CREATE VIEW _tracelens AS
WITH sorted AS (
    SELECT run_id, run, rank, capture, if(is_xplane, device_id, NULL) AS device_id, start_ns, end_ns, variant,
        CASE
            WHEN kind = 'memcpy' OR is_xplane AND kind = 'memset' THEN 'copy'
            WHEN contains(name, 'nccl') OR contains(name, 'rccl') THEN 'communication'
            ELSE 'computation'
        END AS sort
    FROM _peer_work
    CROSS JOIN (VALUES (''), ('_all')) AS told (variant)
    WHERE NOT is_tpu AND if(is_xplane, variant = '', variant = '_all' OR call_id IS NOT NULL)
),
reached AS (
    SELECT *,
        max(end_ns) OVER earlier AS reach_ns,
        max(end_ns) FILTER (sort <> 'copy') OVER earlier AS kernel_reach_ns,
        max(end_ns) FILTER (sort = 'computation') OVER earlier AS computation_reach_ns,
        max(end_ns) FILTER (sort = 'communication') OVER earlier AS communication_reach_ns,
        max(end_ns) FILTER (sort = 'copy') OVER earlier AS copy_reach_ns
    FROM sorted
    WINDOW earlier AS (
        PARTITION BY run_id, run, rank, capture, device_id, variant ORDER BY start_ns
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
added AS (
    SELECT *,
        greatest(end_ns, reach_ns) - greatest(start_ns, reach_ns) AS busy_ns,
        greatest(end_ns, kernel_reach_ns) - greatest(start_ns, kernel_reach_ns) AS kernel_ns,
        greatest(end_ns, computation_reach_ns) - greatest(start_ns, computation_reach_ns) AS computation_ns,
        greatest(end_ns, communication_reach_ns) - greatest(start_ns, communication_reach_ns) AS communication_ns,
        greatest(end_ns, copy_reach_ns) - greatest(start_ns, copy_reach_ns) AS copy_ns
    FROM reached
),
total AS (
    SELECT run_id, run, rank, capture, device_id, variant, max(end_ns) - min(start_ns) AS span_ns, sum(busy_ns) AS busy_ns,
        coalesce(sum(kernel_ns) FILTER (sort <> 'copy'), 0) AS kernel_ns,
        coalesce(sum(computation_ns) FILTER (sort = 'computation'), 0) AS computation_ns,
        coalesce(sum(communication_ns) FILTER (sort = 'communication'), 0) AS communication_ns,
        coalesce(sum(copy_ns) FILTER (sort = 'copy'), 0) AS copy_ns
    FROM added
    GROUP BY run_id, run, rank, capture, device_id, variant
)
SELECT run_id, run, rank, capture, device_id, unnest([
    {metric: 'tracelens.busy_time' || variant, value: busy_ns::DOUBLE},
    {metric: 'tracelens.idle_time' || variant, value: span_ns - busy_ns},
    {metric: 'tracelens.total_time' || variant, value: span_ns},
    {metric: 'tracelens.computation_time' || variant, value: computation_ns},
    {metric: 'tracelens.exposed_comm_time' || variant, value: kernel_ns - computation_ns},
    {metric: 'tracelens.exposed_memcpy_time' || variant, value: busy_ns - kernel_ns},
    {metric: 'tracelens.total_comm_time' || variant, value: communication_ns},
    {metric: 'tracelens.total_memcpy_time' || variant, value: copy_ns},
    {metric: 'tracelens.busy_ratio' || variant, value: busy_ns / span_ns}
], recursive := true)
FROM total
WHERE span_ns > 0; -- work of no length divides nothing

COMMENT ON VIEW _tracelens IS 'One number of TraceLens'' GPU timeline for one file, or for one GPU of an XPlane file.';
COMMENT ON COLUMN _tracelens.run_id IS 'Run of the file.';
COMMENT ON COLUMN _tracelens.run IS 'Name of that run.';
COMMENT ON COLUMN _tracelens.rank IS 'Rank of the file.';
COMMENT ON COLUMN _tracelens.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _tracelens.device_id IS 'GPU of an XPlane file. NULL: all of a Kineto file.';
COMMENT ON COLUMN _tracelens.metric IS 'Id of the number: a row of the view metric says what it means.';
COMMENT ON COLUMN _tracelens.value IS 'Value in nanoseconds, or a share of 0..1.';
