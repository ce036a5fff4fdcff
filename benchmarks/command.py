"""What a command costs: wall and CPU time, and the memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Measured", "ingest_command", "measure"]

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


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
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        family = _Family(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        family.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (output, errors):
            stream.seek(0)
        if process.returncode and not may_fail:
            print(f"{' '.join(command)[:80]}: {errors.read().strip().splitlines()[-1:]}", file=sys.stderr)
            return None
        own = [float(line.split()[1]) for line in output if line.startswith("seconds ")]
    peak = max(family.bytes, usage.ru_maxrss * _RSS_UNIT)
    return Measured(wall, usage.ru_utime + usage.ru_stime, peak, own[0] if own else None)


class _Family:
    """Watches the memory of a process and its children together; of one alone the system keeps the peak itself.

    It looks ten times a second: to look takes a millisecond of a processor that the process may want.
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
        while not self._is_over.wait(0.1):
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                self.bytes = max(self.bytes, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue


def ingest_command(path: Path, store: Path) -> list[str]:
    """The command that ingests a path into a store."""
    return [sys.executable, "-m", "crossprof", "ingest", str(path), "--store", str(store)]
