"""The machine at hand: what it has, and what it is busy with before a cell is run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from crossprof.bench.devices import why_not_on_gpu
from crossprof.collectors.cgroup import Cgroup
from crossprof.collectors.nvml import nvml_samplers
from crossprof.workloads.processors import processors

__all__ = ["Machine", "State", "state"]

_FREQUENCY = Path("/sys/devices/system/cpu/cpu0/cpufreq")
_LOADED = 0.5
"""Share of the processors, or of a GPU, that others keep busy, from which on the machine counts as loaded."""
_LOOK_S = 0.2
_GPU_TAGS = {
    "hw.gpu.clock.sm": "gpu_clock_hz",
    "hw.gpu.temperature": "gpu_celsius",
    "hw.gpu.throttle": "gpu_throttle",
    "hw.gpu.utilization": "gpu_busy",
    "hw.gpu.memory.usage": "gpu_used_bytes",
}


@dataclass(frozen=True)
class Machine:
    """What cells can be given.

    Attributes:
        processors: Those that this process may use.
        memory_bytes: Free memory of the host, within the limit of a container.
        gpus: Memory of each GPU, in bytes.
    """

    processors: int
    memory_bytes: int
    gpus: tuple[int, ...] = ()

    @classmethod
    def here(cls) -> Machine:
        """The machine that this process is on."""
        import psutil

        limit, free = Cgroup().memory_limit(), psutil.virtual_memory().available
        host = min(free, limit or free)
        gpus = [one.device_row(one.index)["memory_bytes"] or host for one in nvml_samplers()]  # none where it is the host's
        return cls(len(processors()), host, tuple(gpus))

    def used_by(self, framework: str) -> Machine:
        """The machine as a framework sees it: without GPUs where it would leave them alone."""
        return replace(self, gpus=()) if why_not_on_gpu(framework) else self

    def ranks(self) -> tuple[int, ...]:
        """The numbers of ranks that are compared: 1, 2, 4, ... as many as there are GPUs; 1 and 2 on processors."""
        most = len(self.gpus) if self.gpus else min(2, self.processors)
        return tuple(2**power for power in range(most.bit_length()) if 2**power <= most)

    def against_ranks(self, ranks: int) -> str:
        """Why there can't be so many ranks; empty where there can."""
        if ranks in self.ranks():
            return ""
        has = f"{len(self.gpus)} GPU" if self.gpus else f"{self.processors} processor"
        return f"{ranks} ranks need {ranks} GPUs, or processors where there is no GPU, and there is {has}"


@dataclass(frozen=True)
class State:
    """What the machine is like just before a cell.

    Attributes:
        load: Load average of the last minute, our own work included; None where the system tells none.
        busy: Share of our processors that were busy in the last moment, in which nothing of ours was running; of a GPU, where
            one was busier.
        clocks: What is readable of clocks, temperatures and the use of GPUs, by the name of a tag.
    """

    load: float | None
    busy: float
    clocks: dict[str, str]

    @property
    def is_loaded(self) -> bool:
        """Whether others leave too little of the machine for a figure to mean much."""
        return self.busy > _LOADED

    def tags(self) -> dict[str, str]:
        """As the tags of a run."""
        load = {} if self.load is None else {"load_average": f"{self.load:.2f}"}
        return {**load, "busy_before": f"{self.busy:.2f}", "machine": "loaded" if self.is_loaded else "quiet", **self.clocks}


def state() -> State:
    """What the machine is like now. Takes a fifth of a second, in which nothing of ours may run."""
    import psutil

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    shares = psutil.cpu_percent(interval=_LOOK_S, percpu=True)
    ours = [shares[number] for number in processors() if number < len(shares)] or shares
    gpus = [sampler.read() for sampler in nvml_samplers()]
    busy = max([fmean(ours) / 100, *(reading.get("hw.gpu.utilization") or 0.0 for reading in gpus)])
    return State(load, busy, {**dict(_cpu_clocks()), **dict(_gpu_tags(gpus))})


def _cpu_clocks() -> Iterator[tuple[str, str]]:
    for tag, file in (("cpu_governor", "scaling_governor"), ("cpu_khz", "scaling_cur_freq")):
        try:
            yield tag, (_FREQUENCY / file).read_text(encoding="ascii").strip()
        except OSError:  # a virtual machine has none
            continue


def _gpu_tags(gpus: Sequence[Mapping[str, float | None]]) -> Iterator[tuple[str, str]]:
    """Of every GPU, the first plainly, the others with their number."""
    for number, reading in enumerate(gpus):
        for metric, tag in _GPU_TAGS.items():
            if (value := reading.get(metric)) is not None:
                yield f"{tag}_{number}" if number else tag, f"{value:.10g}"
