-- One row is one run: what bounds it, in a word and a sentence. It is what takes the largest share of the mean measured step, of the capture
-- where no step is measured (the view time_part): work, or idle time by its cause. Waiting for a launch that has not begun, and for one that
-- has, are both the host's.
-- Caveat: the largest share is where to look first, not what would be gained: nothing runs in no time.
-- uses: time_part, category_summary
CREATE VIEW bottleneck AS
WITH word AS (
    FROM (VALUES
        ('compute', ['compute'], 'Kernels bound this run: they keep the device busy for', 'kernels'),
        ('communication', ['communication'], 'Communication bounds this run: the device is in collectives that no compute hides for', 'exposed communication'),
        ('copy', ['copy'], 'Copies bound this run: the device does nothing but copy for', 'exposed copies'),
        ('host', ['idle_host', 'idle_launch'], 'The host bounds this run: the device is idle, waiting for its launches, for', 'waiting for launches'),
        ('synchronisation', ['idle_sync'], 'Synchronisation bounds this run: the device is idle while the host is blocked for', 'the host blocked'),
        ('input', ['idle_input'], 'Input bounds this run: the device is idle while the host loads data for', 'loading data'),
        ('gaps', ['idle_kernel'], 'Gaps between kernels bound this run: the device is idle though its work was launched for', 'gaps between launched kernels'),
        ('unknown', ['idle_unknown'], 'Idle time bounds this run, and the trace has no launches to say why: the device is idle for', 'idle, cause unknown'),
        ('operators', ['operators'], 'Operators on the CPU bound this run: they run for', 'operators'),
        ('outside', ['outside_ops'], 'What is no operator bounds this run: Python, input and the framework itself take', 'time outside of operators')
    ) AS word (bound_by, parts, opening, short)
),
share AS (
    SELECT run_id, run, scope, place, bound_by, any_value(opening) AS opening, any_value(short) AS short, sum(share_ratio) AS share_ratio,
        any_value(window_ns) AS window_ns
    FROM time_part
    JOIN word ON list_contains(parts, part)
    GROUP BY run_id, run, scope, place, bound_by
),
placed AS (
    SELECT *, row_number() OVER largest AS place_in_order, lead(short) OVER largest AS next_short, lead(share_ratio) OVER largest AS next_ratio
    FROM share
    WINDOW largest AS (PARTITION BY run_id ORDER BY share_ratio DESC, bound_by)
),
kind AS ( -- the sort of work that most of the compute, or of the operators, is
    SELECT run_id, max_by(category, total_ns) AS category, max(total_ns) / nullif(sum(total_ns), 0) AS share_ratio
    FROM (
        SELECT run_id, category, sum(total_ns) AS total_ns
        FROM category_summary
        JOIN (SELECT DISTINCT run_id, scope, place FROM time_part) USING (run_id)
        WHERE kind = if(place = 'device', 'kernel', 'op') AND (is_measured OR scope = 'capture')
        GROUP BY run_id, category
    )
    GROUP BY run_id
)
SELECT placed.run_id, placed.run, scope, placed.place, bound_by, placed.share_ratio, window_ns,
    concat(format('{} {:.3g} % of ', opening, 100 * placed.share_ratio), if(scope = 'steps', 'a measured step', 'the capture, which marks no steps'),
        if(bound_by IN ('compute', 'operators') AND kind.category IS NOT NULL,
            format(', mostly {} ({:.3g} % of it)', kind.category, 100 * kind.share_ratio), ''),
        if(next_ratio >= 0.01, format('; next: {}, {:.3g} %', next_short, 100 * next_ratio), ''),
        '.') AS sentence
FROM placed
LEFT JOIN kind USING (run_id)
WHERE place_in_order = 1;

COMMENT ON VIEW bottleneck IS 'What takes the largest share of a run''s time, and so bounds it.';
COMMENT ON COLUMN bottleneck.run_id IS 'Run that is bounded.';
COMMENT ON COLUMN bottleneck.run IS 'Name of that run.';
COMMENT ON COLUMN bottleneck.scope IS 'steps or capture, as in time_part.';
COMMENT ON COLUMN bottleneck.place IS 'device or host, as in time_part.';
COMMENT ON COLUMN bottleneck.bound_by IS 'compute, communication, copy, host, synchronisation, input, gaps, unknown; operators or outside on a CPU run.';
COMMENT ON COLUMN bottleneck.share_ratio IS 'Its share of the time.';
COMMENT ON COLUMN bottleneck.window_ns IS 'Mean length of the step, or of the capture.';
COMMENT ON COLUMN bottleneck.sentence IS 'The same as a sentence, with what comes next.';
