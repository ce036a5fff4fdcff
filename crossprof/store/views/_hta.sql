-- One row is one number of HTA's temporal breakdown for one Kineto file. Why does HTA say something else?
-- Two variants: by default what the last ProfilerStep launched is left out and each event is rounded to microseconds, start up and end
-- down; `_exact` keeps both. Where there are several steps, both leave out what has no launch in the file.
-- A piece of work adds to a union what reaches beyond all work that started before it. HTA itself counts work that rounding has turned
-- around (the end before the start) as less than nothing; without that its figures can't be met.
-- Caveat: HTA also takes host events that carry a stream for GPU work. They are no kernels, and are not counted here.
-- uses: _capture, _peer_work
CREATE VIEW _hta AS
WITH last_step AS ( -- HTA leaves a single step alone
    SELECT _capture.run_id, _capture.rank, _capture.capture, max(start_ns) AS start_ns, max(start_ns + dur_ns) AS end_ns
    FROM annotation
    JOIN _capture ON _capture.run_id = annotation.run_id AND _capture.rank = annotation.rank AND start_ns >= since_ns AND start_ns < until_ns
    WHERE kind = 'step' AND starts_with(name, 'ProfilerStep')
    GROUP BY ALL
    HAVING count(DISTINCT name) > 1
),
launched AS (
    SELECT work.*, call.start_ns AS launch_ns, last_step.start_ns AS last_start_ns, last_step.end_ns AS last_end_ns,
        kind IN ('kernel', 'collective') AND NOT (
            contains(name, 'nccl') OR contains(name, 'rccl') OR contains(name, 'Memcpy') OR starts_with(name, 'Memset')
            OR contains(name, 'Sync') OR starts_with(name, 'dma')
        ) AS is_compute
    FROM _peer_work AS work
    LEFT JOIN (SELECT run_id, rank, call_id, start_ns FROM runtime_call) AS call USING (run_id, rank, call_id)
    LEFT JOIN last_step USING (run_id, rank, capture)
    WHERE NOT is_xplane
),
counted AS (
    SELECT run_id, run, rank, capture, variant, is_compute,
        if(is_exact, start_ns, (start_ns + 999) // 1000 * 1000) AS start_ns, if(is_exact, end_ns, end_ns // 1000 * 1000) AS end_ns
    FROM launched
    CROSS JOIN (VALUES ('', false), ('_exact', true)) AS told (variant, is_exact)
    WHERE last_start_ns IS NULL OR if(is_exact, launch_ns <= last_end_ns, launch_ns < last_start_ns)
),
reached AS (
    SELECT *, max(end_ns) OVER earlier AS reach_ns, max(end_ns) FILTER (is_compute) OVER earlier AS compute_reach_ns
    FROM counted
    WINDOW earlier AS (
        PARTITION BY run_id, run, rank, capture, variant ORDER BY start_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
total AS (
    SELECT run_id, run, rank, capture, variant, max(end_ns) - min(start_ns) AS span_ns,
        sum(greatest(end_ns, reach_ns) - greatest(start_ns, reach_ns)) AS busy_ns,
        coalesce(sum(greatest(end_ns, compute_reach_ns) - greatest(start_ns, compute_reach_ns)) FILTER (is_compute), 0) AS compute_ns
    FROM reached
    GROUP BY run_id, run, rank, capture, variant
)
SELECT run_id, run, rank, capture, unnest([
    {metric: 'hta.busy' || variant, value: busy_ns::DOUBLE},
    {metric: 'hta.idle' || variant, value: span_ns - busy_ns},
    {metric: 'hta.compute' || variant, value: compute_ns},
    {metric: 'hta.non_compute' || variant, value: busy_ns - compute_ns},
    {metric: 'hta.kernel_time' || variant, value: span_ns},
    {metric: 'hta.busy_ratio' || variant, value: busy_ns / span_ns},
    {metric: 'hta.compute_ratio' || variant, value: compute_ns / span_ns}
], recursive := true)
FROM total
WHERE span_ns > 0; -- work of no length divides nothing, and HTA by it

COMMENT ON VIEW _hta IS 'One number of HTA''s temporal breakdown for one Kineto file.';
COMMENT ON COLUMN _hta.run_id IS 'Run of the file.';
COMMENT ON COLUMN _hta.run IS 'Name of that run.';
COMMENT ON COLUMN _hta.rank IS 'Rank of the file.';
COMMENT ON COLUMN _hta.capture IS 'Profiling window that the file holds.';
COMMENT ON COLUMN _hta.metric IS 'Id of the number: a row of the view metric says what it means.';
COMMENT ON COLUMN _hta.value IS 'Value in nanoseconds, or a share of 0..1, over all devices of the file.';
