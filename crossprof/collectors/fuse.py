"""The fuse between our own code and the user's: what fails on our side is noted, and never reaches the training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType

from crossprof import settings
from crossprof.collectors.collector import ProfilerBusy, ProfilerUnsafe
from crossprof.errors import CollectorError

__all__ = ["Fuse", "Guard", "one_line"]

logger = logging.getLogger(__name__)


class Fuse:
    """Catches what a profiler raises: the first failure is logged once as a warning, each becomes a finding.

    Under CROSSPROF_STRICT=1 a failure is raised as CollectorError instead, after it was noted.
    """

    def __init__(self, note: Callable[[str, str, str, str | None], None]) -> None:
        self.is_blown = False
        self._note = note
        self._is_busy = False
        self._has_warned = False

    def guard(self, doing: str) -> Guard:
        """A context that contains whatever its body raises, but for the user's own KeyboardInterrupt and the like."""
        return Guard(self, doing)

    def blow(self, doing: str, error: Exception) -> None:
        """Note a failure."""
        code, severity, cure = _sort_of(error)
        self._is_busy = code == "profiler_busy" and (self._is_busy or not self.is_blown)
        detail = f"{doing.capitalize()} failed ({one_line(error)}). {cure}"
        self._note(code, severity, detail, "There is no complete trace; step times are unaffected.")
        if not self._has_warned:
            logger.warning("%s The training goes on unprofiled.", detail)
        self.is_blown = self._has_warned = True

    def mend(self) -> None:
        """Let another window try, where all that failed was that somebody else's profiler was on."""
        self.is_blown = self.is_blown and not self._is_busy


def _sort_of(error: Exception) -> tuple[str, str, str]:
    """Code and severity of the finding, and what to do."""
    if isinstance(error, ProfilerBusy):
        return "profiler_busy", "error", "Let one of the two profile at a time."
    if isinstance(error, ProfilerUnsafe):
        return "profiler_unsafe", "warning", "The step times are those of an undisturbed run."
    return "profiler_failed", "error", "CROSSPROF_STRICT=1 raises it with its traceback."


class Guard:
    """The context of one call into a profiler."""

    def __init__(self, fuse: Fuse, doing: str) -> None:
        self._fuse = fuse
        self._doing = doing

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self._fuse.blow(self._doing, error)
        if settings.is_on("CROSSPROF_STRICT"):
            raise CollectorError(f"{self._doing.capitalize()} failed ({one_line(error)}).") from error
        return True


def one_line(error: BaseException) -> str:
    """An exception as `Type: message`, on one line of at most 300 characters."""
    message = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
