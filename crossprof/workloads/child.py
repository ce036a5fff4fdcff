"""Processes of our own, each of which does one thing and leaves its result in a file: frameworks are loaded there.

Each holds the lifeline to this process, so that none works on when this one is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from crossprof.errors import CrossprofError
from crossprof.workloads.lifeline import FOLDER, PARENT

__all__ = ["Child", "TooLong", "start", "wait"]

_NOT_OURS = ("CROSSPROF_RUN_ID", "TF_CONFIG", "RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "KERAS_BACKEND")
"""What a surrounding job may have set, and what would make ours a part of it."""


class TooLong(CrossprofError):
    """Processes that took longer than they may were ended."""


class Child:
    """A process, and the file that its words went to, in a folder that holds whatever else it leaves."""

    def __init__(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        package = os.fspath(Path(__file__).parents[2])
        found_by = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package]))
        around = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**around, **environment, "PYTHONPATH": found_by, PARENT: str(os.getpid()), FOLDER: str(log.parent)},
            )

    def last_words(self) -> str:
        """The last line that it wrote, which is the error where it failed. One that was killed could not say what for."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        code = self.process.returncode or 0
        if code < 0:
            why = ", as the system does where memory runs out" if -code == signal.SIGKILL else ""
            return f"it was ended by {signal.Signals(-code).name}{why}" + (f"; its last words: {lines[-1]}" if lines else "")
        return lines[-1] if lines else f"it ended with code {code}, without a word"


def start(module: str, arguments: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Child:
    """Run `python -m MODULE ARGUMENTS` with further variables."""
    return Child(module, arguments, environment, log)


def wait(children: Sequence[Child], *, what: str, timeout_s: float) -> None:
    """Wait for all of them. Where one fails, or the time is over, all are ended.

    Raises:
        CrossprofError: One failed; the message has its last words.
        TooLong: The time is over.
    """
    deadline = time.monotonic() + timeout_s
    try:
        while any(child.process.poll() is None for child in children):
            _raise_failed(children, what)
            if time.monotonic() > deadline:
                raise TooLong(f"{what} took more than {timeout_s:g} s and was ended.")
            time.sleep(0.05)
        _raise_failed(children, what)
    finally:
        for child in children:
            if child.process.poll() is None:
                child.process.kill()
            child.process.wait()


def _raise_failed(children: Sequence[Child], what: str) -> None:
    failed = [child for child in children if child.process.poll()]
    if failed:
        first = min(failed, key=lambda child: child.process.returncode)  # one that was killed, of which others may complain
        raise CrossprofError(f"{what} failed: {first.last_words()}")
