"""A window that somebody asks for while the job runs: a file beside the recording, looked at in a thread of its own.

The training never waits for the file system: a step reads one attribute. A request names a step for all ranks to begin with, so
that their windows show the same work; a rank that is past it begins at once.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from crossprof.collectors.trigger import Trigger, Wish

__all__ = ["REQUEST_FILE", "OnDemand"]

logger = logging.getLogger(__name__)

REQUEST_FILE = "trigger.json"
"""In the folder of a rank: {"at_step": number or null, "steps": number or null, "asked_by": text}."""

_LOOK_EVERY_S = 0.25
_MOST_STEPS = 1000


class OnDemand(Trigger):
    """A trigger that `crossprof trigger` pulls."""

    def __init__(self, folder: Path) -> None:
        self._path = os.fspath(folder / REQUEST_FILE)
        self._request: tuple[int, Wish] | None = None
        self._due: tuple[int, Wish] | None = None
        self._taken: tuple[int, Wish] | None = None
        self._seen: tuple[int, int] | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="crossprof-trigger", daemon=True)

    def start(self) -> None:
        """Start to look for requests, four times a second."""
        self._thread.start()

    def stop(self) -> None:
        """Look no longer. A thread that a file system holds up is left behind."""
        self._stopped.set()

    def due(self, step: int) -> Wish | None:
        """From the step on that was asked for, until it is taken."""
        request = self._request
        if request is None or request is self._taken or step < request[0]:
            return None
        self._due = request
        return request[1]

    def taken(self, step: int) -> None:
        """Wait for another request, which the thread may have read meanwhile."""
        del step
        self._taken = self._due

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY_S):
            try:
                self.look()
            except Exception:  # a request that can't be read is none
                logger.debug("A request for a window can't be read.", exc_info=True)

    def look(self) -> None:
        """Read the request, if there is one that was not read before."""
        try:
            status = os.stat(self._path)  # noqa: PTH116 - four times a second: no Path is built
        except FileNotFoundError:
            return
        mark = (status.st_mtime_ns, status.st_ino)
        if mark != self._seen:
            text = Path(self._path).read_bytes()
            self._seen = mark  # only now: what could not be read is looked at again, what could not be understood is not
            self._request = _parsed(json.loads(text))


def _parsed(request: Any) -> tuple[int, Wish]:
    steps = request.get("steps")
    wanted = None if steps is None else max(1, min(int(steps), _MOST_STEPS))
    asked_by = str(request.get("asked_by") or "crossprof trigger")[:100]
    return int(request.get("at_step") or 0), Wish("demand", f"asked for by {asked_by}", wanted)
