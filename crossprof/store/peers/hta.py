"""HTA's temporal breakdown of one Kineto file.

Two variants: by default what the last ProfilerStep launched is left out and each event is rounded to microseconds, start up
and end down; `_exact` keeps both. Where there are several steps, both leave out what has no launch in the file. HTA itself
counts work that rounding has turned around (the end before the start) as less than nothing; without that its figures can't
be met. Caveat: HTA also takes host events that carry a stream for GPU work. They are no kernels, and are not counted here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crossprof.store.intervals import distinct
from crossprof.store.peers.events import Bools, File, Ints
from crossprof.store.peers.unions import covered

__all__ = ["numbers"]


def numbers(file: File) -> Iterator[tuple[str, float]]:
    """HTA's numbers by their ids: nanoseconds, or a share of 0..1, over all devices of the file."""
    if file.is_xplane:
        return
    work, host = file.work, file.host
    start, end = work["start_ns"], work["end_ns"]
    rounded = (start + 999) // 1000 * 1000, end // 1000 * 1000
    is_compute = ~(work["is_copy"] | work["is_memset"] | work["is_named_collective"] | work["is_named_copy"])
    by_default = by_exact = np.ones(len(start), bool)
    marks = host["is_mark"]
    if len(distinct(host["id"][marks])) > 1:  # HTA leaves a single step alone
        launched, launch = work["is_launched"], work["launch_start_ns"]
        by_default = launched & (launch < host["start_ns"][marks].max())
        by_exact = launched & (launch <= host["end_ns"][marks].max())
    yield from _breakdown(*rounded, is_compute, by_default, "")
    yield from _breakdown(start, end, is_compute, by_exact, "_exact")


def _breakdown(start: Ints, end: Ints, is_compute: Bools, counts: Bools, variant: str) -> Iterator[tuple[str, float]]:
    start, end, is_compute = start[counts], end[counts], is_compute[counts]
    span = int(end.max() - start.min()) if len(start) else 0
    if span <= 0:  # work of no length divides nothing, and HTA by it
        return
    busy, compute = covered(start, end), covered(start[is_compute], end[is_compute])
    yield f"hta.busy{variant}", busy
    yield f"hta.idle{variant}", span - busy
    yield f"hta.compute{variant}", compute
    yield f"hta.non_compute{variant}", busy - compute
    yield f"hta.kernel_time{variant}", span
    yield f"hta.busy_ratio{variant}", busy / span
    yield f"hta.compute_ratio{variant}", compute / span
