import math

import numpy as np
import pytest

from crossprof.store.autocorrelation import Floats, block_length, correlation, held_by_blocks
from crossprof.store.statistics import MINIMUM_SAMPLES, Estimate, Series, detectable, estimate, pool, ratio


def correlated(rng: np.random.Generator, runs: int, n: int, tie: float) -> Floats:
    """Step times of some runs, 5 % noise, neighbours correlated: a first-order process in its steady state."""
    noise = rng.standard_normal((runs, n + 100))
    for step in range(1, n + 100):
        noise[:, step] = tie * noise[:, step - 1] + math.sqrt(1 - tie**2) * noise[:, step]
    return np.exp(0.05 * noise[:, 100:])


def one(values: Floats | list[float], statistic: str = "median", weights: Floats | None = None) -> Estimate:
    return estimate([Series(np.asarray(values, dtype=np.float64), statistic, weights)])[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(("statistic", "value"), [("median", 3.0), ("mean", 22.0), ("p95", 80.8), ("max", 100.0)])
def test_the_value_is_the_statistic(statistic: str, value: float) -> None:
    assert one([1.0, 2.0, 3.0, 4.0, 100.0], statistic).value == pytest.approx(value)


def test_a_rate_is_as_sure_as_its_time() -> None:
    times = np.exp(np.random.default_rng(12).normal(0, 1.0, 71))  # some steps take ten times as long
    step_time, throughput = one(times).interval, one(1 / times).interval
    assert step_time is not None
    assert throughput == pytest.approx((1 / step_time[1], 1 / step_time[0]))


def test_a_mean_of_ratios_is_weighted_by_their_denominators() -> None:
    assert one([0.5, 1.0], "mean", np.array([300.0, 100.0])).value == pytest.approx(0.625)


def test_estimates_come_in_the_order_of_their_series() -> None:
    lengths = [5, 300, 5, 3, 2500, 300, 0]
    found = estimate([Series(np.full(n, float(place)) + np.arange(n) * 1e-9) for place, n in enumerate(lengths)])
    assert [one.n for one in found] == lengths
    assert [round(one.value) for one in found[:-1]] == list(range(6))
    assert math.isnan(found[-1].value)


def test_too_few_samples_have_no_interval() -> None:
    assert one([1.0] * (MINIMUM_SAMPLES - 1)).interval is None
    assert one([1.0] * MINIMUM_SAMPLES).interval == (1.0, 1.0)


def test_the_same_samples_give_the_same_interval() -> None:
    values = correlated(np.random.default_rng(1), 1, 60, 0.5)[0]
    assert one(values).interval == one(values.copy()).interval


@pytest.mark.parametrize("statistic", ["median", "mean", "p95"])
@pytest.mark.parametrize(("n", "tie"), [(30, 0.0), (200, 0.6)])
def test_the_error_is_that_of_another_block_bootstrap(n: int, tie: float, statistic: str) -> None:
    bootstrap = pytest.importorskip("arch.bootstrap")
    values = correlated(np.random.default_rng(7), 1, n, tie)[0]
    length = block_length(values)
    of = {"median": np.median, "mean": np.mean, "p95": lambda x: np.quantile(x, 0.95)}[statistic]
    drawn = bootstrap.CircularBlockBootstrap(length, values, seed=3).apply(of, 4000)
    shown = (1 - length / n) * held_by_blocks(correlation(values), length)
    corrected = float(np.std(np.log(drawn), ddof=1)) * of(values) / math.sqrt(shown)
    assert one(values, statistic).error == pytest.approx(corrected, rel=0.12)


@pytest.mark.parametrize(("tie", "length"), [(0.0, 4), (0.5, 1), (0.5, 7), (0.9, 20)])
def test_blocks_hold_less_of_the_variance_the_more_their_neighbours_are_tied(tie: float, length: int) -> None:
    lags = np.arange(1, length)
    of_a_block = 1 + 2 * ((1 - lags / length) * tie**lags).sum()
    assert held_by_blocks(tie, length) == pytest.approx(of_a_block / ((1 + tie) / (1 - tie)))


def test_blocks_grow_with_the_correlation_of_neighbours() -> None:
    rng = np.random.default_rng(11)
    lengths = [np.mean([block_length(x) for x in correlated(rng, 50, 200, tie)]) for tie in (0.0, 0.5, 0.9)]
    assert 6 <= lengths[0] < lengths[1] < lengths[2] <= 100
    assert block_length(np.ones(50)) == 4


# The nominal rate is 5 %, which 300 pairs tell to within 2.5. Five steps can't show how strongly neighbours are tied, so the
# rate there may be higher.
@pytest.mark.parametrize(
    ("tie", "n", "highest"),
    [(0.0, 5, 0.05), (0.0, 50, 0.075), (0.5, 5, 0.06), (0.5, 20, 0.085), (0.5, 200, 0.075), (0.8, 200, 0.075)],
)
def test_runs_of_the_same_speed_are_seldom_called_different(tie: float, n: int, highest: float) -> None:
    rng = np.random.default_rng(2024)
    pairs = 300
    found = estimate([Series(x) for x in correlated(rng, 2 * pairs, n, tie)])
    ratios = [ratio(base, other) for base, other in zip(found[:pairs], found[pairs:], strict=True)]
    false = [not one.low <= 1 <= one.high for one in ratios if one.low is not None and one.high is not None]
    assert len(false) == pairs
    assert np.mean(false) <= highest


def test_long_series_are_as_careful() -> None:
    rng = np.random.default_rng(5)
    found = estimate([Series(x) for x in correlated(rng, 200, 4000, 0.5)])
    ratios = [ratio(base, other) for base, other in zip(found[:100], found[100:], strict=True)]
    assert np.mean([not (one.low or 0) <= 1 <= (one.high or 0) for one in ratios]) <= 0.12


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(3)
    found = estimate([Series(x * factor) for factor in (1.0, 1.2) for x in correlated(rng, 50, 30, 0.3)])
    ratios = [ratio(base, other) for base, other in zip(found[:50], found[50:], strict=True)]
    assert np.mean([(one.low or 0) > 1 for one in ratios]) > 0.95


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(8)
    pairs = 400
    base, other = correlated(rng, pairs, 60, 0.3), correlated(rng, pairs, 60, 0.3)
    found = estimate([Series(x) for x in (*base, *other)])
    least = [detectable(a, b) for a, b in zip(found[:pairs], found[pairs:], strict=True)]
    typical = float(np.median([one for one in least if one is not None]))
    grown = estimate([Series(x * (1 + typical)) for x in other])
    assert 0.7 < np.mean([(ratio(a, b).low or 0) > 1 for a, b in zip(found[:pairs], grown, strict=True)]) < 0.9


def test_too_few_samples_detect_nothing() -> None:
    assert detectable(one([1.0] * 4), one([1.0] * 50)) is None
    assert detectable(one([1.0, 1.1, 0.9, 1.0, 1.05]), one([0.0] * 5)) is None
    assert detectable(one([1.0] * 5), one([1.0] * 5)) == 0.0


def test_the_interval_of_a_ratio_turns_round_with_it() -> None:
    rng = np.random.default_rng(4)
    base, other = estimate([Series(x) for x in correlated(rng, 2, 40, 0.2)])
    there, back = ratio(base, other), ratio(other, base)
    assert there.low is not None
    assert back.high is not None
    assert there.low == pytest.approx(1 / back.high)


def test_there_is_no_ratio_to_nothing() -> None:
    assert ratio(one([0.0] * 9), one([1.0] * 9)).value is None
    nothing = ratio(one([1.0] * 9), one([0.0] * 9))
    assert (nothing.value, nothing.low, nothing.high) == (0.0, 0.0, 0.0)


def test_repeats_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(6)
    series = correlated(rng, 4, 50, 0.0)
    agreeing = pool(estimate([Series(x / np.median(x)) for x in series]))
    disagreeing = pool(estimate([Series(x * factor) for x, factor in zip(series, (0.8, 0.9, 1.1, 1.2), strict=True)]))
    assert agreeing.n == disagreeing.n == 200
    assert agreeing.error < 0.01
    assert disagreeing.error == pytest.approx(np.std([0.8, 0.9, 1.1, 1.2], ddof=1) / 2, rel=0.15)
    assert disagreeing.freedom == pytest.approx(3, rel=0.2)


def test_single_figures_of_many_repeats_have_an_interval() -> None:
    found = pool([Estimate(value, 1) for value in (1.0, 1.1, 0.9, 1.05, 0.95)])
    assert found.interval is not None
    low, high = found.interval
    assert low < 1 < high
    assert pool([Estimate(1.0, 1), Estimate(1.1, 1)]).interval is None
