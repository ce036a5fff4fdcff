"""A process of ours ends with the one that started it, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["FOLDER", "PARENT", "hold"]

PARENT = "_CROSSPROF_PARENT"
"""The variable that tells a process of ours who started it."""

FOLDER = "_CROSSPROF_FOLDER"
"""The variable that tells it where files may lie that it can not remove when it is killed: who started it does."""

_PARENT_DEATH_SIGNAL = 1


def hold() -> None:
    """Ask the kernel to kill this process when its parent dies, and end it at once where that has happened already.

    Elsewhere than on Linux nobody can be asked, and what is begun is brought to its end.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    started_by = os.environ.get(PARENT)
    if started_by and int(started_by) != os.getppid():
        os._exit(1)
