"""xprof's kernel_stats, hlo_stats and overview_page of one XPlane file, all devices together.

kernel_stats lists the kernels of GPUs, no copies, and nothing of a TPU. hlo_stats lists what belongs to an HLO operation:
here the work that names its module. The overview is of TPUs only, and has two clocks: the duty cycle is busy time over the
time from each core's first program to its last, the idle share is taken from its first operation to its last. Caveat: on a
TPU hlo_stats adds up durations by the clock of the core, this module those on the timeline.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crossprof.store.intervals import distinct
from crossprof.store.peers.events import File, Table

__all__ = ["numbers"]


def numbers(file: File) -> Iterator[tuple[str, float]]:
    """Xprof's numbers by their ids: a count, nanoseconds, or a share of 0..1."""
    if not file.is_xplane:
        return
    work = file.work
    dur = work["end_ns"] - work["start_ns"]
    is_kernel = ~(work["is_tpu"] | work["is_copy"] | work["is_memset"])
    if is_kernel.any():
        yield "xprof.kernel_count", int(is_kernel.sum())
        yield "xprof.kernel_time", int(dur[is_kernel].sum())
    if work["has_module"].any():
        yield "xprof.hlo_time", int(dur[work["has_module"]].sum())
    yield from _overview(file)


def _overview(file: File) -> Iterator[tuple[str, float]]:
    busy = spans = programs = 0
    work, host, is_tpu = file.work, file.host, file.work["is_tpu"]
    for device in distinct(work["device_id"][is_tpu]).tolist():
        is_core = is_tpu & (work["device_id"] == device)
        span = _span(work, is_core)
        is_program = host["is_program"] & (host["id"] == device)
        busy += int((work["end_ns"] - work["start_ns"])[is_core].sum())
        spans += span
        programs += max(span, _span(host, is_program)) if is_program.any() else span
    if spans > 0:
        yield "xprof.duty_cycle", busy / programs
        yield "xprof.idle_ratio", 1 - busy / spans


def _span(table: Table, rows: np.ndarray) -> int:
    return int(table["end_ns"][rows].max() - table["start_ns"][rows].min())
