"""Lanes: what viewers need so that no two slices of one row cross. A slice may lie in another, or beside it.

A profiler's threads nest, with exceptions (asynchronous ranges, clocks that jitter); kernels of one stream overlap where the
device starts the next before the last has ended. Both viewers take a row for a stack, and would end the wrong slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["lanes"]

_MOST_ROUNDS = 8
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def lanes(row: Integers, start: Integers, end: Integers, is_device: Flags) -> Integers:
    """The lane of each slice in its row, 0 for the first: within a lane slices nest, or do not touch.

    The slices are sorted by (row, start, -end). A row of the host keeps what nests in lane 0, and what crosses that lies flat
    in further lanes; a row of a device whose slices cross lies flat in as many lanes as are busy at once.
    """
    if not len(row):
        return np.zeros(0, np.int64)
    begin = start - start.min()  # small numbers, so that a row can be added to each
    stop = np.maximum(end - start.min(), begin + 1)  # what takes no time takes its place
    width = int(stop.max()) + 1
    index = np.cumsum(np.r_[0, np.diff(row) != 0])
    begin, stop = begin + index * width, stop + index * width
    moved = _crossing(begin, stop)
    crossed = np.zeros(index[-1] + 1, np.bool_)
    crossed[index[moved]] = True
    moved |= is_device & crossed[index]
    found = np.zeros(len(row), np.int64)
    found[moved] = _flat(begin[moved], stop[moved]) + ~is_device[moved]
    return found


def _crossing(begin: Integers, stop: Integers) -> Flags:
    """What has to go so that the rest nests. A slice nests if it lies in the last one before it that is one level up."""
    crossing = np.zeros(len(begin), np.bool_)
    for turn in range(2 * _MOST_ROUNDS):
        kept = np.flatnonzero(~crossing)
        outside, around = _outside(begin[kept], stop[kept])
        if not outside.any():
            return crossing
        if turn < _MOST_ROUNDS:  # what only seems to cross, since one that goes counted as open, may stay
            outside &= begin[kept] < stop[kept][around]
        crossing[kept[outside]] = True
    return np.ones(len(begin), np.bool_)  # it does not settle: all lie flat


def _outside(begin: Integers, stop: Integers) -> tuple[Flags, Integers]:
    """Which slices reach out of the one that they start in, and the place of that one; levels count what is open at a start."""
    places = np.arange(len(begin))
    level = places - np.searchsorted(np.sort(stop), begin, side="right")
    order = np.lexsort((places, level))  # by level, then by place: the last one before a place is found by bisection
    key = level * len(begin) + places
    around = order[np.maximum(np.searchsorted(key[order], (level - 1) * len(begin) + places) - 1, 0)]
    return (level > 0) & (stop > stop[around]), around


def _flat(begin: Integers, stop: Integers) -> Integers:
    """The fewest lanes for slices that may not share one while they overlap: each takes over the lane that is free longest.

    The n-th slice that opens no lane follows the n-th one to end; lanes are then the chains of these. Where nothing is open it
    begins anew, so that only what overlaps leaves the first lane.
    """
    if not len(begin):
        return np.zeros(0, np.int64)
    places = np.arange(len(begin))
    stretch = np.cumsum(np.r_[False, begin[1:] >= np.maximum.accumulate(stop)[:-1]])
    by_end = np.argsort(stop, kind="stable")
    busy = places - np.searchsorted(stop[by_end], begin, side="right")  # how many others are open at a start
    most = np.maximum.accumulate(busy + stretch * len(begin)) - stretch * len(begin)
    opens = np.r_[True, (most[1:] > most[:-1]) | (stretch[1:] != stretch[:-1])]
    before = np.where(opens, places, by_end[np.where(opens, 0, places - most - 1)])
    while not np.array_equal(before, further := before[before]):
        before = further
    lane: Integers = most[before]
    return lane
