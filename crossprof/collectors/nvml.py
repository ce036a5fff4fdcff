"""Readings of NVIDIA GPUs through NVML, the library of the driver."""

from __future__ import annotations

import logging
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["UNITS", "NvmlSampler", "nvml_samplers"]

logger = logging.getLogger(__name__)

UNITS = {
    "hw.gpu.utilization": "1",
    "hw.gpu.memory.activity": "1",
    "hw.gpu.memory.usage": "By",
    "hw.gpu.memory.limit": "By",
    "hw.gpu.power": "W",
    "hw.gpu.energy": "J",
    "hw.gpu.clock.sm": "Hz",
    "hw.gpu.clock.memory": "Hz",
    "hw.gpu.temperature": "Cel",
}

_TRIALS = 20
_COSTLY_NS = 2_000_000

Reading = Mapping[str, float]


class NvmlSampler:
    """Readings of one GPU. A field that fails in the first reading is left out; a costly one goes after twenty readings."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self.device = _text(nvml.nvmlDeviceGetUUID(handle))
        self.model = _text(nvml.nvmlDeviceGetName(handle))
        self.source = "fake" if "FAKE" in self.model else "nvml"
        self._nvml = nvml
        self._handle = handle
        self._fields: dict[str, Callable[[Any, Any], Reading]] = dict(_FIELDS)
        self._costs: dict[str, list[int]] = {name: [] for name in self._fields}
        self._metrics: dict[str, tuple[str, ...]] = {}

    def read(self) -> dict[str, float | None]:
        """One reading of every field that this GPU has; None where a field that used to answer fails."""
        values: dict[str, float | None] = {}
        for name, field in list(self._fields.items()):
            began = time.perf_counter_ns()
            try:
                reading = field(self._nvml, self._handle)
            except self._nvml.NVMLError:
                if name not in self._metrics:
                    del self._fields[name]
                values.update(dict.fromkeys(self._metrics.get(name, ())))
                continue
            self._metrics[name] = tuple(reading)
            values.update(reading)
            self._weigh(name, time.perf_counter_ns() - began)
        return values

    def device_row(self, index: int) -> dict[str, Any]:
        """The GPU as a row of run.json's devices."""
        try:
            major, minor = self._nvml.nvmlDeviceGetCudaComputeCapability(self._handle)
            capability = f"{major}.{minor}"
        except self._nvml.NVMLError:
            capability = None
        try:
            memory = int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).total)
        except self._nvml.NVMLError:
            memory = None
        return {
            "device_id": index,
            "kind": "gpu",
            "vendor": "NVIDIA",
            "model": self.model,
            "uuid": self.device,
            "memory_bytes": memory,
            "compute_units": None,
            "compute_capability": capability,
            "source": self.source,
        }

    def _weigh(self, name: str, cost_ns: int) -> None:
        costs = self._costs[name]
        if len(costs) < _TRIALS:
            costs.append(cost_ns)
            if len(costs) == _TRIALS and statistics.median(costs) > _COSTLY_NS:
                del self._fields[name]


def nvml_samplers(uuids: Sequence[str] = ()) -> list[NvmlSampler]:
    """A sampler for each GPU of these UUIDs, or of those visible to the process; empty without pynvml, driver or GPU."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        samplers = [NvmlSampler(pynvml, handle) for handle in handles]
    except Exception:  # no driver, no GPU, or a pynvml that is not NVIDIA's: telemetry goes on without
        logger.debug("NVML does not answer.", exc_info=True)
        return []
    wanted = set(uuids)
    return [sampler for sampler in samplers if sampler.device in wanted] if wanted else _visible(samplers)


def _visible(samplers: list[NvmlSampler]) -> list[NvmlSampler]:
    """Those that CUDA_VISIBLE_DEVICES names, by number or by the beginning of a UUID, in its order."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return samplers
    visible = []
    for part in filter(None, (part.strip() for part in listed.split(","))):
        visible += [sampler for index, sampler in enumerate(samplers) if part == str(index) or sampler.device.startswith(part)]
    return visible


def _utilization(nvml: Any, handle: Any) -> Reading:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    return {"hw.gpu.utilization": rates.gpu / 100, "hw.gpu.memory.activity": rates.memory / 100}


def _memory(nvml: Any, handle: Any) -> Reading:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {"hw.gpu.memory.usage": int(memory.used), "hw.gpu.memory.limit": int(memory.total)}


def _power(nvml: Any, handle: Any) -> Reading:
    return {"hw.gpu.power": nvml.nvmlDeviceGetPowerUsage(handle) / 1000}


def _energy(nvml: Any, handle: Any) -> Reading:
    return {"hw.gpu.energy": nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000}


def _clocks(nvml: Any, handle: Any) -> Reading:
    return {
        "hw.gpu.clock.sm": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) * 1_000_000,
        "hw.gpu.clock.memory": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM) * 1_000_000,
    }


def _temperature(nvml: Any, handle: Any) -> Reading:
    return {"hw.gpu.temperature": nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)}


_FIELDS = (
    ("utilization", _utilization),
    ("memory", _memory),
    ("power", _power),
    ("energy", _energy),
    ("clocks", _clocks),
    ("temperature", _temperature),
)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
