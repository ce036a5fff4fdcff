-- From the events, names and readings of events.sql to what timeline.sql goes on with: numbers in place of texts, and the tracks.

CREATE TABLE name AS
    SELECT (row_number() OVER (ORDER BY name) - 1)::UINTEGER AS name_id, name_key, name FROM raw_name;
CREATE TABLE category AS
    SELECT (row_number() OVER (ORDER BY category) - 1)::UTINYINT AS category_id, category FROM (SELECT DISTINCT category FROM raw);
CREATE TABLE origin AS
    SELECT coalesce(least((SELECT min(start_ns) FROM raw), (SELECT min(at_ns) FROM raw_reading)), 0) AS zero_ns;

-- one track is a stream of a device, the work of a host thread, its Python frames, or the steps of a rank; those with most work first
CREATE TABLE track AS
    SELECT (row_number() OVER (ORDER BY rank, family_order, device_id, work_ns DESC, covering_ns DESC, place) - 1)::INTEGER AS track_id, *
    FROM (
        SELECT rank, family, device_id, place, count(*) AS events, sum(dur_ns) AS covering_ns, sum(if(kind < 2, dur_ns, 0)) AS work_ns,
            list_position(['step', 'device', 'async', 'range', 'host', 'python'], family) AS family_order
        FROM raw
        GROUP BY ALL
    );

CREATE TABLE counter AS
    SELECT (row_number() OVER (ORDER BY rank, device_id, counter) - 1)::USMALLINT AS counter_id, *
    FROM (SELECT rank, device_id, counter, unit, max(value) AS most FROM raw_reading GROUP BY ALL);
CREATE TABLE reading AS
    SELECT counter_id, at_ns - zero_ns AS at_ns, value
    FROM raw_reading
    JOIN counter ON (counter.rank, counter.counter) = (raw_reading.rank, raw_reading.counter)
        AND counter.device_id IS NOT DISTINCT FROM raw_reading.device_id,
    origin
    ORDER BY counter_id, at_ns;

CREATE TABLE numbered AS
    SELECT row_number() OVER () AS row, track_id, name_id, category_id, raw.kind::UTINYINT AS kind, raw.id::BIGINT AS id,
        raw.start_ns - zero_ns AS start_ns, raw.dur_ns
    FROM raw
    JOIN name USING (name_key)
    JOIN category USING (category)
    JOIN track ON (track.rank, track.family) = (raw.rank, raw.family)
        AND track.device_id IS NOT DISTINCT FROM raw.device_id AND track.place IS NOT DISTINCT FROM raw.place,
    origin;
