"""How text reaches people: tables with colour on a terminal, aligned plain columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "STYLES",
    "Column",
    "is_terminal",
    "plain_table",
    "print_card",
    "print_error",
    "print_line",
    "print_note",
    "print_table",
    "print_warning",
    "progress",
]

Cell = str | None
NO_VALUE = "-"
_NEVER_FOLDED = 24
_PADDING = 2
STYLES = {
    "better": "green",
    "good": "green",
    "passed": "green",
    "worse": "red",
    "broken": "red",
    "error": "red",
    "failed": "red",
    "usable": "yellow",
    "undecided": "yellow",
    "too_few": "yellow",
    "not_comparable": "yellow",
    "warning": "yellow",
}
"""Words that carry a judgement, and the colour that a terminal gives them. The word itself is always printed."""


@dataclass(frozen=True)
class Column:
    """The head of a column; numbers are set to the right."""

    name: str
    is_number: bool = False


def is_terminal() -> bool:
    """Whether stdout is a terminal, not a pipe or a file."""
    return sys.stdout.isatty()


def print_line(text: str = "") -> None:
    """Print one line on stdout."""
    click.echo(text)


def print_note(text: str) -> None:
    """Print one line on stderr, beside the answer."""
    click.echo(" ".join(text.split()), err=True)


def print_warning(text: str) -> None:
    """Print one line on stderr that says what was left undone."""
    print_note(f"crossprof: warning: {text}")


def print_error(text: str) -> None:
    """Print one line on stderr that says what failed."""
    print_note(f"crossprof: {text}")


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, title: str | None = None) -> None:
    """Print a table on stdout, under its title."""
    if is_terminal():
        console = _console()
        if title:
            console.print(f"\n{title}", style="bold")
        console.print(_table(columns, list(rows), console.width))
    else:
        click.echo((f"\n{title}\n" if title else "") + plain_table(columns, rows), nl=False)


def plain_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    """The table as text: a line a row, columns aligned and two spaces apart."""
    cells = [[column.name for column in columns], *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(_aligned, row, widths, columns)).rstrip() for row in cells)
    return "\n".join(lines) + "\n"


def print_card(title: str, lines: Sequence[str], *, style: str = "none") -> None:
    """Print what matters most: framed on a terminal, as plain lines in a pipe."""
    if not is_terminal():
        click.echo("\n".join((title, *lines)))
        return
    from rich.panel import Panel
    from rich.text import Text

    _console().print(Panel(Text("\n".join(lines)), title=Text(title, style="bold"), title_align="left", border_style=style))


@contextmanager
def progress(activity: str) -> Iterator[Callable[[str, int, int], None]]:
    """A function that is told what is worked on, how much is done, and of how much; it shows a line on a terminal's stderr."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = _console(to_stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(activity, total=None)
        yield lambda name, done, total: bar.update(task, description=f"{activity} {name}", completed=done, total=total)


def _console(*, to_stderr: bool = False) -> Console:
    """Text is never read as markup: the name of a run may hold brackets."""
    from rich.console import Console

    return Console(file=sys.stderr if to_stderr else sys.stdout, markup=False, emoji=False, highlight=False)


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> Table:
    """The table for a terminal. Short columns keep to one line as long as all of them fit."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    widths = [max(len(column.name), *(len(row[number] or "") for row in rows), 1) for number, column in enumerate(columns)]
    has_room = sum(min(each, _NEVER_FOLDED) + _PADDING for each in widths) <= width
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column, each in zip(columns, widths, strict=True):
        side: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(Text(column.name), justify=side, overflow="fold", no_wrap=has_room and each <= _NEVER_FOLDED)
    for row in rows:
        table.add_row(*(Text(cell or NO_VALUE, style=STYLES.get(cell or "", "")) for cell in row))
    return table


def _aligned(cell: str, width: int, column: Column) -> str:
    return cell.rjust(width) if column.is_number else cell.ljust(width)


def _one_line(cell: Cell) -> str:
    return " ".join(cell.split()) if cell else NO_VALUE
