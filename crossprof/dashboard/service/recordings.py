"""Ingest of what training processes leave in a store's recordings/, while the dashboard serves."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

from crossprof.ingest import pending

__all__ = ["Watcher"]

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0
_TRIES = 3


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
            found = {path for path in pending(self._store_path) if self._tries.get(path, 0) < _TRIES}
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
