"""The machine that traces are read on. psutil is imported when it is asked: most that is ingested need not wait for that."""

from __future__ import annotations

import os

__all__ = ["is_process", "memory_bytes", "processor_count"]


def memory_bytes() -> int:
    """All memory of the machine."""
    import psutil

    return int(psutil.virtual_memory().total)


def processor_count() -> int:
    """The processors that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_process(pid: int | None, *, started_ns: int | None) -> bool:
    """Whether the process lives and is not a later one under the same number."""
    import psutil

    try:
        process = psutil.Process(pid)
        is_later = started_ns is not None and process.create_time() > started_ns / 1e9 + 1
        return pid is not None and not is_later and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, OverflowError):
        return False
