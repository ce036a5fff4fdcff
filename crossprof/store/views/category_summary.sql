-- One row is one sort of work in one step of one rank: on a device (kind kernel, collective, memcpy, memset, async) or on the host (kind op).
-- Where does the time of a step sit? Rows of kind op and rows of the device speak of two clocks and are never added together.
-- Caveat: total_ns is a sum over streams or threads, so it can pass step_ns. Device work belongs to the step of its launch, on a device
-- without any launch in the file to the step that it starts in, as ops do; step NULL is work of no step, such as what was launched before.
-- uses: _launching_device
-- empty without: kernel, op
CREATE VIEW category_summary AS
WITH work AS (
    SELECT run_id, rank, device_id, if(is_launched, step, device_step) AS step, kind, category, dur_ns
    FROM kernel
    JOIN _launching_device USING (run_id, rank, device_id)
    UNION ALL
    SELECT run_id, rank, NULL, step, 'op', category, self_ns FROM op
),
summed AS (
    SELECT run_id, rank, device_id, step, kind, category, count(*) AS calls, sum(dur_ns)::BIGINT AS total_ns
    FROM work
    GROUP BY ALL
)
SELECT summed.run_id, run.run, summed.rank, device_id, summed.step, coalesce(is_profiled AND NOT is_warmup, false) AS is_measured,
    kind, category, calls, total_ns, step.dur_ns AS step_ns
FROM summed
JOIN run USING (run_id)
LEFT JOIN step ON step.run_id = summed.run_id AND step.rank = summed.rank AND step.step = summed.step;

COMMENT ON VIEW category_summary IS 'One sort of work in one step, on a device or on the host.';
COMMENT ON COLUMN category_summary.run_id IS 'Run of the work.';
COMMENT ON COLUMN category_summary.run IS 'Name of that run.';
COMMENT ON COLUMN category_summary.rank IS 'Rank of the work.';
COMMENT ON COLUMN category_summary.device_id IS 'Device that it ran on. NULL: the host.';
COMMENT ON COLUMN category_summary.step IS 'Step that launched it, or that it starts in. NULL: none.';
COMMENT ON COLUMN category_summary.is_measured IS 'Whether the step enters statistics: profiled, and no warm-up.';
COMMENT ON COLUMN category_summary.kind IS 'kernel, collective, memcpy, memset or async on a device; op on the host.';
COMMENT ON COLUMN category_summary.category IS 'Sort of work: gemm, attention, conv, norm, ..., other.';
COMMENT ON COLUMN category_summary.calls IS 'How many pieces of work.';
COMMENT ON COLUMN category_summary.total_ns IS 'Sum of their durations on a device, of their self times on the host.';
COMMENT ON COLUMN category_summary.step_ns IS 'Wall time of the step on the host: total_ns of kind op over it is the coverage.';
