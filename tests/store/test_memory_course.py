"""What the line of memory over time keeps of many readings, against plain Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest

EVENTS = 5000


@pytest.fixture
def walk(tiny: ModuleType) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[int]]]:
    """A walk of memory over 5,000 events 10 ns apart, in two steps with a gap between them, and its values."""
    draw = random.Random(4)
    values = [0]
    while len(values) < EVENTS:
        values.append(max(0, values[-1] + draw.randrange(-1000, 1001)))
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'walk')")
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0)")
        connection.execute("""
            INSERT INTO base.step BY NAME SELECT 'r' AS run_id, 0 AS rank, step, step * 30000 AS start_ns, 20000 AS dur_ns,
                true AS is_profiled, false AS is_warmup FROM range(2) AS steps(step)
        """)
        connection.execute(
            """
            INSERT INTO base.memory_event BY NAME SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, n * 10 AS at_ns, 1 AS bytes,
                $values[n + 1] AS allocated_bytes, $values[n + 1] + n // 1000 AS reserved_bytes FROM range($events) AS t(n)
            """,
            {"values": values, "events": EVENTS},
        )
        yield connection, values


def test_each_slice_keeps_its_extremes(walk: tuple[duckdb.DuckDBPyConnection, list[int]]) -> None:
    connection, values = walk
    kept = connection.sql("SELECT at_ns // 10, bytes, is_peak FROM memory_course ORDER BY at_ns").fetchall()
    assert len(kept) <= 1500
    assert all(values[place] == size for place, size, _ in kept)
    for first in range(0, EVENTS, 10):  # 500 slices of 10 events
        mine = [size for place, size, _ in kept if first <= place < first + 10]
        assert (min(mine), max(mine)) == (min(values[first : first + 10]), max(values[first : first + 10])), first
    assert [(place, size) for place, size, is_peak in kept if is_peak] == [(values.index(max(values)), max(values))]


def test_few_readings_are_all_kept(walk: tuple[duckdb.DuckDBPyConnection, list[int]]) -> None:
    connection, _ = walk
    connection.execute("DELETE FROM base.memory_event WHERE at_ns >= 15000")
    assert connection.sql("SELECT count(*) FROM memory_course").fetchall() == [(1500,)]


def test_a_reading_between_steps_belongs_to_none(walk: tuple[duckdb.DuckDBPyConnection, list[int]]) -> None:
    connection, _ = walk
    wrong = connection.sql("""
        SELECT * FROM memory_course
        WHERE step IS DISTINCT FROM CASE WHEN at_ns <= 20000 THEN 0 WHEN at_ns >= 30000 THEN 1 END
            OR abs(step_ratio - (at_ns - 30000 * step) / 20000) > 1e-9
    """)
    assert wrong.fetchall() == []
