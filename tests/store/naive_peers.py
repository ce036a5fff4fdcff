"""HTA's and TraceLens' figures for a Kineto file, event by event as these tools take them, with or without a defect of theirs.

`defect` is `strays` (host events that carry a stream pass for GPU work), `doubles` (times are 64-bit floats), or None.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Trace", "hta", "read", "tracelens"]

Time = Any  # Decimal, or float where doubles are the defect; microseconds
Interval = tuple[Time, Time]
COMMUNICATION = ("nccl", "rccl")
NO_COMPUTE = ("Memcpy", "Sync", *COMMUNICATION)


@dataclass(frozen=True)
class Work:
    """One piece of GPU work, or what a tool takes for it."""

    name: str
    category: str
    start: Time
    end: Time
    launch: Time | None

    @property
    def is_communication(self) -> bool:
        return any(word in self.name for word in COMMUNICATION)

    @property
    def is_hta_compute(self) -> bool:
        return not any(word in self.name for word in NO_COMPUTE) and not self.name.startswith(("Memset", "dma"))


@dataclass(frozen=True)
class Trace:
    """GPU work and the ProfilerSteps of a file."""

    works: list[Work]
    steps: dict[str, Interval]


@lru_cache(maxsize=2)
def read(path: Path, defect: str | None = None) -> Trace:
    """The work of a file in microseconds: exact, or as doubles."""
    number = float if defect == "doubles" else Decimal
    with gzip.open(path, "rt") as file:
        document = json.load(file, parse_float=Decimal)
    events = [e for e in (document if isinstance(document, list) else document["traceEvents"]) if e.get("ph") == "X"]
    for event in events:
        event["start"], event["end"] = number(event["ts"]), number(event["ts"]) + number(event["dur"])
        event["args"] = event.get("args") or {}
        event["on_gpu"] = _is_gpu(event) or (defect == "strays" and int(event["args"].get("stream", -1)) >= 0)
    launches = {e["args"]["correlation"]: e["start"] for e in events if not e["on_gpu"] and e["args"].get("correlation")}
    works = [
        Work(e["name"], e["cat"].lower(), e["start"], e["end"], launches.get(e["args"].get("correlation")))
        for e in events
        if e["on_gpu"]
    ]
    steps = {e["name"]: (e["start"], e["end"]) for e in events if e["name"].startswith("ProfilerStep") and not e["on_gpu"]}
    return Trace(works, steps)


def hta(trace: Trace, *, is_exact: bool) -> dict[str, float]:
    """The temporal breakdown of HTA in microseconds; nothing where no work is left."""
    works = trace.works
    if len(trace.steps) > 1:
        last_start, last_end = (max(times) for times in zip(*trace.steps.values(), strict=True))
        works = [w for w in works if w.launch is not None and (w.launch <= last_end if is_exact else w.launch < last_start)]
    if not works:
        return {}
    times = [(w.start, w.end) if is_exact else (math.ceil(w.start), math.floor(w.end)) for w in works]
    busy = union(times)
    compute = union(time for time, work in zip(times, works, strict=True) if work.is_hta_compute)
    return floats(busy=busy, idle=span(times) - busy, compute=compute, non_compute=busy - compute, kernel_time=span(times))


def tracelens(trace: Trace, *, has_unlinked: bool) -> dict[str, float]:
    """The GPU timeline of TraceLens in microseconds; nothing where no work is left."""
    works = [work for work in trace.works if has_unlinked or work.launch is not None]
    if not works:
        return {}
    times = [(work.start, work.end) for work in works]
    copies = [(w.start, w.end) for w in works if w.category.endswith("memcpy")]
    kernels = [w for w in works if not w.category.endswith("memcpy")]
    communication = [(w.start, w.end) for w in kernels if w.is_communication]
    computation = [(w.start, w.end) for w in kernels if not w.is_communication]
    no_copy = union(computation + communication)
    return floats(
        busy_time=union(times),
        idle_time=span(times) - union(times),
        total_time=span(times),
        computation_time=union(computation),
        exposed_comm_time=no_copy - union(computation),
        exposed_memcpy_time=union(times) - no_copy,
        total_comm_time=union(communication),
        total_memcpy_time=union(copies),
    )


def union(intervals: Iterable[Interval]) -> Time:
    """The length of a union, as HTA merges: what begins a new group counts whole, even where it ends before it starts."""
    total, reach = 0, None
    for start, end in sorted(intervals):
        total += end - start if reach is None or start > reach else max(end - reach, 0)
        reach = end if reach is None else max(reach, end)
    return total


def span(intervals: list[Interval]) -> Time:
    """From the first start to the last end."""
    return max(end for _, end in intervals) - min(start for start, _ in intervals)


def floats(**values: Time) -> dict[str, float]:
    """Plain numbers."""
    return {name: float(value) for name, value in values.items()}


def _is_gpu(event: dict[str, Any]) -> bool:
    return str(event.get("cat")).lower() in {"kernel", "gpu_memcpy", "gpu_memset", "memcpy", "memset"}
