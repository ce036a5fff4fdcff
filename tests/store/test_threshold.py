"""Thresholds: what an amount means for each metric, and when a difference fails it."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from crossprof.errors import CrossprofError
from crossprof.store.metrics import Metric, registry
from crossprof.store.threshold import Threshold, judged, parse
from crossprof.store.verdict import MetricDifference


@pytest.fixture(scope="module")
def known(tiny_runs: duckdb.DuckDBPyConnection) -> dict[str, Metric]:
    return registry(tiny_runs)


@pytest.mark.parametrize(
    ("metric", "amount", "value", "is_share", "rises"),
    [
        ("step_time", "3%", 0.03, True, True),
        ("step_time", " + 3 % ", 0.03, True, True),
        ("step_time", "2ms", 2e6, False, True),
        ("step_time", ".5us", 500.0, False, True),
        ("throughput", "2%", 0.02, True, False),
        ("throughput", "-2%", 0.02, True, False),
        ("throughput", "−5 samples/s", 5.0, False, False),
        ("peak_memory", "100MiB", 100 * 2.0**20, False, True),
        ("peak_memory", "1GB", 1e9, False, True),
        ("device_busy", "0.03", 0.03, False, False),
        ("kernels_per_step", "10", 10.0, False, True),
        ("op_coverage", "-5%", 0.05, True, False),
        ("op_coverage", "+5%", 0.05, True, True),
    ],
)
def test_an_amount_is_a_share_or_has_the_metrics_unit(
    known: dict[str, Metric], metric: str, amount: str, value: float, is_share: bool, rises: bool
) -> None:
    found = parse(metric, amount, known)
    assert found.amount == pytest.approx(value)
    assert (found.is_share, found.rises) == (is_share, rises)


@pytest.mark.parametrize(
    ("metric", "amount", "says"),
    [
        ("step_time", "3", "step_time=3%, step_time=3ns"),
        ("step_time", "3MiB", "no threshold"),
        ("step_time", "three%", "no threshold"),
        ("step_time", "", "no threshold"),
        ("step_time", "nan%", "no threshold"),
        ("throughput", "150%", "can't fail"),
        ("step_time", "-3%", "gets worse as it rises: write step_time=3%"),
        ("throughput", "+3%", "gets worse as it falls: write throughput=3%"),
        ("op_coverage", "3%", "write op_coverage=+3% or op_coverage=-3%"),
        ("speed", "3%", "crossprof metrics"),
        ("hta.busy", "3%", "No metric is named 'hta.busy'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(known: dict[str, Metric], metric: str, amount: str, says: str) -> None:
    with pytest.raises(CrossprofError) as refused:
        parse(metric, amount, known)
    assert says in str(refused.value)


def difference(ratio: float | None = 1.0, low: float | None = None, high: float | None = None, **more: Any) -> MetricDifference:
    facts: dict[str, Any] = {"base": 100.0, "other": 100.0 * (ratio or 0.0), "verdict": "different"} | more
    return MetricDifference("m", "ns", facts["base"], facts["other"], 9, 9, ratio, low, high, facts["verdict"])


RISE = Threshold("m", 0.1, True, True, "+10 %")
FALL = Threshold("m", 0.1, True, False, "−10 %")


@pytest.mark.parametrize(
    ("threshold", "low", "high", "state"),
    [
        (RISE, 1.11, 1.2, "failed"),
        (RISE, 1.1, 1.2, "undecided"),
        (RISE, 1.05, 1.15, "undecided"),
        (RISE, 0.2, 1.1, "passed"),
        (FALL, 0.8, 0.89, "failed"),
        (FALL, 0.85, 0.95, "undecided"),
        (FALL, 0.9, 5.0, "passed"),
        (Threshold("m", 10.0, False, True, "+10 ns"), 1.11, 1.2, "failed"),  # of a base of 100
        (Threshold("m", 30.0, False, True, "+30 ns"), 1.11, 1.2, "passed"),
        (Threshold("m", 0.0, True, True, "+0 %"), 1.0, 1.2, "undecided"),
    ],
)
def test_it_fails_only_where_the_whole_interval_lies_beyond(threshold: Threshold, low: float, high: float, state: str) -> None:
    assert judged(threshold, difference((low + high) / 2, low, high), is_exact=False) == state


def test_without_an_interval_only_a_figure_that_is_exact_is_judged() -> None:
    assert judged(RISE, difference(1.5, verdict="too_few"), is_exact=False) == "too_few"
    assert judged(RISE, difference(1.5, verdict="too_few"), is_exact=True) == "failed"
    assert judged(RISE, difference(1.1, verdict="too_few"), is_exact=True) == "passed"
    assert judged(RISE, difference(1.0, 0.9, 1.3), is_exact=True) == "undecided", "pooled repeats of a maximum have one"


def test_what_was_not_measured_or_means_something_else_is_not_comparable() -> None:
    assert judged(RISE, difference(None, base=None), is_exact=False) == "not_comparable"
    assert judged(RISE, difference(None, other=None), is_exact=True) == "not_comparable"
    assert judged(RISE, difference(1.0, 0.9, 1.0, verdict="not_comparable"), is_exact=False) == "not_comparable"


@pytest.mark.parametrize(
    ("threshold", "other", "verdict", "state"),
    [
        (RISE, 0.0, "indistinguishable", "passed"),
        (RISE, 5.0, "worse", "failed"),
        (RISE, 5.0, "indistinguishable", "undecided"),
        (FALL, 5.0, "better", "passed"),
        (Threshold("m", 10.0, False, True, "+10 ns"), 5.0, "worse", "passed"),
        (Threshold("m", 10.0, False, True, "+10 ns"), 50.0, "worse", "not_comparable"),
    ],
)
def test_from_a_base_of_zero_any_rise_is_more_than_a_share(
    threshold: Threshold, other: float, verdict: str, state: str
) -> None:
    assert judged(threshold, difference(None, base=0.0, other=other, verdict=verdict), is_exact=False) == state
