"""What the measured rows say to somebody who has to choose."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Decision", "Statement"]


@dataclass(frozen=True)
class Statement:
    """A sentence that rests on one measured row: its table and its place in it."""

    text: str
    table: str
    row: int


@dataclass(frozen=True)
class Decision:
    """What the measured rows say to somebody who has to choose, for one purpose: training, production, scaling or memory.

    Without a measured row there is no statement, and `lacking` says what to measure.
    """

    purpose: str
    title: str
    statements: tuple[Statement, ...]
    lacking: str
