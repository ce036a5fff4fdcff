"""Why two sides of a row differ, and what stands against comparing them: sentences of the comparison, told by frameworks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crossprof.store.compare import Comparison, RunDifference
from crossprof.survey.measured import Measured
from crossprof.survey.names import title_of
from crossprof.survey.repeats import Repeats

__all__ = ["against", "against_within", "between", "notes", "within"]

_ONE_REPEAT = "One repeat of a side: how much repeats differ is not known, and not in the interval."
_SESSIONS = "What is compared was measured in different sessions."


def between(comparison: Comparison, base: Repeats, other: Repeats) -> str:
    """Where the difference of the step times of two cells sits, or why that is not known; empty where nothing tells."""
    (difference,) = comparison.others
    return _named(difference.why or difference.apart, comparison, base, other)


def within(measured: Measured, base: Sequence[Repeats], other: Sequence[Repeats]) -> str:
    """Of figures that are made of two cells: what tells those of each side apart."""
    told = []
    for own, reference in (base[:2], other[:2]):
        comparison = measured.comparison(reference, own)
        if sentence := comparison.others[0].why:
            told.append(f"{title_of(own)}: {_named(sentence, comparison, reference, own)}")
    return " ".join(told)


def against(comparison: Comparison, base: Repeats, other: Repeats) -> Iterator[str]:
    """Why step times are not compared."""
    for note in comparison.others[0].notes:
        if note.startswith("step times:"):
            yield f"Not compared in {_named(note, comparison, base, other)}."


def against_within(measured: Measured, side: Sequence[Repeats]) -> Iterator[str]:
    """Why the step times of the two cells that a figure is made of are not compared."""
    own, reference = side[:2]
    for sentence in against(measured.comparison(reference, own), reference, own):
        yield f"{title_of(own)}: {sentence}"


def notes(cells: Sequence[Repeats], difference: RunDifference) -> Iterator[str]:
    """What makes the two sides different jobs, as far as both tell it; and what to know of any of their cells."""
    for one in difference.unlike:
        if "unknown" not in one and not one.startswith("world_size"):  # that of processes: of ranks both have as many
            yield f"Not alike in {one}."
    if len({cell.bench for cell in cells}) > 1:
        yield _SESSIONS
    if min(len(cell.run_ids) for cell in cells) == 1:
        yield _ONE_REPEAT
    if loaded := sum(cell.loaded for cell in cells):
        runs = sum(len(cell.run_ids) for cell in cells)
        yield f"The machine was busy with other work at the start of {loaded} of the {runs} runs."


def _named(text: str, comparison: Comparison, base: Repeats, other: Repeats) -> str:
    """The text with frameworks, or with what else differs, in the place of the names of the runs."""
    if (base.framework, base.mode) == (other.framework, other.mode):
        names = [_distinction(cell, base, other) for cell in (base, other)]
    else:
        names = [title_of(cell) for cell in (base, other)]
    runs = comparison.base, comparison.others[0].run
    for run, name in sorted(zip(runs, names, strict=True), key=lambda pair: -len(pair[0])):
        text = text.replace(run, name)
    return text


def _distinction(cell: Repeats, base: Repeats, other: Repeats) -> str:
    if base.world_size != other.world_size:
        return "one rank" if cell.world_size == 1 else f"{cell.world_size} ranks"
    return cell.precision if base.precision != other.precision else cell.strategy
