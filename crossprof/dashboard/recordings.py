"""Ingest of what training processes leave in a store's recordings/, while the dashboard serves."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import psutil

__all__ = ["Watcher", "finished_recordings"]

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0
_TRIES = 3


def finished_recordings(store_path: Path) -> list[Path]:
    """The rank folders in recordings/ that nobody writes to any more: ended, or their process on this machine is gone."""
    return [path.parent for path in sorted(store_path.glob("recordings/*/rank-*/run.json")) if _is_finished(path)]


def _is_finished(path: Path) -> bool:
    try:
        document = json.loads(path.read_bytes())
        if document["status"] != "running":
            return True
        boot_id = Path("/proc/sys/kernel/random/boot_id")
        is_here = boot_id.is_file() and boot_id.read_text().strip() == document["host"]["boot_id"]
        return is_here and not psutil.pid_exists(int(document["process"]["pid"]))
    except (OSError, ValueError, KeyError, TypeError):  # vanished meanwhile, or not a recording of ours
        return False


class Watcher(threading.Thread):
    """A thread that hands finished recordings to `crossprof ingest` in a child process, so that serving never waits for it.

    The child of the training process usually comes first; what it left over is taken here. A recording that failed
    three times is left alone: the next `crossprof ingest` tells why.
    """

    def __init__(self, store_path: Path) -> None:
        super().__init__(name="crossprof-recordings", daemon=True)
        self._store_path = store_path
        self._ended = threading.Event()
        self._tries: dict[Path, int] = {}
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Look every few seconds, until `close`. A recording is taken at the second look that finds it finished."""
        earlier: set[Path] = set()
        while not self._ended.wait(_EVERY_SECONDS):
            found = {path for path in finished_recordings(self._store_path) if self._tries.get(path, 0) < _TRIES}
            if waiting := sorted(found & earlier):
                self._ingest(waiting)
            earlier = found

    def close(self) -> None:
        """End the thread, and a child that is still at work; an ingest that is cut short leaves the store whole."""
        self._ended.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def _ingest(self, folders: list[Path]) -> None:
        for folder in folders:
            self._tries[folder] = self._tries.get(folder, 0) + 1
        command = [sys.executable, "-m", "crossprof", "ingest", "--store", str(self._store_path), *map(str, folders)]
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, complaint = self._child.communicate()
        if self._child.returncode and not self._ended.is_set():
            lines = complaint.decode(errors="replace").strip().splitlines()
            logger.warning("Ingest of %d recordings failed: %s", len(folders), lines[-1] if lines else "no message")
