"""One line of a table: a claim of the survey, what was measured here, and one word for how the two stand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from crossprof.store.composition import CategoryDifference

__all__ = ["Claim", "Figure", "Row", "Side", "Word"]

Word = Literal["supports", "contradicts", "cannot tell here"]


@dataclass(frozen=True)
class Figure:
    """A measured number with its 95 % interval, None where too little was measured for one.

    Attributes:
        n: Samples that it rests on: steps of all repeats, or the repeats where a run gives one number.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    unit: str
    n: int


@dataclass(frozen=True)
class Claim:
    """A figure of the survey: a row of claims.csv.

    Attributes:
        pytorch: PyTorch's figure in `unit`; None where the survey gives none, or only a ratio.
        tensorflow: TensorFlow's.
        ratio: TensorFlow over PyTorch; None for a claim without figures.
        hardware: What the survey measured on, as it says.
        text: The claim in words.
        metric: The metric that it is measured by here.
        ahead: Who has the better figure: pytorch or tensorflow.
        batch: Samples at a time; None where the survey does not say.
        devices: How many of them.
    """

    table: str
    label: str
    model: str
    size: str
    pytorch: float | None
    tensorflow: float | None
    ratio: float | None
    unit: str
    hardware: str
    text: str
    metric: str = ""
    ahead: str = "pytorch"
    batch: int | None = None
    devices: int = 1


@dataclass(frozen=True)
class Side:
    """The runs of one framework in a row: the repeats of one cell, and their figure.

    Attributes:
        run: Name of the runs.
        run_ids: The repeats, the earliest first.
        framework: As the tag says: pytorch, keras_tensorflow, ...
        mode: eager, graph, xla, ...
        strategy: How its ranks work together: ddp, mirrored, ...; none for one rank.
        figure: None where these runs do not have the metric.
    """

    run: str
    run_ids: tuple[str, ...]
    framework: str
    mode: str
    figure: Figure | None
    strategy: str = "none"


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: What the row is about: BERT tiny, 2 ranks, ...
        metric: The metric that is compared, an id of the registry, or of the reading that the table names.
        base: PyTorch; None where it was not measured.
        other: The framework beside it; None in a row that only asks what was not measured.
        ratio: other over base, from the comparison; None where there is none.
        claim: What the survey says; None where it says nothing of this.
        word: How the two stand.
        because: Why this word, in a sentence.
        verdict: What the comparison says of the two here: better, worse, indistinguishable, ...
        why: Where the difference sits, in a sentence of the comparison; empty where nothing tells.
        parts: The categories that make the difference, the largest first.
        notes: What else to know: not proven the same, other mode, repeats that disagree.
        hardware: What it was measured on.
        sql: A query of the store that gives the figures of both sides.
    """

    label: str
    model: str
    size: str
    metric: str
    base: Side | None
    other: Side | None
    ratio: Figure | None
    claim: Claim | None
    word: Word
    because: str
    verdict: str
    why: str
    parts: tuple[CategoryDifference, ...]
    notes: tuple[str, ...]
    hardware: str
    sql: str

    def to_json(self) -> dict[str, Any]:
        """The row as scripts read it."""
        return {**asdict(self), "parts": [{**asdict(part), "delta_ns": part.delta_ns} for part in self.parts]}
