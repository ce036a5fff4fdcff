"""TPUs through libtpu's monitoring, read by a process of its own: it may hang, and take the process that loads it with it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from crossprof.collectors.fields import Fields, Reading

__all__ = ["UNITS", "TpuReader", "TpuSampler", "tpu_samplers"]

UNITS = {
    "hw.tpu.utilization": "1",
    "hw.tpu.tensorcore.utilization": "1",
    "hw.tpu.memory.bandwidth.utilization": "1",
    "hw.tpu.memory.usage": "By",
    "hw.tpu.memory.limit": "By",
    "hw.tpu.throttle": "1",
}

_METRICS = {
    "duty_cycle_pct": ("hw.tpu.utilization", 0.01),
    "tensorcore_util": ("hw.tpu.tensorcore.utilization", 0.01),
    "hbm_util": ("hw.tpu.memory.bandwidth.utilization", 0.01),
    "hbm_capacity_usage": ("hw.tpu.memory.usage", 1.0),
    "hbm_capacity_total": ("hw.tpu.memory.limit", 1.0),
    "tpu_throttle_score": ("hw.tpu.throttle", 0.1),
}
"""libtpu's metric to ours, and what its number is multiplied by. A score of 1 to 10 means held back by 10 to 100 %."""

_INTERVAL_S = 1.0
_READER = Path(__file__).with_name("tpu_reader.py")


class TpuReader:
    """The process that reads, and the last that it told. Raises EOFError once it is gone."""

    def __init__(self, *, patience_s: float = 10.0) -> None:
        # Without this the library asks a server that only Google's cloud has, sixty seconds long.
        environment = {"TPU_SKIP_MDS_QUERY": "1", **os.environ}
        command = [sys.executable, "-P", os.fspath(_READER), str(_INTERVAL_S), str(patience_s), *_METRICS]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)
        self._unread = b""
        self.told: dict[str, list[str]] = {}

    def update(self) -> None:
        """Take in what was printed since the last time."""
        with suppress(BlockingIOError):
            while read := os.read(self._output, 1 << 16):
                self._unread += read
            raise EOFError("libtpu's monitoring hung or broke, and its process ended")
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            if line.startswith(b"{"):  # libtpu prints lines of its own
                self.told = json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # a driver may hold it: the training does not wait for that
            self._process.wait(timeout=1)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class TpuSampler:
    """Readings of one chip, by its number on the host."""

    source = "libtpu"
    pci: str | None = None

    def __init__(self, reader: TpuReader, chip: int, *, chips: int) -> None:
        self.device = f"TPU-{chip}"
        self._reader = reader
        self._chip = chip
        self._chips = chips
        self._fields = Fields({"monitoring": self._reading})
        self.read, self.facts = self._fields.read, self._fields.facts

    def close(self) -> None:
        """End the process that reads; once is enough for all chips."""
        self._reader.close()

    def device_row(self, index: int) -> dict[str, Any]:
        """The chip as a row of run.json's devices."""
        empty = dict.fromkeys(("model", "memory_bytes", "compute_units", "compute_capability"))
        return {
            "device_id": index,
            "kind": "tpu",
            "vendor": "Google",
            "uuid": self.device,
            **empty,
            "source": self.source,
        }

    def _reading(self) -> Reading:
        self._reader.update()
        reading = {}
        for name, (metric, factor) in _METRICS.items():
            own = self._own(self._reader.told.get(name, []))
            if own:
                reading[metric] = sum(own) / len(own) * factor
        return reading

    def _own(self, told: list[str]) -> list[float]:
        """What is told of this chip: one number, or one for each of its cores. Nothing where it is told of other chips alone.

        A number may follow the name of its device, as in `0-3`.
        """
        each = len(told) // self._chips
        if not each or len(told) % self._chips:
            return []
        return [float(text.rpartition("-")[2]) for text in told[self._chip * each : (self._chip + 1) * each]]


def tpu_samplers() -> list[TpuSampler]:
    """A sampler for each TPU chip of this host; empty, and nothing is loaded or started, without a chip or libtpu."""
    chips = _chips(Path("/dev"))
    if not chips or importlib.util.find_spec("libtpu") is None:
        return []
    reader = TpuReader()
    return [TpuSampler(reader, chip, chips=chips) for chip in range(chips)]


def _chips(devices: Path) -> int:
    """How many chips this host has: newer kinds come through vfio."""
    return len(list(devices.glob("accel[0-9]*"))) or len(list(devices.glob("vfio/[0-9]*")))
