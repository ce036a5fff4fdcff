"""TraceLens' GPU timeline of one file, or of each GPU of an XPlane file.

Two variants: by default work without a launch in the file is left out; `_all` counts it. XPlane files have one answer: all.
Kernels, memsets too, are computation unless their name says nccl or rccl. In XPlane files TraceLens counts a memset as a
copy. Caveat: TraceLens follows the arrows of a Kineto file from launch to work, this module correlation ids: graphs and old
files differ.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crossprof.store.intervals import distinct
from crossprof.store.peers.events import Bools, File, Table
from crossprof.store.peers.unions import covered

__all__ = ["numbers"]


def numbers(file: File) -> Iterator[tuple[int | None, str, float]]:
    """TraceLens' numbers by device (None: all of a Kineto file) and id: nanoseconds, or a share of 0..1."""
    work = file.work
    is_counted = ~work["is_tpu"]
    if file.is_xplane:
        for device in distinct(work["device_id"][is_counted]).tolist():
            yield from _timeline(work, is_counted & (work["device_id"] == device), work["is_memset"], device, "")
    else:
        never = np.zeros(len(is_counted), bool)
        yield from _timeline(work, is_counted & (work["call_id"] >= 0), never, None, "")
        yield from _timeline(work, is_counted, never, None, "_all")


def _timeline(
    work: Table, is_counted: Bools, is_copied_memset: Bools, device: int | None, variant: str
) -> Iterator[tuple[int | None, str, float]]:
    start, end = work["start_ns"][is_counted], work["end_ns"][is_counted]
    span = int(end.max() - start.min()) if len(start) else 0
    if span <= 0:  # work of no length divides nothing
        return
    is_copy = (work["is_copy"] | is_copied_memset)[is_counted]
    is_communication = ~is_copy & work["is_named_collective"][is_counted]
    sorts = (np.ones(len(start), bool), ~is_copy, ~is_copy & ~is_communication, is_communication, is_copy)
    busy, kernels, computation, communication, copies = (covered(start[sort], end[sort]) for sort in sorts)
    found = {
        "busy_time": busy, "idle_time": span - busy, "total_time": span, "computation_time": computation,
        "exposed_comm_time": kernels - computation, "exposed_memcpy_time": busy - kernels,
        "total_comm_time": communication, "total_memcpy_time": copies, "busy_ratio": busy / span,
    }  # fmt: skip
    yield from ((device, f"tracelens.{name}{variant}", value) for name, value in found.items())
