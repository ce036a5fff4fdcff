"""What stands below a row: where the difference sits, what the survey says in words, what else to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from crossprof.dashboard import wording
from crossprof.dashboard.survey.draw import Draw, sentence
from crossprof.dashboard.survey.words import is_measured
from crossprof.store.composition import CategoryDifference, folded
from crossprof.survey.row import Row

__all__ = ["facts", "has_detail", "parts_of", "summary"]

T = TypeVar("T")
_MOST_PARTS = 10


def has_detail(row: Row) -> bool:
    """Whether there is more to say of a row than its cells do."""
    return is_measured(row) or bool(row.notes)


def summary(row: Row) -> str:
    """Why, in a sentence; what else opens where nothing tells why."""
    return wording.unbroken(row.why) if row.why else "Notes, hardware and SQL"


def facts(draw: Draw[T], row: Row) -> T:
    """Notes, the survey's own words, hardware and runs, by name."""
    return draw(
        "dl",
        *(part for name, text in _facts(row) for part in (draw("dt", name), draw("dd", *sentence(draw, text)))),
        class_="told",
    )


def _facts(row: Row) -> Iterator[tuple[str, str]]:
    for place, note in enumerate(row.notes):
        yield "" if place else "Note" if len(row.notes) == 1 else "Notes", note
    if row.claim is not None:
        yield "Survey", f"{row.claim.text} On {row.claim.hardware}." if row.claim.hardware else row.claim.text
    if row.hardware:
        yield "Here", row.hardware
    for name, side in (("PyTorch", row.base), ("Beside it", row.other)):
        if side is not None:
            count = len(side.run_ids)
            yield name, f"{side.run}, {count} run{'s' * (count != 1)}: {', '.join(side.run_ids)}"


def parts_of(row: Row) -> tuple[CategoryDifference, ...]:
    """The parts of the difference, few enough to read, and their sum, the step, as the last; none where nothing tells them."""
    return folded(row.parts, _MOST_PARTS)
