"""Figures of repeats and of quotients, against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import exp, hypot, inf, log, nan, sqrt

import duckdb
import pytest
from known_bench import MADE_UP

from crossprof.survey.losses import LOSS_DISTANCE
from crossprof.survey.measure import Measure, Reading, Sides, plain, quotient_of

SPEED = Measure("speed", "samples/s", "higher", plain("speed"))
T_OF_TWO, T_OF_THREE = 12.7062, 4.30265  # Student's t at 0.975, of 1 and 2 degrees of freedom
Interval = tuple[float | None, float | None]


@pytest.fixture
def source() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("""
            CREATE TABLE run_metric (
                run_id VARCHAR, rank INTEGER, metric VARCHAR, value DOUBLE, n BIGINT, ci_low DOUBLE, ci_high DOUBLE)""")
        connection.execute("CREATE TABLE sample (run_id VARCHAR, rank INTEGER, metric VARCHAR, value DOUBLE, at_ns BIGINT)")
        yield connection


def fill(source: duckdb.DuckDBPyConnection, runs: dict[str, tuple[float, Interval]]) -> None:
    for run_id, (value, interval) in runs.items():
        source.execute("INSERT INTO run_metric VALUES (?, NULL, 'speed', ?, 20, ?, ?)", [run_id, value, *interval])
        source.execute("INSERT INTO run_metric VALUES (?, 0, 'speed', 1e9, 20, 1, 2e9)", [run_id])  # of a rank: not the run's


def side(*cells: str) -> Sides:
    """A side of cells, each given by the run ids of its repeats: "a1 a2"; a repeat's number is the last letter."""
    made = [replace(MADE_UP, run_ids=(ids := tuple(cell.split())), numbers=tuple(one[-1] for one in ids)) for cell in cells]
    return {"other": made}


def figure_of(found: dict[str, Reading]) -> tuple[float, float | None, float | None, int]:
    figure = found["other"].figure
    return figure.value, figure.ci_low, figure.ci_high, figure.n


def test_repeats_with_intervals_reach_from_the_least_end_to_the_largest(source: duckdb.DuckDBPyConnection) -> None:
    fill(source, {"a1": (10, (9, 12)), "a2": (14, (11, 15))})
    found = SPEED.read(source, side("a1 a2"))
    assert figure_of(found) == (12, 9, 15, 40)
    assert found["other"].by_repeat == {"1": 10, "2": 14}


@pytest.mark.parametrize("second", [(None, None), (1.9, 2.1)])
def test_three_repeats_without_an_interval_each_have_student_s(source: duckdb.DuckDBPyConnection, second: Interval) -> None:
    """1, 2 and 4: their logarithms lie log 2 apart, which is their standard deviation too."""
    fill(source, {"a1": (1, (None, None)), "a2": (2, second), "a3": (4, (None, None))})
    reach = exp(T_OF_THREE * log(2) / sqrt(3))
    assert figure_of(SPEED.read(source, side("a1 a2 a3"))) == (
        2, pytest.approx(2 / reach, rel=1e-5), pytest.approx(2 * reach, rel=1e-5), 60,
    )  # fmt: skip


def test_two_repeats_without_an_interval_each_have_a_wide_one(source: duckdb.DuckDBPyConnection) -> None:
    """1 and 1.21: half the distance of their logarithms is the error of their mean, that of 1.1."""
    fill(source, {"a1": (1, (None, None)), "a2": (1.21, (None, None))})
    low, high = 1.1 / 1.1**T_OF_TWO, 1.1 * 1.1**T_OF_TWO
    assert figure_of(SPEED.read(source, side("a1 a2"))) == (
        pytest.approx(1.105), pytest.approx(low, rel=1e-5), pytest.approx(high, rel=1e-5), 40,
    )  # fmt: skip
    bounded = replace(SPEED, query=plain("speed", highest=2.0))
    assert figure_of(bounded.read(source, side("a1 a2")))[2] == 2.0


def test_one_repeat_without_an_interval_has_none(source: duckdb.DuckDBPyConnection) -> None:
    fill(source, {"a1": (3, (None, None)), "a2": (nan, (None, None)), "a3": (inf, (None, None))})
    assert figure_of(SPEED.read(source, side("a1 a2 a3"))) == (3, None, None, 20)
    assert SPEED.read(source, side("a2")) == {}


def test_a_quotient_adds_the_distances_in_squares(source: duckdb.DuckDBPyConnection) -> None:
    """8 within a quarter to either side, over 4 that may be 2 or 5, halved for two ranks."""
    fill(source, {"a1": (8, (6.4, 10)), "a2": (8, (6.4, 10)), "b1": (4, (2, 5)), "b3": (4, (2, 5))})
    found = Measure("efficiency", "ratio", "higher", quotient_of("speed", share=2)).read(source, side("a1 a2", "b1 b3"))
    assert figure_of(found) == (
        1, pytest.approx(exp(-hypot(log(1.25), log(1.25)))), pytest.approx(exp(hypot(log(1.25), log(2)))), 40,
    )  # fmt: skip
    assert found["other"].by_repeat == {"1": 1}, "the second repeat of one and the third of the other stood beside nothing"


def test_losses_are_compared_step_by_step_first_with_first(source: duckdb.DuckDBPyConnection) -> None:
    curves = {"a1": (4.0, 3.3, 2.0), "a2": (4.0, 3.0, 2.5), "b1": (4.0, 3.0, 2.0), "b2": (4.0, 3.0, 2.0), "a3": (nan, 3.0, 2.0)}
    for run_id, losses in curves.items():
        for at, loss in enumerate(losses):
            source.execute("INSERT INTO sample VALUES (?, 0, 'workload.loss', ?, ?)", [run_id, loss, at])
            source.execute("INSERT INTO sample VALUES (?, 1, 'workload.loss', 99, ?)", [run_id, at])
    curve = LOSS_DISTANCE.read(source, side("a1 a2", "b1 b2"))
    assert curve["other"].by_repeat == {"1": pytest.approx(0.3 / 3), "2": pytest.approx(0.5 / 2)}
    assert curve["other"].figure.value == pytest.approx((0.1 + 0.25) / 2)
    assert LOSS_DISTANCE.read(source, side("a3", "b1 b2")) == {}
