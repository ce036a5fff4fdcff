import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from crossprof.store.permutation import permutation
from crossprof.store.statistics import Series


def by_scipy(base: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    found = scipy.stats.permutation_test((base, other), lambda x, y, axis: y.mean(axis) - x.mean(axis), n_resamples=20_000)
    return float(found.pvalue)


def test_scipy_says_the_same_of_repeats() -> None:
    rng = np.random.default_rng(1)
    base, other = rng.normal(1.0, 0.05, 7), rng.normal(1.06, 0.05, 9)
    found = permutation([Series(np.full(3, x)) for x in base], [Series(np.full(3, x)) for x in other])
    assert found == pytest.approx(by_scipy(base, other), abs=0.02)


def test_scipy_says_the_same_of_the_blocks_of_two_runs() -> None:
    rng = np.random.default_rng(2)
    base, other = (rng.normal(1.0, 0.05, 200) for _ in range(2))
    found = permutation([Series(base)], [Series(other)])
    blocks = [np.array([one.value for one in Series(x).cut(16)]) for x in (base, other)]  # of 12 steps
    assert found == pytest.approx(by_scipy(*blocks), abs=0.03)


def test_a_difference_is_no_accident() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(1.0, 0.03, 120)
    same, apart = permutation([Series(base)], [Series(base[::-1])]), permutation([Series(base)], [Series(base * 1.1)])
    assert same is not None
    assert same > 0.2
    assert apart is not None
    assert apart < 0.01


def test_what_can_be_dealt_in_few_ways_has_no_answer() -> None:
    assert permutation([Series(np.ones(5))], [Series(np.ones(5))]) is None
    assert permutation([Series(np.ones(9))] * 2, [Series(np.ones(9))] * 3) is None
    assert permutation([Series(np.ones(9))] * 3, [Series(np.ones(9))] * 3) == 1.0
