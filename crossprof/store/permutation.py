"""A second opinion on a difference, which needs no bootstrap: what if the work were dealt to the two sides at random?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from crossprof.store.autocorrelation import Floats, block_length
from crossprof.store.statistics import Series

__all__ = ["permutation"]

_DEALS = 2000
_FEWEST_DEALS = 20  # of fewer different ones, even the most extreme is no surprise
_MOST_BLOCKS = 50


def permutation(base: Sequence[Series], other: Sequence[Series]) -> float | None:
    """The share of random deals that set the two sides at least as far apart as they are: the p-value of no difference.

    What is dealt are the statistics of blocks of neighbours, which may change places where single steps may not; of several
    repeats, the value of each. None where there are fewer than twenty ways to deal.
    """
    values = [_exchangeable(base), _exchangeable(other)]
    dealt = np.concatenate(values)
    if math.comb(len(dealt), len(values[0])) < _FEWEST_DEALS:
        return None
    apart = abs(float(values[1].mean() - values[0].mean()))
    rng = np.random.default_rng(len(dealt))
    deals = rng.permuted(np.broadcast_to(dealt, (_DEALS, len(dealt))), axis=1)
    first = len(values[0])
    found = np.abs(deals[:, first:].mean(axis=1) - deals[:, :first].mean(axis=1))
    extreme = int((found >= apart * (1 - 1e-12)).sum())
    return (extreme + 1) / (_DEALS + 1)


def _exchangeable(repeats: Sequence[Series]) -> Floats:
    if len(repeats) > 1:
        return np.array([one.value for one in repeats])
    series = repeats[0]
    n = len(series.values)
    # twice the length that suffices for an error: what is dealt must not be tied to what lay beside it
    blocks = min(max(1, n // (2 * block_length(series.values))), _MOST_BLOCKS)
    return np.array([one.value for one in series.cut(blocks)])
