"""How steps resemble their neighbours, and how many of them must be taken together because of it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crossprof.store.intervals import dense

__all__ = ["Floats", "block_length", "correlation", "held_by_blocks"]

Floats = NDArray[np.float64]


def block_length(values: Floats) -> int:
    """The number of neighbours to resample together: at least the cube root of n, more where neighbours resemble each other.

    The rule is Andrews' for a first-order process.
    """
    n = len(values)
    tie = correlation(values)
    alpha = 4 * tie**2 / (1 - tie**2) ** 2
    wanted = max(n ** (1 / 3), 1.1447 * (alpha * n) ** (1 / 3))
    longest = min(n, max(2, n // 2))
    return int(max(1, min(math.ceil(wanted), longest)))


def correlation(values: Floats) -> float:
    """How much neighbours resemble each other, 0 to 0.95: on ranks, so that outliers do not hide it, and without its bias."""
    n = len(values)
    ranks = _ranks(values) - (n - 1) / 2
    power = float(ranks @ ranks)
    found = float(ranks[1:] @ ranks[:-1]) / power if power > 0 else 0.0
    return min(max(found + (1 + 3 * found) / n, 0.0), 0.95)


def held_by_blocks(tie: float, length: int) -> float:
    """The share of the variance of a mean that blocks show, in a first-order process with this correlation of neighbours."""
    return 1 - 2 * tie * (1 - tie**length) / (length * (1 - tie**2))


def _ranks(values: Floats) -> Floats:
    """The rank of each value from 0, ties sharing their mean."""
    inverse = dense(values)
    counts = np.bincount(inverse)
    ends = np.cumsum(counts)
    shared: Floats = (ends - 1 - (counts - 1) / 2).astype(np.float64)
    return shared[inverse]
