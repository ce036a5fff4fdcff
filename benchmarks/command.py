"""What a command costs: wall and CPU time, and the memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil

__all__ = ["Measured", "ingest_command", "measure"]


@dataclass(frozen=True)
class Measured:
    """One command: wall and CPU time, the peak memory of its processes together, and the time that it says it took itself."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    own_s: float | None

    @property
    def counted_s(self) -> float:
        """The time that is compared: its own where it tells it."""
        return self.own_s or self.wall_s


def measure(command: list[str], *, may_fail: bool = False) -> Measured | None:
    """The cost of a command. None where it fails and may not, which is told on stderr."""
    before = _children_cpu()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = _Peak(process.pid)
    output, errors = process.communicate()
    wall = time.perf_counter() - start
    peak.stop()
    if process.returncode and not may_fail:
        print(f"{' '.join(command)[:80]}: {errors.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    own = [float(line.split()[1]) for line in output.splitlines() if line.startswith("seconds ")]
    return Measured(wall, _children_cpu() - before, peak.bytes, own[0] if own else None)


class _Peak:
    """Watches the memory of a process and its children.

    Which children there are is asked seldom: it takes a millisecond of a processor that the process may want.
    """

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=[pid], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self, pid: int) -> None:
        family: list[psutil.Process] = []
        for look in count():
            if self._is_over.wait(0.02):
                return
            if look % 10 == 0:
                with suppress(psutil.Error):
                    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            self.bytes = max(self.bytes, sum(map(_resident_bytes, family)))


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has ended
        return 0


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def ingest_command(path: Path, store: Path) -> list[str]:
    """The command that ingests a path into a store."""
    return [sys.executable, "-m", "crossprof", "ingest", str(path), "--store", str(store)]
