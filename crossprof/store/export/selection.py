"""What of a run is exported: which ranks, and of each which stretch of time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crossprof.errors import CrossprofError
from crossprof.store.store import Store

__all__ = ["RankWindow", "Selection", "chosen"]

_STEPS = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")
_ALWAYS = -(2**62), 2**62
_RANKS = "SELECT rank, coalesce(clock_offset_ns, 0) AS offset_ns FROM rank WHERE run_id = ? ORDER BY rank"
_STEPS_OF = """
    SELECT rank, min(start_ns) AS first_ns, max(start_ns + dur_ns) AS last_ns FROM step
    WHERE run_id = ? AND step BETWEEN ? AND ? GROUP BY rank
"""


@dataclass(frozen=True)
class RankWindow:
    """A rank and the stretch of its own time of which all that starts is taken; `offset_ns` brings it onto the run's clock."""

    rank: int
    first_ns: int
    last_ns: int
    offset_ns: int


@dataclass(frozen=True)
class Selection:
    """The ranks and the steps that a user wants, all by default. `steps` is the first and the last one."""

    rank: int | None = None
    steps: tuple[int, int] | None = None

    @classmethod
    def parsed(cls, rank: int | None, steps: str | None) -> Selection:
        """The selection that texts such as 3 or 3-5 name. Raises CrossprofError."""
        if not steps:
            return cls(rank)
        match = _STEPS.fullmatch(steps.strip())
        if match is None:
            raise CrossprofError(f"'{steps}' is no step: name one, such as 3, or the first and the last, such as 3-5.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise CrossprofError(f"'{steps}' ends before it begins: name the first step, then the last.")
        return cls(rank, (first, last))


def chosen(store: Store, run_id: str, selection: Selection) -> list[RankWindow]:
    """The windows of a run that a selection means. Raises CrossprofError where it has no such rank or step."""
    offsets = dict(zip(*store.arrow(_RANKS, [run_id]).to_pydict().values(), strict=True))
    if selection.rank is not None and selection.rank not in offsets:
        raise CrossprofError(f"{run_id} has no rank {selection.rank}: it has {_listed(offsets)}.")
    ranks = list(offsets) if selection.rank is None else [selection.rank]
    if selection.steps is None:
        return [RankWindow(rank, *_ALWAYS, offsets[rank]) for rank in ranks]
    rows = store.arrow(_STEPS_OF, [run_id, *selection.steps]).to_pylist()
    spans = {row["rank"]: (row["first_ns"], row["last_ns"]) for row in rows}
    found = [RankWindow(rank, *spans[rank], offsets[rank]) for rank in ranks if rank in spans]
    if not found:
        first, last = selection.steps
        named = f"no step {first}" if first == last else f"none of the steps {first} to {last}"
        raise CrossprofError(f"{run_id} has {named} there. {_known(store, run_id)}")
    return found


def _known(store: Store, run_id: str) -> str:
    ((first, last),) = store.sql("SELECT min(step), max(step) FROM step WHERE run_id = ?", [run_id]).fetchall()
    return "It has no steps." if first is None else f"Its steps are {first} to {last}."


def _listed(ranks: dict[int, int]) -> str:
    return "none" if not ranks else f"rank {next(iter(ranks))}" if len(ranks) == 1 else f"ranks {min(ranks)} to {max(ranks)}"
