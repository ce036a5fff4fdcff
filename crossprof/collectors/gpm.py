"""What the cores of an NVIDIA GPU did, from Hopper on: the GPU Performance Monitoring counters between two readings."""

from __future__ import annotations

import time
from typing import Any

from crossprof.collectors.fields import FieldAbsent, Reading

__all__ = ["Gpm"]

_METRICS = {
    2: "hw.gpu.sm.activity",
    3: "hw.gpu.sm.occupancy",
    5: "hw.gpu.tensor.activity",
    10: "hw.gpu.dram.activity",
}
_SHORTEST_S = 0.1
"""NVML asks for as much between two samples."""


class Gpm:
    """Shares of the time since the last reading, averaged over all cores: of the board, or of one GPU instance of it."""

    def __init__(self, nvml: Any, board: Any, *, instance: int | None) -> None:
        self._nvml = nvml
        self._board = board
        self._instance = instance
        self._samples: tuple[Any, Any] | None = None
        self._taken_at = 0.0

    def read(self) -> Reading:
        """Shares in 0..1; None in the first reading, and in one so soon after another that it would say nothing.

        Raises FieldAbsent: the device has no such counters.
        """
        if self._samples is None:
            self._samples = self._begin()
            return dict.fromkeys(_METRICS.values())
        if time.monotonic() - self._taken_at < _SHORTEST_S:
            return dict.fromkeys(_METRICS.values())
        earlier, later = self._samples
        self._take(later)
        self._samples = later, earlier
        asked = self._nvml.c_nvmlGpmMetricsGet_t()
        asked.version, asked.numMetrics = self._nvml.NVML_GPM_METRICS_GET_VERSION, len(_METRICS)
        asked.sample1, asked.sample2 = earlier, later
        for place, number in enumerate(_METRICS):
            asked.metrics[place].metricId = number
        told = self._nvml.nvmlGpmMetricsGet(asked).metrics
        return {
            name: told[place].value / 100 if told[place].nvmlReturn == self._nvml.NVML_SUCCESS else None
            for place, name in enumerate(_METRICS.values())
        }

    def _begin(self) -> tuple[Any, Any]:
        if not self._nvml.nvmlGpmQueryDeviceSupport(self._board).isSupportedDevice:
            raise FieldAbsent("no GPM counters")
        samples = self._nvml.nvmlGpmSampleAlloc(), self._nvml.nvmlGpmSampleAlloc()
        self._take(samples[0])
        return samples

    def _take(self, sample: Any) -> None:
        if self._instance is None:
            self._nvml.nvmlGpmSampleGet(self._board, sample)
        else:
            self._nvml.nvmlGpmMigSampleGet(self._board, self._instance, sample)
        self._taken_at = time.monotonic()
