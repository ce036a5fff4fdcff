"""What is read of one NVIDIA GPU, or of one MIG device of it, field by field."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from crossprof.collectors.fields import Field, FieldAbsent, Reading
from crossprof.collectors.gpm import Gpm
from crossprof.collectors.gpu_units import GPU_UNITS

__all__ = ["UNITS", "fields_of"]

UNITS = GPU_UNITS | {
    "hw.gpu.power.instant": "W",
    "hw.gpu.io.transmit": "By",
    "hw.gpu.io.receive": "By",
    "hw.gpu.nvlink.io.transmit": "By",
    "hw.gpu.nvlink.io.receive": "By",
    "hw.gpu.sm.activity": "1",
    "hw.gpu.sm.occupancy": "1",
    "hw.gpu.tensor.activity": "1",
    "hw.gpu.dram.activity": "1",
    "process.gpu.utilization": "1",
}

_POWER_CAP, _SLOWDOWN, _SW_THERMAL, _HW_THERMAL, _POWER_BRAKE = 0x04, 0x08, 0x20, 0x40, 0x80
_POWER = _POWER_CAP | _POWER_BRAKE
_THERMAL = _SW_THERMAL | _HW_THERMAL
_POWER_INSTANT, _PCIE_SENT, _PCIE_RECEIVED, _NVLINK_SENT, _NVLINK_RECEIVED = 186, 197, 198, 138, 139
_ALL_LINKS = 0xFFFFFFFF
_VALUES = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}


def fields_of(nvml: Any, handle: Any, *, board: Any, instance: int | None) -> dict[str, Field]:
    """The fields of a GPU; of a MIG device (`instance` is its GPU instance) those that are its own or hold for its board.

    Power, energy and traffic of a board are those of all its MIG devices together: they are no figure of one.
    """
    shared: dict[str, Field] = {
        "clocks": partial(_clocks, nvml, board),
        "temperature": partial(_temperature, nvml, board),
        "throttle": partial(_throttle, nvml, board),
        "activity": Gpm(nvml, board, instance=instance).read,
        "memory": partial(_memory, nvml, handle),
        "process memory": partial(_process_memory, nvml, handle),
    }
    if instance is not None:
        return shared
    return shared | {
        "utilization": partial(_utilization, nvml, handle),
        "power": partial(_power, nvml, handle),
        "instant power": partial(_instant_power, nvml, handle),
        "energy": partial(_energy, nvml, handle),
        "pcie": partial(_pcie, nvml, handle),
        "nvlink": partial(_nvlink, nvml, handle),
        "process utilization": _ProcessUtilization(nvml, handle).read,
    }


def _utilization(nvml: Any, handle: Any) -> Reading:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    return {"hw.gpu.utilization": rates.gpu / 100, "hw.gpu.memory.activity": rates.memory / 100}


def _memory(nvml: Any, handle: Any) -> Reading:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {"hw.gpu.memory.usage": int(memory.used), "hw.gpu.memory.limit": int(memory.total)}


def _power(nvml: Any, handle: Any) -> Reading:
    return {"hw.gpu.power": nvml.nvmlDeviceGetPowerUsage(handle) / 1000}


def _instant_power(nvml: Any, handle: Any) -> Reading:
    (milliwatts,) = _values(nvml, handle, [_POWER_INSTANT])
    return {"hw.gpu.power.instant": milliwatts / 1000}


def _energy(nvml: Any, handle: Any) -> Reading:
    return {"hw.gpu.energy": nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000}


def _clocks(nvml: Any, handle: Any) -> Reading:
    return {
        "hw.gpu.clock.sm": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) * 1_000_000,
        "hw.gpu.clock.memory": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM) * 1_000_000,
    }


def _temperature(nvml: Any, handle: Any) -> Reading:
    return {"hw.gpu.temperature": nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)}


def _throttle(nvml: Any, handle: Any) -> Reading:
    """Whether the clocks are held below what the work asks for. An idle GPU, or clocks that the user set, are no such thing."""
    try:
        reasons = nvml.nvmlDeviceGetCurrentClocksEventReasons(handle)
    except nvml.NVMLError_FunctionNotFound:  # before driver 535 under another name
        reasons = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    return {
        "hw.gpu.throttle": float(bool(reasons & (_POWER | _THERMAL | _SLOWDOWN))),
        "hw.gpu.throttle.power": float(bool(reasons & _POWER)),
        "hw.gpu.throttle.thermal": float(bool(reasons & _THERMAL)),
    }


def _pcie(nvml: Any, handle: Any) -> Reading:
    """Counters of the bus. nvmlDeviceGetPcieThroughput would block for 20 ms."""
    sent, received = _values(nvml, handle, [_PCIE_SENT, _PCIE_RECEIVED])
    return {"hw.gpu.io.transmit": sent, "hw.gpu.io.receive": received}


def _nvlink(nvml: Any, handle: Any) -> Reading:
    """Counters of data over all links, without the protocol's own bytes."""
    sent, received = _values(nvml, handle, [(_NVLINK_SENT, _ALL_LINKS), (_NVLINK_RECEIVED, _ALL_LINKS)])
    return {"hw.gpu.nvlink.io.transmit": sent * 1024, "hw.gpu.nvlink.io.receive": received * 1024}


def _process_memory(nvml: Any, handle: Any) -> Reading:
    """Nothing before this process uses the device, or where the driver counts processes in another namespace."""
    own = [one for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle) if one.pid == os.getpid()]
    if not own or own[0].usedGpuMemory is None:
        return {}
    return {"process.gpu.memory.usage": int(own[0].usedGpuMemory)}


class _ProcessUtilization:
    """The share of the driver's sample periods in which kernels of this process ran, over those since the last reading."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle
        self._seen = 0

    def read(self) -> Reading:
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(self._handle, self._seen)
        except self._nvml.NVMLError as error:
            if error.value in (self._nvml.NVML_ERROR_NOT_FOUND, self._nvml.NVML_SUCCESS):  # no sample since then
                return {}
            raise
        self._seen = max([self._seen, *(sample.timeStamp for sample in samples)])
        own = [sample.smUtil for sample in samples if sample.pid == os.getpid()]
        return {"process.gpu.utilization": sum(own) / len(own) / 100} if own else {}


def _values(nvml: Any, handle: Any, fields: list[Any]) -> list[float]:
    """The values of some of NVML's numbered fields. Raises FieldAbsent where the device lacks one of them."""
    found = nvml.nvmlDeviceGetFieldValues(handle, fields)
    for one in found:
        if one.nvmlReturn == nvml.NVML_ERROR_GPU_IS_LOST:
            raise nvml.NVMLError(one.nvmlReturn)
        if one.nvmlReturn != nvml.NVML_SUCCESS:
            raise FieldAbsent(f"field {one.fieldId}: {one.nvmlReturn}")
    return [getattr(one.value, _VALUES[one.valueType]) for one in found]
