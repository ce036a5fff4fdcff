"""What is told of rows in words: names that last, frameworks as their makers write them, figures with their intervals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crossprof.dashboard.quantity import Scale, scale_for, significant
from crossprof.survey.report import Report, Table
from crossprof.survey.row import Claim, Figure, Row, Side

__all__ = [
    "BENCH",
    "TITLE",
    "WORDS",
    "anchors",
    "chip_color",
    "claimed",
    "claimed_sides",
    "interval",
    "is_any_measured",
    "is_measured",
    "ratio_interval",
    "scales_of",
]

TITLE = "PyTorch vs TensorFlow, measured"
BENCH = "crossprof bench --table all --size tiny"
"""What measures every table within minutes on any machine."""

WORDS = {
    "supports": "what was measured here points where the survey does, as far",
    "contradicts": "it does not, in direction or in size",
    "cannot tell here": "something stands against a judgement, and the row says what",
}
"""What the words mean."""

_FAMILIES = {
    "pytorch": "torch",
    "keras_torch": "torch",
    "keras_tensorflow": "tensorflow",
    "keras_jax": "jax",
    "onnx_runtime": "onnxruntime",
}
_LONGEST_LABEL = 40


def anchors(table: Table) -> list[str]:
    """A name for each row, which addresses end in: of what it is about, so that a row keeps it when others join."""
    names: list[str] = []
    for row in table.rows:
        of = (
            table.name,
            row.label[:_LONGEST_LABEL],
            row.metric,
            row.other.framework if row.other else "",
            row.other.mode if row.other else "",
            row.other.strategy if row.other and row.other.strategy != "none" else "",
        )
        name = re.sub(r"[^a-z0-9]+", "-", " ".join(of).lower()).strip("-")
        earlier = sum(one == name or one.startswith(f"{name}--") for one in names)
        names.append(f"{name}--{earlier + 1}" if earlier else name)
    return names


def is_measured(row: Row) -> bool:
    """Whether a row has any figure of this machine."""
    return row.ratio is not None or any(side is not None and side.figure is not None for side in (row.base, row.other))


def is_any_measured(report: Report) -> bool:
    """Whether a report has any figure of this machine."""
    return any(is_measured(row) for table in report.tables for row in table.rows)


def chip_color(side: Side) -> str:
    """The CSS variable of the colour of a side's framework."""
    return f"var(--framework-{_FAMILIES.get(side.framework, 'unknown')})"


def scales_of(rows: Iterable[Row]) -> dict[str, Scale]:
    """The scale of each metric of a table, so that its figures have one unit."""
    held: dict[str, list[Figure]] = {}
    for row in rows:
        figures = held.setdefault(row.metric, [])
        figures += [side.figure for side in (row.base, row.other) if side is not None and side.figure is not None]
    return {
        metric: scale_for(figures[0].unit if figures else None, [one.value for one in figures])
        for metric, figures in held.items()
    }


def interval(figure: Figure, scale: Scale) -> str:
    """The 95 % interval of a side's figure in brackets; empty where there is none."""
    if figure.ci_low is None or figure.ci_high is None:
        return ""
    return f"[{scale.text(figure.ci_low)} to {scale.text(figure.ci_high)}]"


def ratio_interval(ratio: Figure) -> str:
    """The 95 % interval of a ratio in brackets; empty where there is none."""
    if ratio.ci_low is None or ratio.ci_high is None:
        return ""
    return f"[{significant(ratio.ci_low)} to {significant(ratio.ci_high)}]"


def claimed(claim: Claim) -> str:
    """The survey's ratio in three digits; who is ahead where it gives none."""
    if claim.ratio is not None:
        return f"{claim.ratio:.3g}"
    return f"{'PyTorch' if claim.ahead == 'pytorch' else 'TensorFlow'} ahead"


def claimed_sides(claim: Claim) -> str:
    """The survey's figures of PyTorch and TensorFlow; empty where it gives none but their ratio."""
    given: Sequence[float | None] = (claim.pytorch, claim.tensorflow)
    if claim.pytorch in (None, 1.0) and claim.tensorflow in (None, claim.ratio):
        return ""
    return f"{' / '.join('–' if one is None else f'{one:,g}' for one in given)}\u2009{claim.unit}".rstrip()
