"""All sources of telemetry that a process has, and the devices that they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from crossprof.collectors import allocator, amd, host, nvml, tpu
from crossprof.collectors.telemetry import Sampler

__all__ = ["UNITS", "DeviceSampler", "device_samplers", "named_alike"]

UNITS = host.UNITS | nvml.UNITS | amd.UNITS | tpu.UNITS | allocator.UNITS


class DeviceSampler(Sampler, Protocol):
    """A sampler of an accelerator."""

    @property
    def device(self) -> str:
        """Its UUID."""
        ...

    @property
    def pci(self) -> str | None:
        """Its PCI address, where it has one."""
        ...

    def device_row(self, index: int) -> dict[str, Any]:
        """The accelerator as a row of run.json's devices."""
        ...


def device_samplers(rows: Sequence[dict[str, Any]]) -> list[DeviceSampler]:
    """A sampler for each accelerator in these rows of a framework; without rows, for each that the process may see."""
    uuids = [row["uuid"] for row in rows if row["uuid"]]
    addresses = [row["pci"] for row in rows if row.get("pci")]
    return [*nvml.nvml_samplers(uuids), *amd.amd_samplers(addresses), *tpu.tpu_samplers()]


def named_alike(rows: Sequence[dict[str, Any]], samplers: Sequence[DeviceSampler]) -> list[dict[str, Any]]:
    """The rows of a framework, those that a sampler reads under the sampler's name: by UUID, else by PCI address.

    The number of a device is no way to tell: each framework and each driver counts on its own.
    """
    by_uuid = {nvml.bare_uuid(sampler.device): sampler.device for sampler in samplers}
    by_pci = {_place(sampler.pci): sampler.device for sampler in samplers if sampler.pci}
    named = []
    for row in rows:
        known = by_uuid.get(nvml.bare_uuid(row["uuid"] or "")) or by_pci.get(_place(row.get("pci")))
        named.append({key: value for key, value in row.items() if key != "pci"} | {"uuid": known or row["uuid"]})
    return named


def _place(address: str | None) -> tuple[int, ...] | None:
    """Domain, bus and device of a PCI address: NVML writes eight digits of the domain where others write four."""
    if not address:
        return None
    try:
        return tuple(int(part, 16) for part in address.partition(".")[0].split(":"))
    except ValueError:
        return None
