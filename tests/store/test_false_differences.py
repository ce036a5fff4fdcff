"""How often equal runs are called different, and different ones found, of steps that are tied and sometimes slow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crossprof.store.autocorrelation import Floats
from crossprof.store.statistics import Series, estimate, ratio


def step_times(rng: np.random.Generator, runs: int, n: int) -> Floats:
    """A first-order process with correlation 0.5 and 3 % of noise; one step in fifty takes three times as long."""
    noise = rng.standard_normal((runs, n + 100))
    for step in range(1, n + 100):
        noise[:, step] = 0.5 * noise[:, step - 1] + math.sqrt(0.75) * noise[:, step]
    times: Floats = 1 + 0.03 * noise[:, 100:]
    times[rng.random(times.shape) < 0.02] *= 3
    return times


def called_different(seed: int, pairs: int, n: int, factor: float) -> float:
    """The share of pairs whose interval does not cover 1; `factor` makes the second run slower."""
    rng = np.random.default_rng(seed)
    found = estimate([Series(x) for x in step_times(rng, pairs, n)] + [Series(factor * x) for x in step_times(rng, pairs, n)])
    ratios = [ratio(base, other) for base, other in zip(found[:pairs], found[pairs:], strict=True)]
    return float(np.mean([not (one.low or 0) <= 1 <= (one.high or 0) for one in ratios]))


def test_equal_runs_are_seldom_called_different() -> None:
    assert called_different(7, 300, 60, 1.0) <= 0.07


def test_five_per_cent_are_found() -> None:
    assert called_different(7, 300, 60, 1.05) >= 0.9


def test_five_steps_claim_little() -> None:
    assert called_different(7, 300, 5, 1.0) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_rates_hold_over_many_pairs(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    equal, slower = called_different(seed, 2000, 60, 1.0), called_different(seed, 2000, 60, 1.05)
    few = called_different(seed, 2000, 5, 1.0)
    with capsys.disabled():
        print(
            f"\n2,000 pairs, seed {seed}: equal runs called different {equal:.1%}, of 5 steps {few:.1%}; 5 % found {slower:.1%}"
        )
    assert equal <= 0.07
    assert slower >= 0.9
    assert few <= 0.07
