"""Ranks side by side: cells of a heatmap, skew by clocks, who holds the others up."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import duckdb
import pytest


@pytest.fixture
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        yield connection


def add(connection: duckdb.DuckDBPyConnection, *, ranks: int, steps: int, offset: str = "0") -> None:
    """Ranks whose steps take 100 ns, rank 1 10 ns more in odd ones; rank r starts each r ns later, by clocks of that offset."""
    connection.execute("INSERT INTO base.run BY NAME SELECT 'r' AS run_id, 'job' AS run, ? AS world_size", [ranks])
    connection.execute(
        f"INSERT INTO base.rank BY NAME SELECT 'r' AS run_id, rank, {offset} AS clock_offset_ns, "
        "if(rank = 0, NULL, rank) AS clock_residual_ns FROM range(?) AS t(rank)",
        [ranks],
    )
    connection.execute(
        "INSERT INTO base.step BY NAME SELECT 'r' AS run_id, rank, step, step * 200 + rank AS start_ns, "
        "if(rank = 1 AND step % 2 = 1, 110, 100) AS dur_ns, false AS is_profiled, step = 0 AS is_warmup "
        "FROM range(?) AS a(rank), range(?) AS b(step)",
        [ranks, steps],
    )


def test_a_cell_is_a_step_up_to_64_000_of_them(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=64, steps=1000)
    assert empty.sql("SELECT count(*), max(steps), max(excess_ns) FROM rank_step").fetchall() == [(64_000, 1, 10)]


def test_beyond_that_it_is_the_mean_of_a_few_steps_in_a_row(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=64, steps=1001)
    cells = empty.sql("SELECT step, last_step, steps, excess_ns FROM rank_step WHERE rank = 1 ORDER BY step").fetchall()
    assert cells[:2] == [(0, 1, 2, 5), (2, 3, 2, 5)]
    assert cells[-1] == (1000, 1000, 1, 0)
    assert empty.sql("SELECT count(*) FROM rank_step").fetchall() == [(64 * 501,)]


def test_a_step_that_one_rank_ran_is_beside_nothing(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=1, steps=3)
    for view in ("rank_step", "rank_skew", "rank_summary"):
        assert empty.sql(f"FROM {view}").fetchall() == []


def test_starts_are_compared_on_one_clock(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=3, steps=2, offset="if(rank = 1, 40, 0)")
    found = empty.sql("SELECT step, spread_ns, slowest_rank, skew_ns, latest_rank, residual_ns FROM rank_skew ORDER BY step")
    assert found.fetchall() == [(0, 0, 0, 41, 1, 2), (1, 10, 1, 41, 1, 2)]


def test_a_clock_that_is_not_known_leaves_the_skew_open(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=3, steps=2, offset="if(rank = 1, NULL, 0)")
    assert empty.sql("SELECT DISTINCT skew_ns, latest_rank FROM rank_skew").fetchall() == [(None, None)]


def test_a_long_run_keeps_the_worst_of_each_thousandth(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=2, steps=2000)
    rows = empty.sql("SELECT step, steps, spread_ns, slowest_rank FROM rank_skew ORDER BY step").fetchall()
    assert (len(rows), rows[0], rows[-1]) == (1000, (0, 2, 10, 1), (1998, 2, 10, 1))


def test_without_collectives_the_longer_steps_are_the_delay(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, ranks=3, steps=5)
    found = empty.sql(
        "SELECT rank, steps, step_ns, slowest_ratio, delay_ns, delay_ratio, cause FROM rank_summary ORDER BY rank"
    )
    assert found.fetchall() == [
        (0, 4, 100, 0.5, 0, 0, None),
        (1, 4, 105, 0.5, 5, pytest.approx(5 / 105), None),  # no work is known, so no cause
        (2, 4, 100, 0, 0, 0, None),
    ]
