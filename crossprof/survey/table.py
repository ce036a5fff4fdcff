"""A table of the survey, as it is measured here."""

from __future__ import annotations

from dataclasses import dataclass

from crossprof.survey.row import Row

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """One table of the survey.

    Attributes:
        name: training, utilization, memory, precision, scaling, latency or throughput.
        title: As people read it.
        question: What the table answers, in a sentence.
        method: What is measured, and what a ratio means, in a sentence or two.
    """

    name: str
    title: str
    question: str
    method: str
    rows: tuple[Row, ...]
