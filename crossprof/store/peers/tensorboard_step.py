"""When a step begins and ends for the TensorBoard plugin of PyTorch.

A step is what ProfilerStep marks on the host, or, without such marks, all time with operators. Where the file has work that a
step launched, a step ends no sooner than the work that it launched, and starts no sooner than the one before ended: the first
no sooner than the last work of before the marks. Trailing steps without work are dropped, and the last with work too, if it
has less than 0.8 of that before. Caveat: a launch counts if it lies within the step as a whole, and is a call of the runtime:
the driver's own (cuLaunchKernel) is none.
"""

from __future__ import annotations

import numpy as np

from crossprof.store.peers.events import File, Ints, Table

__all__ = ["steps"]

_LEAST_SHARE = 0.8


def steps(file: File) -> tuple[Ints, Ints]:
    """The starts and ends of the steps of a Kineto file. Empty where it has neither marks nor operators."""
    start, end = _on_host(file)
    step = _launching_step(file.work, start, end)
    has_step = step >= 0
    works = np.bincount(step[has_step], minlength=len(start))
    if not works.any():
        return start, end
    reach = end.copy()
    np.maximum.at(reach, step[has_step], file.work["end_ns"][has_step])
    before = _end_of_early_work(file.work, step)
    reach = np.maximum.accumulate(np.maximum(reach, before) if before is not None else reach)
    earlier = np.append(start[0] if before is None else before, reach[:-1])
    last = int(np.flatnonzero(works)[-1])
    is_whole = last == 0 or works[last] >= works[last - 1] * _LEAST_SHARE
    kept = slice(0, last + is_whole)
    return np.maximum(start, earlier)[kept], reach[kept]


def _on_host(file: File) -> tuple[Ints, Ints]:
    if file.reach is not None:
        return np.array(file.reach[:1]), np.array(file.reach[1:])
    marks = file.host["is_numbered"]
    start, end = file.host["start_ns"][marks], file.host["end_ns"][marks]
    order = np.argsort(start, kind="stable")
    return start[order], end[order]


def _launching_step(work: Table, start: Ints, end: Ints) -> Ints:
    """The step in which each piece of work was launched, -1 where in none."""
    step = np.searchsorted(start, work["launch_start_ns"], "right") - 1
    is_launched = work["is_launched"] & ~work["is_launched_by_driver"] & (step >= 0)
    step[~is_launched] = -1
    step[is_launched] = np.where(work["launch_end_ns"][is_launched] <= end[step[is_launched]], step[is_launched], -1)
    return step


def _end_of_early_work(work: Table, step: Ints) -> int | None:
    """When the last work of no step ended that ended before the first step's own began."""
    of_first = step == 0
    if not of_first.any():
        return None
    is_early = (step < 0) & (work["end_ns"] < work["start_ns"][of_first].min())
    return int(work["end_ns"][is_early].max()) if is_early.any() else None
