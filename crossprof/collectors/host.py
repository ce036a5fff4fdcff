"""The machine and this process, as psutil and the kernel tell."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Any

from crossprof.collectors import cgroup
from crossprof.collectors.cgroup import Cgroup, text_of
from crossprof.collectors.fields import FieldAbsent, Fields, Reading

__all__ = ["UNITS", "HostSampler", "cpu_device", "host_facts"]

_SHORTEST_S = 0.05
_SLOW_S = 1.0
UNITS = {
    "process.cpu.utilization": "1",
    "process.memory.usage": "By",
    "process.memory.peak": "By",
    "process.thread.count": "{thread}",
    "process.disk.io.read": "By",
    "process.disk.io.write": "By",
    "system.cpu.utilization": "1",
    "system.memory.usage": "By",
    "system.disk.io.read": "By",
    "system.disk.io.write": "By",
    "system.network.io.receive": "By",
    "system.network.io.transmit": "By",
    **cgroup.UNITS,
}


def host_facts() -> dict[str, Any]:
    """Name, kernel's boot id, system, CPU and memory of the machine, and what its control groups leave to this process."""
    import psutil

    limits = Cgroup()
    return {
        "name": platform.node(),
        "boot_id": text_of(Path("/proc/sys/kernel/random/boot_id")),
        "os": f"{platform.system()} {platform.release()}",
        "cpu_model": _cpu_model(),
        "cpu_count": _usable_cpus(),
        "memory_bytes": psutil.virtual_memory().total,
        "cpu_limit": limits.cpu_limit(),
        "memory_limit_bytes": limits.memory_limit(),
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
    """Readings of this process and its host. CPU utilizations are shares of the time since the last reading.

    That of the process is of the cores that affinity and control groups leave it: where it may use two of many, 1 is both.
    """

    source = "psutil"
    device: str | None = None

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        groups = Cgroup()
        self._cpus = min(_usable_cpus(), groups.cpu_limit() or float("inf"))
        self._compared: set[int] = set()
        self._read_at = self._slow_at = time.monotonic()
        self._spent = time.process_time()
        errors = (OSError, AttributeError, NotImplementedError, ValueError, psutil.Error)  # what psutil raises in sandboxes
        self._quick = Fields({"process cpu": self._process_cpu, "process memory": self._process_memory}, errors=errors)
        slow = {
            "cpu": self._host_cpu,
            "memory": lambda: {"system.memory.usage": self._psutil.virtual_memory().used},
            "threads": lambda: {"process.thread.count": self._process.num_threads()},
            "process disk": self._process_disk,
            "disk": self._disk,
            "network": self._network,
            "control group": groups.read,
        }
        self._slow = Fields(slow, errors=errors)

    def read(self) -> dict[str, float | None]:
        """CPU and memory of the process; once a second what the kernel makes text of in dozens of lines."""
        values = self._quick.read()
        now = time.monotonic()
        if now - self._slow_at >= _SLOW_S:
            self._slow_at = now
            values |= self._slow.read()
        return values

    def facts(self) -> dict[str, dict[str, Any]]:
        """What became of each field."""
        return self._quick.facts() | self._slow.facts()

    def close(self) -> None:
        """Nothing to end."""

    def _host_cpu(self) -> Reading:
        """The share of all cores since the last reading by this thread: psutil keeps one for each, and says 0 without."""
        share, thread = self._psutil.cpu_percent(None) / 100, threading.get_ident()
        is_first = thread not in self._compared
        self._compared.add(thread)
        return {"system.cpu.utilization": None if is_first else share}

    def _process_cpu(self) -> Reading:
        """CPU time of all threads over all usable cores, since the last reading; None so soon after it that chance decides."""
        now, spent = time.monotonic(), time.process_time()
        if now - self._read_at < _SHORTEST_S:
            return {"process.cpu.utilization": None}
        share = (spent - self._spent) / (now - self._read_at) / self._cpus
        self._read_at, self._spent = now, spent
        return {"process.cpu.utilization": share}

    def _process_memory(self) -> Reading:
        usage, peak = _resident()
        return {
            "process.memory.usage": self._process.memory_info().rss if usage is None else usage,
            "process.memory.peak": peak or usage,
        }

    def _process_disk(self) -> Reading:
        moved = self._process.io_counters()  # macOS has none
        return {"process.disk.io.read": moved.read_bytes, "process.disk.io.write": moved.write_bytes}

    def _disk(self) -> Reading:
        moved = self._psutil.disk_io_counters()
        if moved is None:
            raise FieldAbsent("no disk")
        return {"system.disk.io.read": moved.read_bytes, "system.disk.io.write": moved.write_bytes}

    def _network(self) -> Reading:
        """All interfaces but the loopback: what processes of one host send each other is no traffic of the machine."""
        moved = self._psutil.net_io_counters(pernic=True)
        outward = [one for name, one in moved.items() if not name.startswith("lo")]
        return {
            "system.network.io.receive": sum(one.bytes_recv for one in outward),
            "system.network.io.transmit": sum(one.bytes_sent for one in outward),
        }


def _resident() -> tuple[int | None, int | None]:
    """The memory that this process holds, and the most that it held at once by the kernel's own mark, in bytes."""
    status = text_of(Path("/proc/self/status"))
    if status:
        held = {name: int(rest.split()[0]) * 1024 for name, _, rest in _marks(status)}
        return held.get("VmRSS"), held.get("VmHWM")
    try:
        import resource
    except ImportError:  # Windows
        return None, None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None, peak if sys.platform == "darwin" else peak * 1024


def _marks(status: str) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in status.splitlines() if line.startswith(("VmHWM", "VmRSS"))]


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_model() -> str | None:
    lines = (text_of(Path("/proc/cpuinfo")) or "").splitlines()
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
    return named or platform.processor() or None
