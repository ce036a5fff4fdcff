-- Says of each run whether its figures may be trusted, from what was found in it.
UPDATE base.run SET verdict = coalesce((
    SELECT CASE WHEN bool_or(severity = 'error') THEN 'broken' WHEN bool_or(severity = 'warning') THEN 'usable' ELSE 'good' END
    FROM finding
    WHERE finding.run_id = run.run_id
), 'good');
