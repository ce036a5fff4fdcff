-- One run as the timeline draws it, in a database in memory of its own, and every question that the page asks of it.
-- An event lies in a lane: one row of the picture. Times count from the first instant of the run, in ns.
-- `covered_ns` is where an event begins to cover its lane: later than its start where an earlier event of the lane still runs, so
-- that the sum of `finish_ns - covered_ns` is the union of the lane's events, and stays it however they are cut.
-- A level of detail has bins of 2^shift ns. It holds the events shorter than its bins, cut at the edges; longer ones are drawn as
-- they are, and are few: a lane has no room for many. So every level adds up to the same union, to the nanosecond.

-- Starts and ends in the order of time: how many are open at a start is how deep it lies. What takes no time opens nothing.
CREATE TABLE nested AS
WITH edge AS (
    SELECT row, track_id, start_ns AS at_ns, sign(dur_ns)::TINYINT AS opens, -dur_ns AS longest_first FROM numbered
    UNION ALL
    SELECT NULL, track_id, start_ns + dur_ns, -1, 0 FROM numbered WHERE dur_ns > 0
),
opened AS (
    SELECT row, sum(opens) OVER (
        PARTITION BY track_id ORDER BY at_ns, opens, longest_first, row ROWS UNBOUNDED PRECEDING
    ) - opens AS depth
    FROM edge
)
SELECT numbered.*, least(depth, 60)::INTEGER AS depth FROM numbered JOIN (FROM opened WHERE row IS NOT NULL) USING (row);

CREATE TABLE lane AS
    SELECT (row_number() OVER (ORDER BY track_id, depth) - 1)::USMALLINT AS lane_id, track_id, depth
    FROM (SELECT DISTINCT track_id, depth FROM nested);

CREATE TABLE event AS
WITH placed AS (
    SELECT lane_id, name_id, category_id, kind, id, start_ns, start_ns + dur_ns AS finish_ns
    FROM nested JOIN lane USING (track_id, depth)
),
swept AS (
    SELECT *, coalesce(max(finish_ns) OVER (
        PARTITION BY lane_id ORDER BY start_ns, finish_ns DESC, kind, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), start_ns) AS before_ns
    FROM placed
)
SELECT lane_id, name_id, category_id, kind, id, start_ns, finish_ns, least(greatest(start_ns, before_ns), finish_ns) AS covered_ns
FROM swept
ORDER BY lane_id, start_ns;

DROP TABLE numbered;
DROP TABLE nested;

-- how long the run lasts, and how much of that, on a grid of 4,096 cells, holds events other than steps
CREATE TABLE extent AS
WITH whole AS (
    SELECT coalesce(max(finish_ns), 1) AS span_ns, (greatest(0, ceil(log2(greatest(coalesce(max(finish_ns), 1), 1))) - 12))::INTEGER AS cell
    FROM event
)
SELECT span_ns, (SELECT count(DISTINCT start_ns >> cell) FROM event WHERE kind <> 4) << cell AS occupied_ns FROM whole;

CREATE TABLE level (
    shift INTEGER, lane_id USMALLINT, bin BIGINT, category_id UTINYINT, busy_ns BIGINT, calls BIGINT, longest_ns BIGINT, name_id UINTEGER
);

-- events shorter than bins of 2^upper ns and at least `least_ns` long that touch a window, cut at the edges; counted where they start
CREATE MACRO pieces(upper, least_ns, from_ns, to_ns) AS TABLE
WITH short AS (
    SELECT lane_id, category_id, name_id, start_ns, finish_ns, covered_ns, start_ns >> upper AS bin,
        ((start_ns >> upper) + 1) << upper AS edge_ns
    FROM event
    WHERE start_ns < to_ns AND finish_ns > from_ns
        AND finish_ns - start_ns >= least_ns AND finish_ns - start_ns < (1::BIGINT << upper)
)
SELECT lane_id, category_id, bin, greatest(least(finish_ns, edge_ns) - covered_ns, 0) AS busy_ns, 1 AS calls,
    finish_ns - start_ns AS longest_ns, name_id
FROM short
UNION ALL
SELECT lane_id, category_id, bin + 1, finish_ns - greatest(covered_ns, edge_ns), 0, finish_ns - start_ns, name_id
FROM short
WHERE finish_ns > edge_ns;

