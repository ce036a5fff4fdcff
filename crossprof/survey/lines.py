"""How a row is made: of two sides, of one, or of a claim that nothing here was measured for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crossprof.survey.claims import claims_of
from crossprof.survey.contrast import NOT_MEASURED, Contrast, contrast
from crossprof.survey.measure import Measure, Reading, Sides
from crossprof.survey.measured import Measured
from crossprof.survey.names import machine
from crossprof.survey.repeats import Repeats
from crossprof.survey.row import Claim, Row, Side, Word
from crossprof.survey.word import word_of

__all__ = ["Line", "line", "unmeasured"]

_CANNOT: Word = "cannot tell here"
_SIZE_NAMES = {"tiny", "small", "base"}


@dataclass(frozen=True)
class Line:
    """What a row is asked to hold.

    Attributes:
        base: PyTorch's cells as in `Sides`; empty where it was not measured.
        other: The cells beside it; empty where nothing was measured.
        notes: What to know beside what the comparison notes.
    """

    label: str
    measure: Measure
    base: Sequence[Repeats]
    other: Sequence[Repeats]
    claim: Claim | None
    notes: tuple[str, ...] = ()


def line(measured: Measured, asked: Line) -> Row:
    """The row: figures from the store, how they stand, and the word."""
    sides: Sides = {name: cells for name, cells in (("base", asked.base), ("other", asked.other)) if cells}
    readings = asked.measure.read(measured.store, sides)
    found, word, because = _stand(measured, asked, readings)
    shown = (asked.other or asked.base)[0]
    return Row(
        label=asked.label,
        model=shown.model,
        size=shown.size,
        metric=asked.measure.metric,
        base=_side(asked.base, readings.get("base")),
        other=_side(asked.other, readings.get("other")),
        ratio=found.ratio,
        claim=asked.claim,
        word=word,
        because=because,
        verdict=found.verdict,
        why=found.why,
        parts=found.parts,
        notes=(*([asked.measure.note] if asked.measure.note else []), *asked.notes, *found.notes),
        hardware=machine(shown),
        sql=asked.measure.query(sides),
    )


def _stand(measured: Measured, asked: Line, readings: Mapping[str, Reading]) -> tuple[Contrast, Word, str]:
    if asked.base and asked.other:
        found = contrast(measured, asked.measure, asked.base, asked.other, readings)
        return found, *word_of(asked.claim, asked.measure.metric, asked.other[0], found)
    lacking = "TensorFlow" if asked.base else "PyTorch"
    return Contrast(None, NOT_MEASURED), _CANNOT, f"Not measured: {lacking}, on this hardware, with this model and size."


def _side(cells: Sequence[Repeats], reading: Reading | None) -> Side | None:
    if not cells:
        return None
    shown = cells[0]
    return Side(shown.run, shown.run_ids, shown.framework, shown.mode, reading.figure if reading else None, shown.strategy)


def unmeasured(table: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """A row for each claim of a table that none of the rows has beside it."""
    told = {row.claim for row in rows}
    return tuple(_asked(claim) for claim in claims_of(table) if claim not in told)


def _asked(claim: Claim) -> Row:
    size = claim.size if claim.size in _SIZE_NAMES else "survey"
    return Row(
        label=claim.label,
        model=claim.model,
        size=claim.size,
        metric=claim.metric,
        base=None,
        other=None,
        ratio=None,
        claim=claim,
        word=_CANNOT,
        because=f"Not measured. On {_needed(claim)}: `crossprof bench --table {claim.table} --size {size}`.",
        verdict=NOT_MEASURED,
        why="",
        parts=(),
        notes=(),
        hardware="",
        sql="",
    )


def _needed(claim: Claim) -> str:
    what = claim.hardware if claim.hardware != "GPU" else "GPUs"
    if claim.devices > 1:
        return f"{claim.devices} {what.removesuffix('s')}s"
    article = "an" if what[0] in "AH" else "a"
    return "GPUs that hold it" if what == "GPUs" else f"{article} {what}"
