"""How the ranks of a cell work together, as a framework offers it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALONE", "Strategy"]


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to spread data parallel work.

    Attributes:
        is_spread: Whether each rank is a process of its own, which is recorded; else one process is recorded for all of them.
        is_bound: Whether each such process keeps to processors of its own; else all of them keep to those of all.
        has_collectives: Whether ranks exchange by collectives, which traces then show.
        modes: The framework's modes that it works in; empty: all.
    """

    is_spread: bool = True
    is_bound: bool = True
    has_collectives: bool = True
    modes: tuple[str, ...] = ()


ALONE = Strategy(is_spread=False, has_collectives=False)
"""That of one rank."""