-- the finest level that is kept, and each next one: the bins of the one before in pairs, with the events too long for that one
CREATE MACRO finest_level(shift) AS TABLE
SELECT shift, lane_id, bin, category_id, sum(busy_ns), sum(calls), max(longest_ns), arg_max(name_id, longest_ns)
FROM pieces(shift, 0, -9000000000000000000, 9000000000000000000)
GROUP BY lane_id, bin, category_id;
CREATE MACRO next_level(upper) AS TABLE
SELECT upper, lane_id, bin, category_id, sum(busy_ns), sum(calls), max(longest_ns), arg_max(name_id, longest_ns)
FROM (
    SELECT lane_id, category_id, bin >> 1 AS bin, busy_ns, calls, longest_ns, name_id FROM level WHERE level.shift = upper - 1
    UNION ALL
    SELECT lane_id, category_id, bin, busy_ns, calls, longest_ns, name_id
    FROM pieces(upper, 1::BIGINT << (upper - 1), -9000000000000000000, 9000000000000000000)
)
GROUP BY lane_id, bin, category_id;

-- what is drawn in a window: events of a least length, and bins of the shorter ones from a level that is kept, or cut on the spot
CREATE MACRO shown(lanes, hidden) AS TABLE
SELECT lane_id, category_id FROM lane, category
WHERE list_contains(lanes, lane_id) AND NOT list_contains(hidden, category_id);
CREATE MACRO slices(from_ns, to_ns, least_ns, lanes, hidden) AS TABLE
SELECT lane_id, category_id, name_id, kind, id, start_ns, finish_ns
FROM event
SEMI JOIN shown(lanes, hidden) USING (lane_id, category_id)
WHERE start_ns < to_ns AND finish_ns > from_ns AND finish_ns - start_ns >= least_ns;
CREATE MACRO kept_bins(upper, from_ns, to_ns, lanes, hidden) AS TABLE
SELECT lane_id, bin, arg_max(category_id, busy_ns) AS category_id, sum(busy_ns) AS busy_ns, sum(calls) AS calls,
    arg_max(name_id, longest_ns) AS name_id
FROM level
SEMI JOIN shown(lanes, hidden) USING (lane_id, category_id)
WHERE shift = upper AND bin BETWEEN from_ns >> upper AND (to_ns - 1) >> upper
GROUP BY lane_id, bin;
CREATE MACRO cut_bins(upper, from_ns, to_ns, lanes, hidden) AS TABLE
WITH part AS (
    SELECT lane_id, bin, category_id, sum(busy_ns) AS busy_ns, sum(calls) AS calls, max(longest_ns) AS longest_ns,
        arg_max(name_id, longest_ns) AS name_id
    FROM pieces(upper, 0, (from_ns >> upper) << upper, (((to_ns - 1) >> upper) + 1) << upper)
    SEMI JOIN shown(lanes, hidden) USING (lane_id, category_id)
    WHERE bin BETWEEN from_ns >> upper AND (to_ns - 1) >> upper
    GROUP BY lane_id, bin, category_id
)
SELECT lane_id, bin, arg_max(category_id, busy_ns) AS category_id, sum(busy_ns) AS busy_ns, sum(calls) AS calls,
    arg_max(name_id, longest_ns) AS name_id
FROM part
GROUP BY lane_id, bin;
CREATE MACRO counter_bins(upper, from_ns, to_ns) AS TABLE
SELECT counter_id, (max(at_ns) >> upper) AS bin, arg_max(value, at_ns) AS highest, arg_max(value, at_ns) AS last
FROM reading
WHERE at_ns < from_ns
GROUP BY counter_id
UNION ALL
-- what is read now and then, before its first reading: the nearest is that one
SELECT counter_id, greatest(from_ns, 0) >> upper, arg_min(value, at_ns), arg_min(value, at_ns)
FROM reading
SEMI JOIN (FROM counter WHERE NOT starts_with(counter, 'memory by the allocator')) AS read USING (counter_id)
GROUP BY counter_id
HAVING min(at_ns) >= from_ns AND greatest(from_ns, 0) < least(min(at_ns), to_ns)
UNION ALL
SELECT counter_id, at_ns >> upper, max(value), arg_max(value, at_ns)
FROM reading
WHERE at_ns >= from_ns AND at_ns < to_ns
GROUP BY counter_id, at_ns >> upper
ORDER BY 1, 2;

-- what lies in an area: calls and the time inside of the area, of each name or each category, and its share of all that time
CREATE MACRO area(from_ns, to_ns, lanes, hidden) AS TABLE
SELECT name, category, least(finish_ns, to_ns) - greatest(start_ns, from_ns) AS inside_ns
FROM slices(from_ns, to_ns, 0, lanes, hidden)
JOIN name USING (name_id)
JOIN category USING (category_id);
CREATE MACRO area_by_name(from_ns, to_ns, lanes, hidden) AS TABLE
SELECT name, category, count(*) AS calls, sum(inside_ns)::BIGINT AS total_ns, sum(inside_ns) / sum(sum(inside_ns)) OVER () AS share_ratio
FROM area(from_ns, to_ns, lanes, hidden)
GROUP BY name, category;
CREATE MACRO area_by_category(from_ns, to_ns, lanes, hidden) AS TABLE
SELECT category, count(*) AS calls, sum(inside_ns)::BIGINT AS total_ns, sum(inside_ns) / sum(sum(inside_ns)) OVER () AS share_ratio
FROM area(from_ns, to_ns, lanes, hidden)
GROUP BY category;

