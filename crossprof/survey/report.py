"""The report: every table of the survey as it is measured here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crossprof._version import __version__
from crossprof.errors import CrossprofError
from crossprof.survey.decision import Decision, Statement, decisions
from crossprof.survey.measured import Measured
from crossprof.survey.names import machine
from crossprof.survey.repeats import Repeats, find
from crossprof.survey.table import Table
from crossprof.survey.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crossprof.store import Store

__all__ = ["Decision", "Report", "Statement", "Table", "report_of"]


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


def report_of(store: Store, *, bench: str | None = None) -> Report:
    """All tables, from the runs of a store that `crossprof bench` left: of each cell its latest session, or one session alone.

    A store without such runs gives the survey's rows, none of them measured. Raises CrossprofError: there is no such session.
    """
    measured = Measured(store, find(store, bench))
    if bench is not None and not measured.cells:
        raise CrossprofError(f"No run of the store is of the session '{bench}'. {_sessions(find(store))}")
    tables = tuple(table(measured) for table in TABLES)
    return Report(
        tables=tables,
        decisions=decisions(tables),
        hardware=tuple(dict.fromkeys(machine(cell) for cell in measured.cells)),
        software=_software(measured.cells),
        made_ns=time.time_ns(),
        version=__version__,
    )


def _sessions(cells: Sequence[Repeats]) -> str:
    known = ", ".join(sorted({cell.bench for cell in cells}))
    return f"It has {known}." if known else "It has none: `crossprof bench` makes one."


def _software(cells: Iterable[Repeats]) -> tuple[tuple[str, str], ...]:
    """Each package with its versions."""
    found: dict[str, dict[str, None]] = {}
    for cell in cells:
        for name, version in cell.versions.items():
            found.setdefault(name, {})[version] = None
    return tuple((name, ", ".join(versions)) for name, versions in sorted(found.items()))
