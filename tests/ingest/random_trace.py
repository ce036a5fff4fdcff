"""Random small Kineto traces, and what a plain computation says of them. Times are few, so that ties are many."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

from hypothesis import strategies as st

from tests.ingest.xspace import Plane, encoded

LAST_NS = 60
KINDS = {"kernel": "kernel", "gpu_memcpy": "memcpy", "gpu_memset": "memset"}
COLLECTIVE = "ncclDevKernel_AllReduce_Sum_f16_RING_LL"
STEP_THREAD = 0
# Integers of old files, microseconds since a base, and the 19 digits of early 2024, which no double holds.
EPOCHS_US = (0, 4_403_000_000_000, 1_712_195_495_519_689)


@dataclass(frozen=True)
class Span:
    """[start, end) on a thread or stream, with what the trace says of it."""

    name: str
    start: int
    end: int
    thread: int
    kind: str = "op"
    device: int = 0
    number: int | None = None  # external id, correlation or step

    @property
    def instants(self) -> range:
        return range(self.start, self.end)

    def holds(self, at: int) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True)
class Trace:
    """The events of a trace, and the text around them."""

    kernels: list[Span]
    ops: list[Span]
    annotations: list[Span]
    calls: list[Span]
    steps: list[Span]
    memory: list[tuple[int, int]]
    epoch_us: int
    in_pairs: bool  # operators that take time are written as a begin and an end
    order: list[int]

    def text(self, events: list[str] | None = None) -> str:
        return '{"schemaVersion": 1, "traceEvents": [' + ",\n".join(events or self.events()) + "]}"

    def events(self) -> list[str]:
        """Every event as JSON, in the order of the file."""
        found = [event for op in self.ops for event in self._op(op)]
        found += [self._span(span) for span in (*self.kernels, *self.annotations, *self.calls, *self.steps)]
        for number, (at, size) in enumerate(self.memory):
            args = {"Bytes": size, "Device Type": 1, "Device Id": 0, "Total Allocated": number, "Total Reserved": 9}
            found.append(self._event("i", "cpu_instant_event", "[memory]", at, None, 1, 1, args))
        return [event for _, event in sorted(zip(self.order, found, strict=False))]

    def _op(self, op: Span) -> list[str]:
        if not self.in_pairs or op.start == op.end:
            return [self._span(op)]
        begin = self._event("B", "cpu_op", op.name, op.start, None, 1, op.thread, {"External id": op.number})
        return [begin, self._event("E", "cpu_op", op.name, op.end, None, 1, op.thread, {})]

    def _span(self, span: Span) -> str:
        category = {"op": "cpu_op", "call": "cuda_runtime", "step": "user_annotation"}.get(span.kind, span.kind)
        args = {
            "op": {"External id": span.number},
            "call": {"correlation": span.number},
            "step": {},
            "user_annotation": {},
        }.get(span.kind, {"device": span.device, "stream": span.thread, "correlation": span.number})
        return self._event("X", category, span.name, span.start, span.end, 1, span.thread, args)

    def _event(self, ph: str, cat: str, name: str, start: int, end: int | None, pid: int, tid: int, args: Any) -> str:  # noqa: PLR0917
        head = json.dumps({"ph": ph, "cat": cat, "name": name, "pid": pid, "tid": tid, "args": args})[:-1]
        dur = "" if end is None else f', "dur": {(end - start) / 1000:.3f}'
        return f'{head}, "ts": {self.epoch_us}.{start:03d}{dur}}}'

    def zero(self) -> int:
        return self.epoch_us * 1000

    def step_of(self, at: int) -> int | None:
        """A step lasts to the start of the next one."""
        steps = sorted(self.steps, key=lambda step: (step.start, step.number))
        for step, after in zip_longest(steps, steps[1:]):
            if step.start <= at < (after.start if after else step.end):
                return step.number
        return None

    def innermost(self, at: int, thread: int, *, of: Iterable[Span]) -> Span | None:
        """The shortest span around an instant; of equal ones the operator, and of operators the later number."""
        around = [span for span in of if span.thread == thread and span.holds(at)]
        return min(around, key=lambda span: (span.end - span.start, span.kind != "op", -(span.number or 0)), default=None)

    def self_times(self) -> Counter[Span]:
        """Nanoseconds in which an operator is the innermost span of its thread."""
        spans = [*self.ops, *self.annotations]
        threads = {op.thread for op in self.ops}
        found = (self.innermost(at, thread, of=spans) for thread in threads for at in range(LAST_NS + 1))
        return Counter(span for span in found if span is not None and span.kind == "op")

    def launch_of(self, kernel: Span) -> Span | None:
        return next((call for call in self.calls if call.number == kernel.number), None)

    def work_by_device(self) -> dict[int, list[Span]]:
        devices = {kernel.device for kernel in self.kernels}
        return {device: [kernel for kernel in self.kernels if kernel.device == device] for device in devices}

    def expected_kernels(self) -> Counter[tuple[Any, ...]]:
        rows = []
        for kernel in self.kernels:
            call = self.launch_of(kernel)
            op = self.innermost(call.start, call.thread, of=self.ops) if call else None
            kind = "collective" if kernel.name == COLLECTIVE and kernel.kind == "kernel" else KINDS[kernel.kind]
            own = (kernel.device, str(kernel.thread), kernel.name, kind, kernel.start, kernel.end - kernel.start)
            launched = (call.start, op.number if op else None, self.step_of(call.start)) if call else (None, None, None)
            rows.append((*own, *launched, self.step_of(kernel.start)))
        return Counter(rows)

    def expected_ops(self) -> Counter[tuple[Any, ...]]:
        own = self.self_times()
        return Counter(
            (op.name, op.start, op.end - op.start, own[op], str(op.thread), op.number, self.step_of(op.start))
            for op in self.ops
        )


def union(spans: Iterable[Span]) -> int:
    return len({at for span in spans for at in span.instants})


def nested(spans: Iterable[Span]) -> list[Span]:
    """Those of the spans, first come first kept, that lie in or beside every other one of their thread."""
    kept: list[Span] = []
    for span in spans:
        if all(_nests(span, other) for other in kept if other.thread == span.thread):
            kept.append(span)
    return kept


def _nests(one: Span, other: Span) -> bool:
    if one.end <= other.start or other.end <= one.start:
        return True
    return (one.start <= other.start and other.end <= one.end) or (other.start <= one.start and one.end <= other.end)


INSTANTS = st.integers(0, LAST_NS)
INTERVALS = st.tuples(INSTANTS, INSTANTS).map(sorted)
HOST_THREADS = st.integers(1, 3)


@st.composite
def traces(draw: st.DrawFn, *, is_nested: bool = True) -> Trace:
    """A trace whose host spans nest on each thread, unless told otherwise."""
    spans = draw(st.lists(st.tuples(INTERVALS, HOST_THREADS, st.booleans()), max_size=14))
    host = [
        Span(f"aten::op{number}", *interval, thread, number=number + 1)
        if is_op
        else Span("forward", *interval, thread, "user_annotation")
        for number, (interval, thread, is_op) in enumerate(spans)
    ]
    host = nested(host) if is_nested else host
    launches = draw(st.lists(st.tuples(INTERVALS, HOST_THREADS), max_size=4))
    calls = [
        Span("cudaLaunchKernel", *interval, thread, "call", number=100 + i) for i, (interval, thread) in enumerate(launches)
    ]
    work = st.tuples(
        INTERVALS, st.integers(5, 7), st.sampled_from(sorted(KINDS)), st.integers(0, 1), st.integers(99, 104),
        st.sampled_from(["sgemm", COLLECTIVE, "zz"]),
    )  # fmt: skip
    kernels = [
        Span(name, *interval, stream, kind, device, correlation)
        for interval, stream, kind, device, correlation, name in draw(st.lists(work, max_size=10))
    ]
    marks = draw(st.lists(INSTANTS, max_size=4).map(sorted))
    steps = [
        Span(f"ProfilerStep#{i}", start, end, STEP_THREAD, "step", number=i) for i, (start, end) in enumerate(pairwise(marks))
    ]
    memory = draw(st.lists(st.tuples(INSTANTS, st.integers(-(2**40), 2**40)), max_size=4))
    count = len(kernels) + 2 * len(host) + len(calls) + len(steps) + len(memory)
    return Trace(
        kernels=kernels,
        ops=[span for span in host if span.kind == "op"],
        annotations=[span for span in host if span.kind != "op"],
        calls=calls,
        steps=steps,
        memory=memory,
        epoch_us=draw(st.sampled_from(EPOCHS_US)),
        in_pairs=draw(st.booleans()),
        order=list(draw(st.permutations(range(count)))),
    )


ZERO_NS = 1_700_000_000_000_000_000
PICOSECONDS = st.integers(0, LAST_NS * 1000)


@dataclass(frozen=True)
class SpaceTrace:
    """Work of GPUs and operators of a host as an XSpace, in picoseconds after the start of a line."""

    work: list[Span]
    ops: list[Span]
    line_starts: dict[tuple[str, int], int]

    def data(self) -> bytes:
        planes = [Plane("Task Environment", {"profile_start_time": ZERO_NS})]
        for name in ("/device:GPU:0", "/device:GPU:1", "/host:CPU"):
            planes.append(Plane(name))
            spans = self.ops if name == "/host:CPU" else [span for span in self.work if name.endswith(str(span.device))]
            for thread in sorted({span.thread for span in spans}):
                label = f"tf_Compute/{thread}" if name == "/host:CPU" else f"Stream #{thread}(Kernel)"
                line = planes[-1].line(label, timestamp_ns=self.line_starts[name, thread])
                for span in spans:
                    if span.thread == thread:
                        planes[-1].event(line, span.name, span.start, span.end - span.start)
        return encoded(*planes)

    def rounded(self, span: Span) -> Span:
        """The span in nanoseconds: start and end are rounded, never the duration."""
        plane = "/host:CPU" if span.kind == "op" else f"/device:GPU:{span.device}"
        zero = self.line_starts[plane, span.thread]
        return replace(span, start=zero + (span.start + 500) // 1000, end=zero + (span.end + 500) // 1000)


@st.composite
def space_traces(draw: st.DrawFn) -> SpaceTrace:
    """An XSpace whose host operators nest on each thread, and take time."""
    interval = st.tuples(PICOSECONDS, PICOSECONDS).map(sorted)
    work = st.tuples(interval, st.integers(5, 7), st.integers(0, 1), st.sampled_from(["sgemm", "MemcpyH2D", COLLECTIVE]))
    spans = [Span(name, *times, stream, "work", device) for times, stream, device, name in draw(st.lists(work, max_size=12))]
    host = draw(st.lists(st.tuples(interval, HOST_THREADS), max_size=10))
    ops = nested(Span(f"model/op{number}:MatMul", *times, thread) for number, (times, thread) in enumerate(host))
    lines = [(f"/device:GPU:{device}", stream) for device in (0, 1) for stream in (5, 6, 7)]
    starts = {line: draw(st.integers(0, 20)) for line in [*lines, *(("/host:CPU", thread) for thread in (1, 2, 3))]}
    return SpaceTrace(spans, ops, starts)
