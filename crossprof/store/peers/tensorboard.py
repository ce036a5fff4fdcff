"""The numbers of the TensorBoard plugin of PyTorch (torch-tb-profiler) for one Kineto file, or for each GPU of it.

GPU utilization, SM efficiency and occupancy are of one GPU from the start of the first to the end of the last step; only
kernels count, no copies. The rest is the mean over the steps: what is first of kernel, memcpy, memset, communication, runtime,
data loading and operators of the host (CPU Exec) has the time, whatever runs beside it; what is left is Other. Blocks per SM
and occupancy come together: CUPTI's kernels have both in the file, others neither. A kernel is communication where the op that
launched it is of c10d by name (nccl:all_reduce, ...); the op itself is too. Caveat: CUPTI's ranges and projections of
annotations onto a GPU, which the plugin took for steps and operators, are neither here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crossprof.store.intervals import distinct
from crossprof.store.peers.events import File, Ints, Table
from crossprof.store.peers.tensorboard_step import steps
from crossprof.store.peers.unions import overlap, stretches

__all__ = ["numbers"]


def numbers(file: File) -> Iterator[tuple[int | None, str, float]]:
    """The plugin's numbers by GPU (None: of the steps) and id: nanoseconds of a mean step, or a share of 0..1."""
    if file.is_xplane:
        return
    start, end = steps(file)
    if not len(start):
        return
    first, last = int(start.min()), int(end.max())
    work = file.work
    for device in distinct(work["device_id"]).tolist():
        is_kernel = (work["device_id"] == device) & ~work["is_copy"] & ~work["is_memset"]
        kernels = {name: values[is_kernel] for name, values in work.items()}
        yield from ((device, name, value) for name, value in _of_gpu(kernels, first, last))
    yield from ((None, name, value) for name, value in _of_steps(file, start, end))


def _of_gpu(kernels: Table, first: int, last: int) -> Iterator[tuple[str, float]]:
    start, end = np.maximum(kernels["start_ns"], first), np.minimum(kernels["end_ns"], last)
    lasts = end > start
    if not lasts.any():
        return
    start, end = start[lasts], end[lasts]
    starts, ends = stretches(start, end)
    yield "tb.gpu_utilization", int((ends - starts).sum()) / (last - first)
    if filled := _filled(start, end, kernels["blocks"][lasts], int(kernels["compute_units"][0])):
        yield "tb.est_sm_efficiency", filled / (last - first)
    occupancy, dur = kernels["occupancy_ratio"][lasts], end - start
    if (is_told := occupancy >= 0).any():
        yield "tb.est_achieved_occupancy", float(np.sum(occupancy[is_told] * dur[is_told]) / dur[is_told].sum())


def _filled(start: Ints, end: Ints, blocks: np.ndarray, units: int) -> float:
    """The time that the blocks which run fill the SMs of a GPU, each instant by the share that they fill, in nanoseconds."""
    if not units or not blocks.any():
        return 0
    borders = np.concatenate((start, end))
    order = np.argsort(borders, kind="stable")
    running = np.cumsum(np.concatenate((blocks, -blocks))[order])
    return float(np.sum(np.diff(borders[order]) * np.minimum(running[:-1], units)) / units)


def _of_steps(file: File, start: Ints, end: Ints) -> Iterator[tuple[str, float]]:
    reach = stretches(start, end)
    taken = reach[0][:0], reach[1][:0]
    before = 0
    for name, (starts, ends) in _roles(file).items():
        taken = stretches(np.concatenate((taken[0], starts)), np.concatenate((taken[1], ends)))
        until_now = overlap(taken, reach)
        yield f"tb.{name}", (until_now - before) / len(start)
        before = until_now
    yield "tb.other_time", (int((reach[1] - reach[0]).sum()) - before) / len(start)
    yield "tb.step_time", int((end - start).sum()) / len(start)


def _roles(file: File) -> dict[str, tuple[Ints, Ints]]:
    """What has the time of a step, the first first."""
    work, calls, host = file.work, file.calls, file.host
    is_kernel = ~work["is_copy"] & ~work["is_memset"]
    is_activity, is_loading = host["is_activity"], host["is_activity"] & host["is_loading"]
    is_communicating = is_activity & host["is_communicating"]
    communicates = is_kernel & np.isin(work["op_id"], host["id"][is_communicating & host["is_op"]])
    both = zip(_chosen(work, communicates), _chosen(host, is_communicating), strict=True)
    starts, ends = map(np.concatenate, both)
    return {
        "kernel_time": _chosen(work, is_kernel & ~communicates),
        "memcpy_time": _chosen(work, work["is_copy"]),
        "memset_time": _chosen(work, work["is_memset"]),
        "communication_time": (starts, ends),
        "runtime_time": _chosen(calls, ~calls["is_of_driver"]),
        "data_loader_time": _chosen(host, is_loading),
        "cpu_exec_time": _chosen(host, is_activity & ~is_loading & ~is_communicating),
    }


def _chosen(table: Table, rows: np.ndarray) -> tuple[Ints, Ints]:
    return table["start_ns"][rows], table["end_ns"][rows]
