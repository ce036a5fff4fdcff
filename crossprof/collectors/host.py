"""The machine and this process, as psutil and the kernel tell."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["UNITS", "HostSampler", "cpu_device", "host_facts"]

_SHORTEST_S = 0.05
UNITS = {
    "process.cpu.utilization": "1",
    "process.memory.usage": "By",
    "process.memory.peak": "By",
    "system.cpu.utilization": "1",
    "system.memory.usage": "By",
}


def host_facts() -> dict[str, Any]:
    """Name, kernel's boot id, system, CPU and memory of the machine."""
    import psutil

    return {
        "name": platform.node(),
        "boot_id": _text("/proc/sys/kernel/random/boot_id"),
        "os": f"{platform.system()} {platform.release()}",
        "cpu_model": _cpu_model(),
        "cpu_count": _usable_cpus(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def cpu_device(host: dict[str, Any]) -> dict[str, Any]:
    """The row of the CPU among the devices."""
    model = host["cpu_model"]
    vendor = next((vendor for vendor in ("Intel", "AMD", "ARM", "Apple") if model and vendor in model), None)
    return {
        "device_id": -1,
        "kind": "cpu",
        "vendor": vendor,
        "model": model,
        "uuid": None,
        "memory_bytes": host["memory_bytes"],
        "compute_units": host["cpu_count"],
        "compute_capability": platform.machine(),
        "source": "framework",
    }


class HostSampler:
    """Readings of this process and its host. CPU utilizations are shares of all usable cores since the last reading."""

    source = "psutil"

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._cpus = _usable_cpus()
        self._process.cpu_percent(None)  # the first call has nothing to compare with
        psutil.cpu_percent(None)
        self._read_at = time.monotonic()

    def read(self) -> dict[str, float | None]:
        """One reading of every metric."""
        usage = self._process.memory_info().rss
        process, system = self._shares()
        return {
            "process.cpu.utilization": process,
            "process.memory.usage": usage,
            "process.memory.peak": peak_rss() or usage,
            "system.cpu.utilization": system,
            "system.memory.usage": self._psutil.virtual_memory().used,
        }

    def _shares(self) -> tuple[float | None, float | None]:
        """CPU time of the process and of the host over all usable cores, since the last reading.

        None so soon after it that the kernel's clock ticks, 10 ms each, would decide.
        """
        now = time.monotonic()
        if now - self._read_at < _SHORTEST_S:
            return None, None
        self._read_at = now
        return self._process.cpu_percent(None) / 100 / self._cpus, self._psutil.cpu_percent(None) / 100


def peak_rss() -> int | None:
    """The most memory that this process held at once, in bytes: the kernel's own high-water mark."""
    status = _text("/proc/self/status")
    if status:
        return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), None)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_model() -> str | None:
    lines = (_text("/proc/cpuinfo") or "").splitlines()
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
    return named or platform.processor() or None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None
