"""Unions of intervals: the time that they cover together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stretches", "covered", "overlap", "stretches"]

Ints = NDArray[np.int64]
Stretches = tuple[Ints, Ints]
"""Starts and ends, disjoint and in order."""


def covered(start: Ints, end: Ints) -> int:
    """How long the intervals last together, which come in order of their start.

    Each adds what reaches beyond all before it; one that ends before it starts takes away what none before it covers.
    """
    if not len(start):
        return 0
    reach = np.maximum.accumulate(end[:-1])
    added = np.maximum(end[1:], reach) - np.maximum(start[1:], reach)
    return int(end[0] - start[0] + added.sum())


def stretches(start: Ints, end: Ints) -> Stretches:
    """What intervals in any order cover."""
    if not len(start):
        return start, end
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(end[order])
    opens = start[1:] > reach[:-1]
    return start[np.append(True, opens)], reach[np.append(opens, True)]


def overlap(some: Stretches, others: Stretches) -> int:
    """How long both last at once."""
    starts, ends = others
    return int((_before(some, ends) - _before(some, starts)).sum())


def _before(covering: Stretches, instant: Ints) -> Ints:
    """How much of the stretches lies before each instant."""
    start, end = covering
    total = np.append(0, np.cumsum(end - start))
    place = np.searchsorted(start, instant, "right")
    last_end = np.append(instant.min(initial=0), end)[place]
    return total[place] - np.maximum(0, last_end - instant)
