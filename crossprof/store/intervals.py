"""Arithmetic on many intervals and instants at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST", "dense", "distinct", "highest_cover", "joint", "last_one", "latest", "split"]

Ints = NDArray[np.int64]
_SHIFT = 40
LONGEST = 1 << _SHIFT
"""All instants lie below: 18 minutes, in nanoseconds."""


def joint(group: Ints, instant: Ints) -> Ints:
    """One number that sorts by group, then by instant."""
    return (group << _SHIFT) + instant


def split(joined: Ints) -> tuple[Ints, Ints]:
    """The groups and the instants of `joint`."""
    return joined >> _SHIFT, joined & (LONGEST - 1)


def latest(rows: Ints, group: Ints, instant: Ints, *, of: Ints, up_to: Ints, after: Ints) -> Ints:
    """For each question the one of `rows` in the group `of` with the latest instant in (after, up_to]; -1 where there is none.

    `group` and `instant` are those of all rows, `of`, `up_to` and `after` have one value a question.
    """
    if not len(rows):
        return np.full(len(of), -1, np.int64)
    rows = rows[np.argsort(joint(group[rows], instant[rows]), kind="stable")]
    keys = joint(group[rows], instant[rows])
    found = np.searchsorted(keys, joint(of, up_to), "right") - 1
    return np.where((found >= 0) & (keys[found] > joint(of, after)), rows[found], -1)


def last_one(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a number is the last of its like in a sorted array."""
    return np.append(numbers[1:] != numbers[:-1], True)[: len(numbers)]


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The values in order, each once. np.unique does the same, once it has loaded all of numpy.ma."""
    ordered = np.sort(values)
    return ordered[last_one(ordered)]


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


def dense(*columns: NDArray[Any]) -> Ints:
    """A number for each row, from 0 and without gaps, that grows with the columns and is the same where they are."""
    order = np.lexsort(columns[::-1])
    is_new = np.zeros(len(order), bool)
    for column in columns:
        is_new[1:] |= column[order][1:] != column[order][:-1]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(is_new)
    return numbers
