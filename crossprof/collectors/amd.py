"""AMD GPUs through amdsmi, the library of ROCm: a sampler for each."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from crossprof.collectors.fields import Field, FieldAbsent, Fields, Reading
from crossprof.collectors.gpu_units import GPU_UNITS

__all__ = ["UNITS", "AmdSampler", "amd_samplers"]

logger = logging.getLogger(__name__)

UNITS = GPU_UNITS | {
    "hw.gpu.xgmi.io.transmit": "By",
    "hw.gpu.xgmi.io.receive": "By",
}

_CLOCK = "accumulation_counter"
_POWER = ("ppt_residency_acc",)
_THERMAL = ("socket_thm_residency_acc", "vr_thm_residency_acc", "hbm_thm_residency_acc", "prochot_residency_acc")


class AmdSampler:
    """Readings of one GPU."""

    def __init__(self, amdsmi: Any, handle: Any) -> None:
        asic = amdsmi.amdsmi_get_gpu_asic_info(handle)
        self.device = str(amdsmi.amdsmi_get_gpu_device_uuid(handle))
        self.model = str(asic["market_name"])
        self.source = "fake" if "FAKE" in self.model else "amdsmi"
        self.pci = str(amdsmi.amdsmi_get_gpu_device_bdf(handle))
        self._amdsmi = amdsmi
        self._handle = handle
        self._asic = asic
        self._fields = Fields(_fields_of(amdsmi, handle), errors=(amdsmi.AmdSmiException,))
        self.read, self.facts = self._fields.read, self._fields.facts

    def close(self) -> None:
        """Nothing to end: torch may use the library too."""

    def device_row(self, index: int) -> dict[str, Any]:
        """The GPU as a row of run.json's devices."""
        try:
            memory = self._amdsmi.amdsmi_get_gpu_memory_total(self._handle, self._amdsmi.AmdSmiMemoryType.VRAM)
        except self._amdsmi.AmdSmiException:
            memory = None
        units = self._asic.get("num_compute_units")
        return {
            "device_id": index,
            "kind": "gpu",
            "vendor": "AMD",
            "model": self.model,
            "uuid": self.device,
            "memory_bytes": memory,
            "compute_units": units if isinstance(units, int) else None,
            "compute_capability": self._asic.get("target_graphics_version"),
            "source": self.source,
        }


def amd_samplers(addresses: Sequence[str] = ()) -> list[AmdSampler]:
    """A sampler for each GPU at these PCI addresses, or of all that ROCm shows; empty without amdsmi, driver or GPU."""
    try:
        import amdsmi  # type: ignore[import-not-found]
    except Exception:  # not installed; or without ROCm, where its import ends in a KeyError
        return []
    try:
        amdsmi.amdsmi_init()
        samplers = [AmdSampler(amdsmi, handle) for handle in amdsmi.amdsmi_get_processor_handles()]
    except Exception:
        logger.debug("amdsmi does not answer.", exc_info=True)
        return []
    if addresses:
        wanted = {address.lower() for address in addresses}
        return [one for one in samplers if one.pci.lower() in wanted]
    return _visible(samplers)


def _visible(samplers: list[AmdSampler]) -> list[AmdSampler]:
    """Those whose numbers ROCm's variables list, in their order; each variable counts among those that the one before left."""
    for name in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        listed = os.environ.get(name)
        if listed is not None:
            numbers = [int(part) for part in listed.split(",") if part.strip().isdigit()]
            samplers = [samplers[number] for number in numbers if number < len(samplers)]
    return samplers


def _fields_of(amdsmi: Any, handle: Any) -> dict[str, Field]:
    return {
        "activity": partial(_activity, amdsmi, handle),
        "memory": partial(_memory, amdsmi, handle),
        "power": partial(_power, amdsmi, handle),
        "energy": partial(_energy, amdsmi, handle),
        "clocks": partial(_clocks, amdsmi, handle),
        "temperature": partial(_temperature, amdsmi, handle),
        "throttle and links": _Totals(amdsmi, handle).read,
        "process memory": partial(_process_memory, amdsmi, handle),
    }


def _activity(amdsmi: Any, handle: Any) -> Reading:
    told = amdsmi.amdsmi_get_gpu_activity(handle)
    return {
        "hw.gpu.utilization": _known(told["gfx_activity"]) / 100,
        "hw.gpu.memory.activity": _known(told["umc_activity"]) / 100,
    }


