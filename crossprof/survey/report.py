"""The report: every table of the survey as it is measured here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crossprof.survey.row import Row

__all__ = ["Decision", "Report", "Statement", "Table"]


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


@dataclass(frozen=True)
class Report:
    """All tables, and what they say to somebody who has to choose.

    Attributes:
        hardware: The machines that were measured on.
        software: Versions of the frameworks, by package.
        made_ns: When the report was made, in unix nanoseconds.
    """

    tables: tuple[Table, ...]
    decisions: tuple[Decision, ...]
    hardware: tuple[str, ...]
    software: tuple[tuple[str, str], ...]
    made_ns: int
    version: str

    def to_json(self) -> dict[str, Any]:
        """The report as scripts read it: {tables: [{table, rows: [...]}], decisions: [...], ...}."""
        return {
            "tables": [
                {
                    "table": table.name,
                    "title": table.title,
                    "question": table.question,
                    "method": table.method,
                    "rows": [row.to_json() for row in table.rows],
                }
                for table in self.tables
            ],
            "decisions": [
                {**vars(one), "statements": [vars(statement) for statement in one.statements]} for one in self.decisions
            ],
            "hardware": list(self.hardware),
            "software": dict(self.software),
            "made_ns": self.made_ns,
            "version": self.version,
        }
