-- Begins and ends of events, which kineto.sql staged, put together: one row a pair, like an event with a duration.
-- An end closes the innermost begin of its thread; one with a name, the innermost of that name, so that an edge that is
-- missing costs its own pair and not those around it. At one instant edges come as they stand in the file.

CREATE OR REPLACE TEMP TABLE kineto_pair AS
WITH edge AS (
    SELECT
        rowid AS edge, is_begin, pid, tid, name, at_ns, CASE WHEN is_begin THEN 1 ELSE -1 END AS opens,
        row_number() OVER (ORDER BY at_ns, chunk_number, rowid) AS position
    FROM kineto_edge
),
-- A level is how many begins are open, counted from the lowest number so far: an end without a begin opens nothing.
deep AS (SELECT *, sum(opens) OVER (PARTITION BY pid, tid ORDER BY position) AS depth FROM edge),
level AS (
    SELECT *, depth - least(0, min(depth) OVER (PARTITION BY pid, tid ORDER BY position)) + (NOT is_begin)::INTEGER AS level
    FROM deep
),
named AS (
    SELECT * REPLACE (coalesce(name, CASE WHEN NOT is_begin THEN lag(name) OVER (PARTITION BY pid, tid, level ORDER BY position) END) AS name)
    FROM level
),
deep_in_name AS (
    SELECT * REPLACE (sum(opens) OVER (PARTITION BY pid, tid, name ORDER BY position) AS depth) FROM named
),
level_in_name AS (
    SELECT * REPLACE (
        depth - least(0, min(depth) OVER (PARTITION BY pid, tid, name ORDER BY position)) + (NOT is_begin)::INTEGER AS level)
    FROM deep_in_name
),
begun AS (
    SELECT is_begin, edge AS begin_edge, lead(edge) OVER next_one AS end_edge
    FROM level_in_name
    WINDOW next_one AS (PARTITION BY pid, tid, name, level ORDER BY position)
)
SELECT
    'X' AS ph, coalesce(first.cat, last.cat) AS cat, coalesce(first.name, last.name) AS name, first.pid, first.tid,
    coalesce(first.args, last.args) AS args, first.at_ns AS start_ns, last.at_ns AS end_ns
FROM begun
JOIN kineto_edge AS first ON first.rowid = begun.begin_edge
JOIN kineto_edge AS last ON last.rowid = begun.end_edge
WHERE begun.is_begin;
