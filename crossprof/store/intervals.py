"""Arithmetic on many intervals of positions at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["dense", "highest_cover"]

Ints = NDArray[np.int64]


def highest_cover(low: Ints, high: Ints, value: Ints, size: int, *, empty: int = -1) -> Ints:
    """For each position under `size` the highest value of the intervals [low, high) that cover it; `empty` where none does.

    Each interval is two blocks whose length is a power of two; from the longest blocks down, each is handed to its two halves.
    """
    is_some = high > low
    low, high, value = low[is_some], high[is_some], value[is_some]
    level = np.frexp(high - low)[1] - 1
    best = np.full(size, empty, np.int64)
    for power in range(int(level.max(initial=-1)), -1, -1):
        chosen = level == power
        np.maximum.at(best, low[chosen], value[chosen])
        np.maximum.at(best, high[chosen] - (1 << power), value[chosen])
        if power:
            half = 1 << (power - 1)
            halved = best.copy()
            np.maximum(halved[half:], best[:-half], out=halved[half:])
            best = halved
    return best


def dense(*columns: NDArray) -> Ints:
    """A number for each row, from 0 and without gaps, that grows with the columns and is the same where they are."""
    if not len(columns[0]):
        return np.empty(0, np.int64)
    order = np.lexsort(columns[::-1])
    is_new = np.zeros(len(order), np.int64)
    for column in columns:
        ordered = column[order]
        is_new[1:] |= ordered[1:] != ordered[:-1]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(is_new)
    return numbers
