"""The processors that this process may use. Every framework starts as many threads as these."""

from __future__ import annotations

import os

from crossprof.errors import CrossprofError

__all__ = ["keep_to", "processors", "share"]


def processors() -> list[int]:
    """Their numbers. Where the system does not tell, all of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def share(available: list[int], rank: int, *, ranks: int, cores: int) -> list[int]:
    """The processors of one of `ranks`: `cores` of its own; 0: an equal share, or all of them where there are fewer than ranks.

    Raises:
        CrossprofError: There are not as many.
    """
    if not cores and len(available) < ranks:
        return available
    each = cores or len(available) // ranks
    if each * ranks > len(available):
        raise CrossprofError(f"{ranks} ranks of {each} processors need {each * ranks}, and there are {len(available)}.")
    return available[rank * each : (rank + 1) * each]


def keep_to(numbers: list[int]) -> None:
    """Keep this process, and the threads it starts from here on, to some processors, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, numbers)