def _memory(amdsmi: Any, handle: Any) -> Reading:
    kind = amdsmi.AmdSmiMemoryType.VRAM
    return {
        "hw.gpu.memory.usage": amdsmi.amdsmi_get_gpu_memory_usage(handle, kind),
        "hw.gpu.memory.limit": amdsmi.amdsmi_get_gpu_memory_total(handle, kind),
    }


def _power(amdsmi: Any, handle: Any) -> Reading:
    """Of the socket: older boards know only its average, newer ones only what it is now."""
    told = amdsmi.amdsmi_get_power_info(handle)
    watts = next((told[name] for name in ("current_socket_power", "average_socket_power") if told.get(name) not in _NONE), None)
    return {"hw.gpu.power": _known(watts)}


def _energy(amdsmi: Any, handle: Any) -> Reading:
    """The counter times its resolution, which is in microjoules."""
    told = amdsmi.amdsmi_get_energy_count(handle)
    return {"hw.gpu.energy": told["energy_accumulator"] * told["counter_resolution"] / 1e6}


def _clocks(amdsmi: Any, handle: Any) -> Reading:
    kinds = {"hw.gpu.clock.sm": amdsmi.AmdSmiClkType.GFX, "hw.gpu.clock.memory": amdsmi.AmdSmiClkType.MEM}
    return {name: _known(amdsmi.amdsmi_get_clock_info(handle, kind)["clk"]) * 1e6 for name, kind in kinds.items()}


def _temperature(amdsmi: Any, handle: Any) -> Reading:
    """Of the hottest spot: the edge of a data centre's GPU has no sensor."""
    kind, now = amdsmi.AmdSmiTemperatureType.HOTSPOT, amdsmi.AmdSmiTemperatureMetric.CURRENT
    return {"hw.gpu.temperature": amdsmi.amdsmi_get_temp_metric(handle, kind, now)}


def _process_memory(amdsmi: Any, handle: Any) -> Reading:
    own = [one for one in amdsmi.amdsmi_get_gpu_process_list(handle) if one["pid"] == os.getpid()]
    return {"process.gpu.memory.usage": own[0]["memory_usage"]["vram_mem"]} if own else {}


class _Totals:
    """What the firmware adds up: time at a limit, as a share of the time since the last reading, and traffic of the links.

    amdsmi_get_violation_status tells the same, and sleeps for a tenth of a second to do so.
    """

    def __init__(self, amdsmi: Any, handle: Any) -> None:
        self._amdsmi = amdsmi
        self._handle = handle
        self._before: Mapping[str, Any] = {}

    def read(self) -> Reading:
        told = self._amdsmi.amdsmi_get_gpu_metrics_info(self._handle)
        before, self._before = self._before, told
        reading = _shares(told, before) if told.get(_CLOCK) not in _NONE else {}
        for metric, name in (("receive", "xgmi_read_data_acc"), ("transmit", "xgmi_write_data_acc")):
            links = [link for link in told.get(name) or () if link not in _NONE]
            if links:
                reading[f"hw.gpu.xgmi.io.{metric}"] = sum(links) * 1024
        if not reading:
            raise FieldAbsent("neither residencies nor links")
        return reading


def _shares(told: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, float | None]:
    power, thermal = _share(told, before, _POWER), _share(told, before, _THERMAL)
    whole = max((share for share in (power, thermal) if share is not None), default=None)
    return {"hw.gpu.throttle": whole, "hw.gpu.throttle.power": power, "hw.gpu.throttle.thermal": thermal}


def _share(told: Mapping[str, Any], before: Mapping[str, Any], names: Sequence[str]) -> float | None:
    """The largest of some residencies since the reading before; None where there was none, or no time passed."""
    passed = told[_CLOCK] - before[_CLOCK] if before else 0
    shares = [(told[name] - before[name]) / passed for name in names if passed > 0 and told.get(name) not in _NONE]
    return min(1.0, max(shares)) if shares else None


_NONE = (None, "N/A")


def _known(value: Any) -> float:
    """A number that the board tells. amdsmi says N/A where it does not."""
    if value in _NONE:
        raise FieldAbsent("N/A")
    return float(value)
