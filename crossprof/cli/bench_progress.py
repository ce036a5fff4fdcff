"""How far a bench is: a bar on a terminal, a line for each run in a pipe. On stderr, beside the answer."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from crossprof.cli.terminal import print_note, print_warning

if TYPE_CHECKING:
    from crossprof.bench.runner import Progress

__all__ = ["progress_of", "told_time"]


_MINUTES_FROM_S, _HOURS_FROM_S = 90, 2 * 3600
_PER_SECOND = 1
"""How often the line is drawn: what draws takes from what is measured."""


def progress_of() -> Progress:
    """The one that suits stderr."""
    return _Bar() if sys.stderr.isatty() else _Lines()


def told_time(seconds: float) -> str:
    """A time as people say it."""
    if seconds < _MINUTES_FROM_S:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < _HOURS_FROM_S else f"about {seconds / 3600:.1f} h"


class _Lines:
    """A line when something is begun, with the time that is left, and one where it failed."""

    def begin(self, what: str, *, remaining_s: float) -> None:
        """See Progress."""
        print_note(f"{time.strftime('%H:%M:%S')} {what} ({told_time(remaining_s)} left)")

    def end(self, seconds: float) -> None:
        """See Progress."""
        print_note(f"{time.strftime('%H:%M:%S')} done in {seconds:.1f} s")

    def fail(self, what: str, reason: str) -> None:
        """See Progress."""
        print_warning(f"{what} failed: {reason}")

    def warn(self, text: str) -> None:
        """See Progress."""
        print_warning(text)

    def close(self) -> None:
        """See Progress."""


class _Bar(_Lines):
    """One line that tells what is run, for how long, and what is left; gone once it is done."""

    def __init__(self) -> None:
        self._status: Any = None

    def begin(self, what: str, *, remaining_s: float) -> None:
        """See Progress."""
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._stop()
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._status = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=_PER_SECOND)
        self._status.add_task(f"{what} ({told_time(remaining_s)} left)", total=None)
        self._status.start()

    def end(self, seconds: float) -> None:
        """See Progress."""
        del seconds
        self._stop()

    def fail(self, what: str, reason: str) -> None:
        """See Progress."""
        self._stop()
        super().fail(what, reason)

    def warn(self, text: str) -> None:
        """See Progress."""
        self._stop()
        super().warn(text)

    def close(self) -> None:
        """See Progress. What draws has hidden the cursor, which must come back."""
        self._stop()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
