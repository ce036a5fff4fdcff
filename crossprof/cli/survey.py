"""The report on the survey as people read it: a table each, with reasons below, and what they decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from crossprof.cli import terminal
from crossprof.cli.terminal import Column
from crossprof.dashboard.quantity import NONE, scale_for, significant
from crossprof.survey.names import title_of

if TYPE_CHECKING:
    from crossprof.survey.decision import Decision
    from crossprof.survey.report import Report
    from crossprof.survey.row import Claim, Figure, Row, Side
    from crossprof.survey.table import Table

__all__ = ["print_report"]

_NUMBERS = {"survey", "PyTorch", "other", "other / PyTorch", "95 % interval"}
_COLUMNS = (
    *("", "row", "metric", "survey", "PyTorch", "other", "framework"),
    *("other / PyTorch", "95 % interval", "verdict", "word"),
)


def print_report(report: Report) -> None:
    """Print the tables, then what they decide, then what they were measured on."""
    for table in report.tables:
        _print_table(table)
    if report.decisions:
        terminal.print_line("\nWhat the measured rows decide")
    for decision in report.decisions:
        _print_decision(decision)
    if report.hardware:
        terminal.print_line(f"\nHardware: {'; '.join(report.hardware)}")
        terminal.print_line(f"Software: {', '.join(f'{name} {version}' for name, version in report.software)}")
    else:
        terminal.print_line("\nNothing was measured yet: `crossprof bench --table all --size tiny` does so.")


def _print_table(table: Table) -> None:
    columns = [Column(name, is_number=name in _NUMBERS) for name in _COLUMNS]
    rows = [(str(number), *_cells(row)) for number, row in enumerate(table.rows, 1)]
    terminal.print_table(columns, rows, title=f"{table.title}: {table.question}")
    terminal.print_line(table.method)
    for text in (*_by_row(table.rows, lambda row: (row.because,)), *_by_row(table.rows, _explained)):
        terminal.print_line(f"  {text}")


def _cells(row: Row) -> Iterator[str]:
    yield row.label
    yield row.metric
    yield _claimed(row.claim)
    yield from (_side(side, row) for side in (row.base, row.other))
    yield title_of(row.other) if row.other else NONE
    yield _ratio(row.ratio.value if row.ratio else None)
    yield _interval(row.ratio)
    yield row.verdict
    yield row.word


def _claimed(claim: Claim | None) -> str:
    """The survey's figures, PyTorch's first; who is ahead where it gives none."""
    if claim is None:
        return NONE
    if claim.pytorch is not None and claim.tensorflow is not None:
        return f"{claim.pytorch:g} / {claim.tensorflow:g} {claim.unit}"
    if claim.ratio is not None:
        return f"× {claim.ratio:g}"
    return f"{'PyTorch' if claim.ahead == 'pytorch' else 'TensorFlow'} ahead"


def _side(side: Side | None, row: Row) -> str:
    """Its figure with the interval, in the unit that both sides share."""
    if side is None or side.figure is None:
        return NONE
    figure = side.figure
    scale = scale_for(figure.unit, [one.figure.value for one in (row.base, row.other) if one and one.figure])
    if figure.ci_low is None or figure.ci_high is None:
        return scale.full(figure.value)
    return f"{scale.full(figure.value)} [{scale.text(figure.ci_low)}, {scale.text(figure.ci_high)}]"


def _interval(figure: Figure | None) -> str:
    if figure is None or figure.ci_low is None or figure.ci_high is None:
        return NONE
    return f"[{_ratio(figure.ci_low)}, {_ratio(figure.ci_high)}]"


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}" if 0.01 <= value < 10 else significant(value)


def _explained(row: Row) -> Sequence[str]:
    """Where the difference sits, and what else to know."""
    return (*([row.why] if row.why else []), *row.notes)


def _by_row(rows: Sequence[Row], told: Callable[[Row], Iterable[str]]) -> Iterator[str]:
    """Each sentence once, after the numbers of the rows that it is of."""
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(rows, 1):
        for sentence in told(row):
            numbers.setdefault(sentence, []).append(number)
    return (f"{', '.join(map(str, of))}: {sentence}" for sentence, of in numbers.items())


def _print_decision(decision: Decision) -> None:
    terminal.print_line(f"{decision.title}")
    for statement in decision.statements:
        terminal.print_line(f"  {statement.text} ({statement.table}, row {statement.row + 1})")
    if decision.lacking:
        terminal.print_line(f"  {decision.lacking}")
