-- Which devices did the work of the run: those that the trace saw work, else the accelerators that the framework named, else those
-- whose memory alone the trace tells of, else the CPU.
UPDATE run SET device_kind = found.kind, device_model = found.model, device_count = found.count
FROM (
    SELECT kind, count(*)::INTEGER AS count, CASE WHEN count(DISTINCT model) = 1 THEN min(model) ELSE string_agg(DISTINCT model, ', ' ORDER BY model) END AS model
    FROM device
    WHERE CASE
        WHEN EXISTS (FROM kernel) THEN device_id IN (SELECT device_id FROM kernel)
        WHEN EXISTS (FROM device WHERE kind <> 'cpu' AND source = 'framework') THEN kind <> 'cpu' AND source = 'framework'
        WHEN EXISTS (FROM memory_event WHERE device_id >= 0) AND NOT EXISTS (FROM op) THEN device_id IN (SELECT device_id FROM memory_event)
        ELSE kind = 'cpu'
    END
    GROUP BY kind ORDER BY count(*) DESC, kind LIMIT 1
) AS found;

-- What the trace knows better than the recorder, and what it alone knows.
UPDATE run SET
    options_effective = coalesce(
        CASE WHEN json_type(options_effective) = 'OBJECT' AND options_effective::VARCHAR <> '{}' THEN options_effective END,
        try_cast((SELECT max(value) FROM staged_fact WHERE key = 'options_effective') AS JSON)),
    versions = map_concat(coalesce(versions, MAP {}), MAP {'category_rules': getvariable('category_rules')}),
    framework = coalesce(framework, (SELECT max(value) FROM staged_fact WHERE key = 'framework'));
