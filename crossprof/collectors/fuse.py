"""The fuse between our own code and the user's: what fails on our side is noted, and never reaches the training."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crossprof import settings
from crossprof.collectors.collector import ProfilerBusy
from crossprof.errors import CollectorError

__all__ = ["Fuse"]

logger = logging.getLogger(__name__)


class Fuse:
    """Catches what a profiler raises: the first failure is logged once as a warning, each becomes a finding.

    Under CROSSPROF_STRICT=1 a failure is raised as CollectorError instead, after it was noted.
    """

    def __init__(self, note: Callable[[str, str, str, str | None], None]) -> None:
        self.is_blown = False
        self._note = note

    @contextmanager
    def guard(self, doing: str) -> Iterator[None]:
        """Contain whatever the body raises, but for the user's own KeyboardInterrupt and the like."""
        try:
            yield
        except Exception as error:
            self._blow(doing, error)
            if settings.is_on("CROSSPROF_STRICT"):
                raise CollectorError(f"{doing.capitalize()} failed ({one_line(error)}).") from error

    def _blow(self, doing: str, error: Exception) -> None:
        is_busy = isinstance(error, ProfilerBusy)
        cure = "Let one of the two profile at a time." if is_busy else "CROSSPROF_STRICT=1 raises it with its traceback."
        detail = f"{doing.capitalize()} failed ({one_line(error)}). {cure}"
        self._note(
            "profiler_busy" if is_busy else "profiler_failed",
            "error",
            detail,
            "There is no complete trace; step times are unaffected.",
        )
        if not self.is_blown:
            logger.warning("%s The training goes on unprofiled.", detail)
        self.is_blown = True


def one_line(error: BaseException) -> str:
    """An exception as `Type: message`, on one line of at most 300 characters."""
    message = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