-- what has a text in its name: how much of it, where in a window, and the nearest
CREATE MACRO found(wanted, lanes, hidden) AS TABLE
SELECT event.*
FROM event
SEMI JOIN shown(lanes, hidden) USING (lane_id, category_id)
SEMI JOIN (SELECT name_id FROM name WHERE contains(lower(name), lower(wanted))) USING (name_id);
CREATE MACRO hits(wanted, upper, from_ns, to_ns, lanes, hidden) AS TABLE
SELECT DISTINCT lane_id, start_ns >> upper AS bin
FROM found(wanted, lanes, hidden)
WHERE start_ns < to_ns AND finish_ns > from_ns
ORDER BY ALL;
CREATE MACRO tally(wanted, lanes, hidden) AS TABLE
SELECT count(*) AS calls, coalesce(sum(finish_ns - start_ns), 0)::BIGINT AS total_ns, count(DISTINCT name_id) AS names
FROM found(wanted, lanes, hidden);
CREATE MACRO following(wanted, lanes, hidden, at_ns) AS TABLE
SELECT kind, rank, id
FROM found(wanted, lanes, hidden) JOIN lane USING (lane_id) JOIN track USING (track_id)
WHERE start_ns > at_ns
ORDER BY start_ns, lane_id LIMIT 1;
CREATE MACRO preceding(wanted, lanes, hidden, at_ns) AS TABLE
SELECT kind, rank, id
FROM found(wanted, lanes, hidden) JOIN lane USING (lane_id) JOIN track USING (track_id)
WHERE start_ns < at_ns
ORDER BY start_ns DESC, lane_id LIMIT 1;
CREATE MACRO same_name(wanted, from_ns) AS TABLE
SELECT event.kind, rank, event.id
FROM event JOIN lane USING (lane_id) JOIN track USING (track_id)
WHERE name_id = (SELECT name_id FROM name WHERE name = wanted)
ORDER BY abs(start_ns - from_ns), rank LIMIT 1;
CREATE MACRO one_event(of_kind, of_rank, of_id) AS TABLE
SELECT event.kind, rank, event.id, lane_id, start_ns, finish_ns, finish_ns - start_ns AS dur_ns, name, category, family, device_id, place
FROM event JOIN lane USING (lane_id) JOIN track USING (track_id) JOIN name USING (name_id) JOIN category USING (category_id)
WHERE event.kind = of_kind AND event.id = of_id AND rank = of_rank;
CREATE MACRO statistics(wanted, of_kind) AS TABLE
SELECT count(*) AS calls, sum(dur_ns)::BIGINT AS total_ns, avg(dur_ns) AS mean_ns, min(dur_ns) AS min_ns, max(dur_ns) AS max_ns
FROM (
    SELECT finish_ns - start_ns AS dur_ns FROM event
    WHERE kind = of_kind AND name_id = (SELECT name_id FROM name WHERE name = wanted)
);

-- the steps that two runs are aligned at, of the lowest rank: the profiled ones, those that are no warm-up first
CREATE MACRO measured() AS TABLE
SELECT id AS step, start_ns, finish_ns
FROM event JOIN lane USING (lane_id) JOIN track USING (track_id) JOIN category USING (category_id)
WHERE event.kind = 4 AND rank = (SELECT min(rank) FROM track WHERE family = 'step') AND category = (
    SELECT category FROM category WHERE starts_with(category, 'step_')
    ORDER BY list_position(['step_profiled', 'step_profiled_warmup', 'step_bare', 'step_warmup'], category) LIMIT 1
)
ORDER BY start_ns;

-- where the page opens: the measured steps, at most ten; else any profiled ones; else the work of devices; else all events; else all steps
CREATE MACRO opening() AS TABLE
WITH candidate AS (
    SELECT 1 AS choice, start_ns, finish_ns FROM (SELECT * FROM measured() LIMIT 10)
    UNION ALL
    SELECT CASE WHEN kind = 0 THEN 2 WHEN kind < 4 THEN 3 ELSE 4 END, start_ns, finish_ns FROM event
)
SELECT min(start_ns) AS from_ns, max(finish_ns) AS to_ns FROM candidate WHERE choice = (SELECT min(choice) FROM candidate);
