"""How sure a number is: estimates with a standard error from repeated steps, and the interval of a ratio of two of them.

Steps of one run resemble their neighbours, so single steps must not be resampled on their own: whole blocks are, by a circular
block bootstrap whose block length follows the run's own correlation. The bootstrap gives the standard error; Student's t, with
the number of blocks as its freedom, makes it an interval: percentiles alone are far too narrow for the five steps of a capture.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crossprof.store.autocorrelation import Floats, block_length, correlation, held_by_blocks
from crossprof.store.student import quantile

__all__ = [
    "MINIMUM_SAMPLES",
    "Estimate",
    "Ratio",
    "Series",
    "Statistic",
    "detectable",
    "difference",
    "estimate",
    "pool",
    "quotient",
    "ratio",
]

Statistic = Literal["median", "mean", "p95", "p99", "max"]
_QUANTILES: dict[Statistic, float] = {"median": 0.5, "p95": 0.95, "p99": 0.99}

MINIMUM_SAMPLES = 5  # fewer say nothing about their own spread
_RESAMPLES = 400  # a standard error from so many is itself good to 3.5 %
_LONGEST_RESAMPLED = 2048  # beyond, batches of neighbours tell the error as well, at once
_BATCHES = 50
_ELEMENTS_AT_ONCE = 2_000_000
_TAIL = 0.975
_POWER = 0.8  # of true differences of the size that `detectable` tells


@dataclass(frozen=True)
class Series:
    """The samples of one metric of one run, in time order, and the statistic that sums them up."""

    values: Floats
    statistic: Statistic = "median"
    weights: Floats | None = None

    @property
    def value(self) -> float:
        """The statistic; NaN without samples."""
        if len(self.values) == 0:
            return math.nan
        if self.statistic == "max":
            return float(self.values.max())
        if self.statistic == "mean" and self.weights is not None and self.weights.sum() > 0:
            return float(np.average(self.values, weights=self.weights))
        if self.statistic == "mean":
            return float(self.values.mean())
        return float(_of_sorted(np.sort(self.values), self.statistic))

    def cut(self, pieces: int) -> list[Series]:
        """Pieces of neighbours, as equal as can be."""
        edges = np.linspace(0, len(self.values), pieces + 1).astype(int)
        weights = self.weights
        return [Series(self.values[a:b], self.statistic, None if weights is None else weights[a:b]) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and the freedom of that error. NaN and 0 where the samples are too few to tell.

    `least` and `most` bound its interval: the range of the samples, and as much beyond it as so few may have missed.
    """

    value: float
    n: int
    error: float = math.nan
    freedom: float = 0.0
    least: float = -math.inf
    most: float = math.inf

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval. None where the error is not known."""
        if not self.is_certain:
            return None
        low, high = _around(self.value, self.error, self.freedom)
        return max(low, self.least), min(high, self.most)

    @property
    def is_certain(self) -> bool:
        """Whether the samples were enough for an interval."""
        return self.n >= MINIMUM_SAMPLES and not math.isnan(self.error)

    def over(self, size: float) -> Estimate:
        """The same in units of `size`, a constant above zero."""
        held = (self.value, self.error, self.least, self.most)
        value, error, least, most = (one / size for one in held)
        return Estimate(value, self.n, error, self.freedom, least, most)


@dataclass(frozen=True)
class Ratio:
    """Other over base, with its 95 % interval. None where the base is zero or the samples too few."""

    value: float | None
    low: float | None = None
    high: float | None = None


def estimate(series: Iterable[Series]) -> list[Estimate]:
    """The estimate of each series, in their order. Series of one length, block length and statistic are resampled together."""
    todo = list(series)
    found: list[Estimate | None] = [None] * len(todo)
    alike: dict[tuple[int, int, Statistic], list[int]] = defaultdict(list)
    for index, one in enumerate(todo):
        n = len(one.values)
        if n < MINIMUM_SAMPLES or one.statistic == "max":
            found[index] = Estimate(one.value, n)
        elif n > _LONGEST_RESAMPLED:
            found[index] = _by_batches(one)
        else:
            alike[n, block_length(one.values), one.statistic].append(index)
    for (n, length, statistic), indices in alike.items():
        errors = _bootstrap_errors([todo[i] for i in indices], n, length, statistic)
        blocks = max(n / length, 2.0)
        for index, error in zip(indices, errors, strict=True):
            # few blocks show only (blocks - 1) / blocks of the variance, and blocks miss what ties one to the next;
            # that they overlap adds half as much freedom again
            shown = (blocks - 1) / blocks * held_by_blocks(correlation(todo[index].values), length)
            corrected = float(error) / math.sqrt(shown)
            reach = _reach(todo[index].values)
            found[index] = Estimate(todo[index].value, n, corrected, 1.5 * (blocks - 1), *reach)
    return [one for one in found if one is not None]


def pool(estimates: Sequence[Estimate]) -> Estimate:
    """One estimate from repeats of a run, all of the same weight: the spread between repeats counts beside that within each."""
    if len(estimates) == 1:
        return estimates[0]
    k = len(estimates)
    values = np.array([one.value for one in estimates])
    within = np.array([0.0 if math.isnan(one.error) else one.error**2 for one in estimates])
    inside = float(within.sum()) / k**2
    between = max(0.0, float(values.var(ddof=1) - within.mean())) / k
    freedoms = [max(one.freedom, 1.0) for one in estimates]
    parts = sum((w / k**2) ** 2 / f for w, f in zip(within, freedoms, strict=True)) + between**2 / (k - 1)
    freedom = (inside + between) ** 2 / parts if parts > 0 else float(k - 1)
    reach = min(one.least for one in estimates), max(one.most for one in estimates)
    return Estimate(float(values.mean()), sum(one.n for one in estimates), math.sqrt(inside + between), freedom, *reach)


def ratio(base: Estimate, other: Estimate) -> Ratio:
    """`other` over `base` with its interval."""
    if base.value == 0:
        return Ratio(None)
    found = quotient(base, other)
    return Ratio(found.value, *(found.interval or (None, None)))


def quotient(base: Estimate, other: Estimate) -> Estimate:
    """`other` over a `base` that is not zero: relative errors add up in squares, freedoms after Welch and Satterthwaite."""
    value = other.value / base.value
    n = min(base.n, other.n)
    if not (base.is_certain and other.is_certain):
        return Estimate(value, n)
    of_base = (other.value * base.error / base.value**2) ** 2
    of_other = (other.error / base.value) ** 2
    parts = of_base**2 / base.freedom + of_other**2 / other.freedom
    freedom = (of_base + of_other) ** 2 / parts if parts > 0 else base.freedom + other.freedom
    reach = (other.least / base.most, other.most / base.least) if base.least > 0 and other.least >= 0 else ()
    return Estimate(value, n, math.sqrt(of_base + of_other), freedom, *reach)


def difference(base: Estimate, other: Estimate) -> tuple[float, float] | None:
    """The 95 % interval of `other` less `base`. None where the samples are too few."""
    if not (base.is_certain and other.is_certain):
        return None
    squares = base.error**2 + other.error**2
    parts = base.error**4 / base.freedom + other.error**4 / other.freedom
    freedom = squares**2 / parts if parts > 0 else base.freedom + other.freedom
    reach = quantile(freedom, _TAIL) * math.sqrt(squares)
    value = other.value - base.value
    return max(value - reach, other.least - base.most), min(value + reach, other.most - base.least)


def detectable(base: Estimate, other: Estimate) -> float | None:
    """The smallest change, as a share of the base, that samples like these show four times in five. None: they are too few."""
    if base.value <= 0 or other.value <= 0 or not (base.is_certain and other.is_certain):
        return None
    found = quotient(base, other)
    reach = (quantile(found.freedom, _TAIL) + quantile(found.freedom, _POWER)) * found.error / found.value
    return math.expm1(min(reach, 700.0))


def _around(value: float, error: float, freedom: float) -> tuple[float, float]:
    """The interval around a value; on a logarithmic scale where the value is positive, so that it stays so."""
    reach = quantile(freedom, _TAIL) * error
    if value <= 0:
        return value - reach, value + reach
    factor = math.exp(min(reach / value, 700.0))
    return value / factor, value * factor


def _reach(values: Floats) -> tuple[float, float]:
    """How far an interval may reach: the range of the samples; of the fewest that have one, three times it on its scale."""
    least, most = float(values.min()), float(values.max())
    share = MINIMUM_SAMPLES / len(values)
    if least <= 0:
        return least - share * (most - least), most + share * (most - least)
    factor = (most / least) ** share
    return least / factor, most * factor


def _of_sorted(values: Floats, statistic: Statistic) -> Floats:
    """The median or a percentile along the last axis of sorted values."""
    position = (values.shape[-1] - 1) * _QUANTILES[statistic]
    low, high = math.floor(position), math.ceil(position)
    lower: Floats = values[..., low]
    found: Floats = lower + (values[..., high] - lower) * (position - low)
    return found


def _by_batches(series: Series) -> Estimate:
    """The estimate of a long series: the error is told by the spread of its statistic over batches of neighbours."""
    values = [one.value for one in series.cut(_BATCHES)]
    error = float(_scatter(np.array([values]), np.array([series.value]))[0]) / math.sqrt(_BATCHES)
    return Estimate(series.value, len(series.values), error, _BATCHES - 1)


def _scatter(found: Floats, values: Floats) -> Floats:
    """How far statistics lie apart, row by row; those of positive values in proportion, so that 1 / x is as sure as x."""
    scattered: Floats = np.std(found, axis=-1, ddof=1)
    positive = found.min(axis=-1) > 0
    scattered[positive] = np.std(np.log(found[positive]), axis=-1, ddof=1) * values[positive]
    return scattered


def _bootstrap_errors(series: Sequence[Series], n: int, length: int, statistic: Statistic) -> Floats:
    """The spread of the statistic over the resamples of each series."""
    drawn = _draw(n, length)
    at_once = max(1, _ELEMENTS_AT_ONCE // drawn.size)
    errors = [_spread(series[start : start + at_once], drawn, statistic) for start in range(0, len(series), at_once)]
    return np.concatenate(errors)


def _spread(series: Sequence[Series], drawn: NDArray[np.intp], statistic: Statistic) -> Floats:
    values = np.stack([one.values for one in series])[:, drawn]
    own = np.array([one.value for one in series])
    if statistic != "mean":
        values.sort(axis=-1)
        return _scatter(_of_sorted(values, statistic), own)
    weights = np.stack([np.ones_like(one.values) if one.weights is None else one.weights for one in series])[:, drawn]
    total = weights.sum(axis=-1)
    return _scatter((values * weights).sum(axis=-1) / np.where(total > 0, total, 1.0), own)


@lru_cache(maxsize=64)
def _draw(n: int, length: int) -> NDArray[np.intp]:
    """The resamples, as positions: rows of blocks that start anywhere and run around the end. The same on every call."""
    starts = np.random.default_rng(n * 4099 + length).integers(0, n, (_RESAMPLES, -(-n // length)))
    blocks = starts[:, :, None] + np.arange(length)
    positions: NDArray[np.intp] = blocks.reshape(_RESAMPLES, -1)[:, :n] % n
    return positions
