"""NVIDIA GPUs through NVML, the library of the driver: which of them this process sees, and a sampler for each."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from crossprof.collectors.fields import Fields
from crossprof.collectors.nvml_fields import UNITS, fields_of

__all__ = ["UNITS", "NvmlSampler", "bare_uuid", "nvml_samplers"]

logger = logging.getLogger(__name__)


class NvmlSampler:
    """Readings of one GPU, or of one MIG device of it. Raises NVMLError_GpuIsLost when the GPU fell off the bus."""

    def __init__(self, nvml: Any, handle: Any, *, index: int, board: Any = None) -> None:
        self.index = index
        self.device = _text(nvml.nvmlDeviceGetUUID(handle))
        self.model = _text(nvml.nvmlDeviceGetName(handle))
        self.source = "fake" if "FAKE" in self.model else "nvml"
        self.pci = None if board is not None else _pci(nvml, handle)
        self._nvml = nvml
        self._handle = handle
        self._board = handle if board is None else board
        instance = None if board is None else nvml.nvmlDeviceGetGpuInstanceId(handle)
        self._fields = Fields(
            fields_of(nvml, handle, board=self._board, instance=instance),
            errors=(nvml.NVMLError,),
            ends=(nvml.NVMLError_GpuIsLost,),
        )
        self.read, self.facts = self._fields.read, self._fields.facts

    def close(self) -> None:
        """Nothing to end: the library stays for others in the process."""

    def device_row(self, index: int) -> dict[str, Any]:
        """The GPU as a row of run.json's devices."""
        capability = memory = units = None
        with suppress(self._nvml.NVMLError):
            major, minor = self._nvml.nvmlDeviceGetCudaComputeCapability(self._board)
            capability = f"{major}.{minor}"
        with suppress(self._nvml.NVMLError):
            memory = int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).total)
        with suppress(self._nvml.NVMLError):  # of MIG devices alone
            units = int(self._nvml.nvmlDeviceGetAttributes(self._handle).multiprocessorCount)
        return {
            "device_id": index,
            "kind": "gpu",
            "vendor": "NVIDIA",
            "model": self.model,
            "uuid": self.device,
            "memory_bytes": memory,
            "compute_units": units,
            "compute_capability": capability,
            "source": self.source,
        }


def nvml_samplers(uuids: Sequence[str] = ()) -> list[NvmlSampler]:
    """A sampler for each GPU of these UUIDs, or of those visible to the process; empty without pynvml, driver or GPU.

    A UUID may lack its prefix, and a MIG device may have that of a GPU: frameworks do not tell the two apart.
    """
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        samplers = [one for index in range(pynvml.nvmlDeviceGetCount()) for one in _samplers_of(pynvml, index)]
    except Exception:  # no driver, no GPU, or a pynvml that is not NVIDIA's: telemetry goes on without
        logger.debug("NVML does not answer.", exc_info=True)
        return []
    wanted = {bare_uuid(uuid) for uuid in uuids}
    return [one for one in samplers if bare_uuid(one.device) in wanted] if wanted else _visible(samplers)


def bare_uuid(uuid: str) -> str:
    """A UUID without the prefix that tells a GPU from a MIG device."""
    return uuid.removeprefix("GPU-").removeprefix("MIG-").lower()


def _samplers_of(nvml: Any, index: int) -> Iterator[NvmlSampler]:
    """The GPU of an index, or its MIG devices where it is cut into some: CUDA then runs on these alone."""
    board = nvml.nvmlDeviceGetHandleByIndex(index)
    try:
        is_cut = nvml.nvmlDeviceGetMigMode(board)[0] == nvml.NVML_DEVICE_MIG_ENABLE
    except nvml.NVMLError:  # a GPU that can't be cut
        is_cut = False
    if not is_cut:
        yield NvmlSampler(nvml, board, index=index)
        return
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(board)):
        try:
            handle = nvml.nvmlDeviceGetMigDeviceHandleByIndex(board, place)
        except nvml.NVMLError_NotFound:
            continue
        yield NvmlSampler(nvml, handle, index=index, board=board)


def _visible(samplers: list[NvmlSampler]) -> list[NvmlSampler]:
    """Those that CUDA_VISIBLE_DEVICES names, by number or by the beginning of a UUID, in its order."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return samplers
    visible = []
    for part in filter(None, (part.strip() for part in listed.split(","))):
        visible += [one for one in samplers if part == str(one.index) or one.device.startswith(part)]
    return visible


def _pci(nvml: Any, handle: Any) -> str | None:
    try:
        return _text(nvml.nvmlDeviceGetPciInfo(handle).busId)
    except nvml.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
