-- Fills base.run: the recorded rows with the edits over them, and what spans the parts of a run.
DELETE FROM base.run;

INSERT INTO base.run BY NAME
WITH edited AS (
    SELECT run_id,
        max(value) FILTER (key = 'name') AS name,
        max(value) FILTER (key = 'note') AS note,
        coalesce(bool_or(key = 'pinned' AND value IS NOT NULL), false) AS is_pinned,
        coalesce(
            map_from_entries(list({key: substr(key, 5), value: value} ORDER BY key) FILTER (starts_with(key, 'tag:'))),
            MAP {}::MAP(VARCHAR, VARCHAR)
        ) AS tags
    FROM store.edit
    GROUP BY run_id
),
counted AS (
    -- A part with a finding alone stands for a rank that could not be read.
    SELECT run_id, count(*)::INTEGER AS part_count, max(rank) + 1 AS least_ranks, min(created_ns) AS ingested_ns
    FROM store.part
    WHERE tables <> ['finding']
    GROUP BY run_id
)
SELECT
    recorded.* REPLACE (
        coalesce(edited.name, recorded.run) AS run,
        greatest(recorded.world_size, least_ranks)::INTEGER AS world_size,
        CASE WHEN edited.run_id IS NULL THEN recorded.tags
            ELSE map_from_entries(list_filter(
                map_entries(map_concat(coalesce(recorded.tags, MAP {}::MAP(VARCHAR, VARCHAR)), edited.tags)),
                lambda entry: entry.value IS NOT NULL
            )) END AS tags
    ),
    part_count,
    part_count < greatest(recorded.world_size, least_ranks) AS is_partial,
    edited.note,
    coalesce(edited.is_pinned, false) AS is_pinned,
    ingested_ns
FROM store.run AS recorded
JOIN counted USING (run_id)
LEFT JOIN edited USING (run_id)
ORDER BY run_id;
