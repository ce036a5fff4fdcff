"""Variation of steps, and runs of one model over numbers of devices, checked by hand and against plain Python."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from types import ModuleType

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def empty(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


def add(
    connection: duckdb.DuckDBPyConnection, run: str, ranks: int, times: list[int], *, world_size: int | None = None
) -> None:
    """A run of `ranks` ranks, whose bare steps take these times on each of them and handle 8 samples."""
    connection.execute(
        "INSERT INTO base.run BY NAME SELECT ? AS run_id, ? AS run, 'bert' AS model, 'H100' AS device_model, "
        "1 AS device_count, ? AS world_size",
        [run, run, world_size or ranks],
    )
    for rank in range(ranks):
        connection.execute("INSERT INTO base.rank (run_id, rank) VALUES (?, ?)", [run, rank])
        for step, dur in enumerate(times):
            connection.execute(
                "INSERT INTO base.step BY NAME SELECT ? AS run_id, ? AS rank, ? AS step, ? AS start_ns, ? AS dur_ns, "
                "false AS is_profiled, false AS is_warmup, 8 AS samples",
                [run, rank, step, sum(times[:step]), dur],
            )


def test_efficiency_is_throughput_over_that_of_the_smallest_run(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, "one", 1, [100, 100, 100])
    add(empty, "two", 2, [110, 125, 140])
    add(empty, "four", 4, [200, 200, 200])
    add(empty, "partial", 2, [100], world_size=8)
    found = empty.sql("""
        SELECT run, devices, base_devices, step_ns, samples_per_second, ideal_samples_per_second, efficiency_ratio
        FROM scaling ORDER BY devices
    """).fetchall()
    assert found == [
        ("one", 1, 1, 100, pytest.approx(8e7), pytest.approx(8e7), pytest.approx(1)),
        ("two", 2, 1, 125, pytest.approx(16 / 125e-9), pytest.approx(16e7), pytest.approx(0.8)),
        ("four", 4, 1, 200, pytest.approx(32 / 200e-9), pytest.approx(32e7), pytest.approx(0.5)),
        ("partial", 8, 1, 100, None, pytest.approx(64e7), None),
    ]


def test_runs_of_another_device_have_a_base_of_their_own(empty: duckdb.DuckDBPyConnection) -> None:
    add(empty, "one", 1, [100])
    add(empty, "other", 2, [100])
    empty.execute("UPDATE base.run SET device_model = 'MI300X' WHERE run = 'other'")
    assert empty.sql("SELECT run, base_devices, efficiency_ratio FROM scaling ORDER BY run").fetchall() == [
        ("one", 1, pytest.approx(1)),
        ("other", 2, pytest.approx(1)),
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=15))
def test_variation_is_what_plain_python_finds(empty: duckdb.DuckDBPyConnection, times: list[int]) -> None:
    empty.execute("DELETE FROM base.run; DELETE FROM base.rank; DELETE FROM base.step")
    add(empty, "r", 1, times)
    (found,) = empty.sql("""
        SELECT steps, mean_ns, p50_ns, p95_ns, variation_ratio, mad_ns, outliers, outlier_steps, lag_correlation, drift_ns
        FROM step_variation
    """).fetchall()
    middle = statistics.median(times)
    mad = statistics.median(abs(time - middle) for time in times)
    outliers = [step for step, time in enumerate(times) if abs(time - middle) > 3 * mad]
    assert found[:3] == (len(times), pytest.approx(statistics.mean(times)), middle)
    assert found[3] == pytest.approx(np.quantile(times, 0.95))
    assert found[4] == (pytest.approx(statistics.stdev(times) / statistics.mean(times)) if len(times) > 1 else None)
    assert found[5:8] == (mad, len(outliers), outliers)
    if len(times) < 5:
        assert found[8:] == (None, None)
    else:
        assert found[9] == pytest.approx(np.polyfit(range(len(times)), times, 1)[0], abs=1e-6)
        if len(set(times[1:])) > 1 and len(set(times[:-1])) > 1:
            assert found[8] == pytest.approx(np.corrcoef(times[1:], times[:-1])[0, 1], abs=1e-6)


def batch(connection: duckdb.DuckDBPyConnection, run: str, size: int) -> None:
    connection.execute("UPDATE base.run SET batch_size = ? WHERE run = ?", [size, run])
    connection.execute("UPDATE base.step SET samples = ? WHERE run_id = ?", [size, run])


def test_a_run_is_set_against_the_smallest_with_its_batch_of_a_rank_else_of_all(empty: duckdb.DuckDBPyConnection) -> None:
    for name, ranks, size in (("one", 1, 32), ("weak", 2, 32), ("strong", 2, 16), ("strong4", 4, 8), ("unlike", 4, 5)):
        add(empty, name, ranks, [100, 100])
        batch(empty, name, size)
    found = empty.sql(
        "SELECT run, mode, base_run_id, base_devices, efficiency_ratio FROM scaling ORDER BY devices, run"
    ).fetchall()
    assert found == [
        ("one", "base", "one", 1, 1),
        ("strong", "strong", "one", 1, pytest.approx(0.5)),
        ("weak", "weak", "one", 1, pytest.approx(1)),
        ("strong4", "strong", "one", 1, pytest.approx(0.25)),
        ("unlike", "base", "unlike", 4, 1),
    ]


def test_of_repeats_the_median_is_typical(empty: duckdb.DuckDBPyConnection) -> None:
    for name, dur in (("a", 100), ("b", 110), ("c", 150)):
        add(empty, name, 1, [dur])
    add(empty, "partial", 2, [100], world_size=4)
    assert empty.sql("SELECT run, is_typical FROM scaling ORDER BY run").fetchall() == [
        ("a", False),
        ("b", True),
        ("c", False),
        ("partial", True),
    ]
