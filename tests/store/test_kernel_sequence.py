"""Sequences of kernels of random small runs, against plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

works = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(("kernel", "kernel", "memset")), st.sampled_from("78"), st.integers(0, 1)
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'random')")
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES ('r', 0)")
        yield connection


def fill(connection: duckdb.DuckDBPyConnection, work: list[tuple[str, str, str, int]]) -> None:
    """Each piece of work takes 7 ns and begins 10 ns after the one before, whatever their streams."""
    connection.execute("DELETE FROM base.kernel")
    for number, (name, kind, stream, step) in enumerate(work):
        connection.execute(
            "INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 'other' AS category, "
            "? AS kernel_id, ? AS name, ? AS kind, ? AS stream, ? AS step, ? AS start_ns, 7 AS dur_ns",
            [number, name, kind, stream, step, number * 10],
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(works)
def test_sequences_are_what_plain_python_finds(empty: duckdb.DuckDBPyConnection, work: list[tuple[str, str, str, int]]) -> None:
    fill(empty, work)
    streams = defaultdict(list)
    for number, (name, kind, stream, step) in enumerate(work):
        streams[stream, step].append((name if kind == "kernel" else None, number * 10))
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for line in streams.values():
        for length in range(2, 6):
            for first in range(len(line) - length + 1):
                part = line[first : first + length]
                names = tuple(name for name, _ in part if name is not None)
                if len(names) == length:
                    found[names].append(part[-1][1] + 7 - part[0][1] - 7 * length)
    expected = {(names, len(gaps), 7 * len(names) * len(gaps), sum(gaps)) for names, gaps in found.items() if len(gaps) > 1}
    rows = empty.sql("SELECT names, occurrences, total_ns, gap_ns, length FROM kernel_sequence").fetchall()
    assert {(tuple(names), *figures) for names, *figures, _ in rows} == expected
    assert all(len(names) == length for names, *_, length in rows)


def test_at_most_fifty_of_a_length_are_listed(empty: duckdb.DuckDBPyConnection) -> None:
    fill(empty, [(f"k{number:02}", "kernel", "7", 0) for number in range(60)] * 2)
    counts = empty.sql("SELECT length, count(*) FROM kernel_sequence GROUP BY ALL ORDER BY ALL").fetchall()
    assert counts == [(2, 50), (3, 50), (4, 50), (5, 50)]
