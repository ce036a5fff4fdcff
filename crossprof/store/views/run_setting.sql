-- One row is one thing that is known of the circumstances of one run: a fact, an option, a version, a variable, a tag. What differs between runs?
-- Configuration and options are JSON: each value in them is a row, named by its path. Options are those in force, else those asked for.
-- What is not known of a run has no row.
CREATE VIEW run_setting AS
WITH fact AS (
    SELECT run_id, unnest([
        {name: 'framework', value: framework}, {name: 'framework_version', value: framework_version}, {name: 'model', value: model},
        {name: 'phase', value: phase}, {name: 'precision', value: precision}, {name: 'batch_size', value: batch_size::VARCHAR},
        {name: 'world_size', value: world_size::VARCHAR}, {name: 'device_kind', value: device_kind},
        {name: 'device_model', value: device_model}, {name: 'device_count', value: device_count::VARCHAR}, {name: 'host', value: host},
        {name: 'python_version', value: python_version}, {name: 'git_commit', value: git_commit},
        {name: 'git_is_dirty', value: git_is_dirty::VARCHAR}, {name: 'status', value: status}, {name: 'source', value: source},
        {name: 'crossprof_version', value: crossprof_version}
    ], recursive := true)
    FROM run
),
document AS (
    SELECT run_id, 'config' AS kind, config AS held FROM run WHERE config IS NOT NULL
    UNION ALL
    SELECT run_id, 'option', coalesce(options_effective, options_requested) FROM run
    WHERE coalesce(options_effective, options_requested) IS NOT NULL
),
told AS (
    SELECT run_id, 'fact' AS kind, name, value FROM fact
    UNION ALL
    SELECT run_id, kind, substr(tree.fullkey, 3), tree.atom ->> '$'
    FROM document, json_tree(document.held) AS tree
    WHERE tree.atom IS NOT NULL AND tree.fullkey <> '$'
    UNION ALL
    SELECT run_id, kind, entry.key, entry.value
    FROM (
        SELECT run_id, 'version' AS kind, unnest(map_entries(versions)) AS entry FROM run
        UNION ALL
        SELECT run_id, 'environment', unnest(map_entries(environment)) FROM run
        UNION ALL
        SELECT run_id, 'tag', unnest(map_entries(tags)) FROM run
    )
)
SELECT told.run_id, run.run, kind, name, value
FROM told
JOIN run USING (run_id)
WHERE value IS NOT NULL;

COMMENT ON VIEW run_setting IS 'One thing that is known of the circumstances of one run.';
COMMENT ON COLUMN run_setting.run_id IS 'Run that it is known of.';
COMMENT ON COLUMN run_setting.run IS 'Name of that run.';
COMMENT ON COLUMN run_setting.kind IS 'fact, config (as the user gave it), option (of the profiler), version (of a package), environment (a variable), tag.';
COMMENT ON COLUMN run_setting.name IS 'Name; in config and option the path in the document: layers, optimizer.lr, sizes[0].';
COMMENT ON COLUMN run_setting.value IS 'Value as text.';
