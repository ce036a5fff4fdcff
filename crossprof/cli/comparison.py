"""A comparison as people read it: the verdict first, then the metrics, then where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crossprof.cli import terminal
from crossprof.cli.terminal import Column
from crossprof.dashboard.quantity import NONE, scale_for, significant

if TYPE_CHECKING:
    from crossprof.store.compare import Comparison, MetricDifference, RunDifference
    from crossprof.store.composition import CategoryDifference, OperationDifference

__all__ = ["print_comparison"]

_LONGEST = 10
_PLACES = {"device": "device time", "host": "self time of operators on the host"}


def print_comparison(comparison: Comparison) -> None:
    """Print the verdicts as one card, then a section for each of the other runs."""
    sentences: list[str] = []
    for other in comparison.others:
        sentences += [other.verdict, *([other.why] if other.why else []), f"Next: {other.next_step}", ""]
    terminal.print_card(f"Base: {comparison.base}", sentences[:-1])
    for other in comparison.others:
        _print_section(comparison.base, other)


def _print_section(base: str, other: RunDifference) -> None:
    title = f"{other.run} against {base}"
    if other.is_same_capture:
        title += " (the same capture)"
    _print_metrics(title, other.metrics)
    for difference in other.differences:
        terminal.print_line(f"Not alike: {difference}")
    _print_categories(other.categories)
    _print_operations(other.operations)


def _print_metrics(title: str, metrics: Sequence[MetricDifference]) -> None:
    names = ("metric", "base", "other", "unit", "other / base", "95 % interval", "verdict", "samples")
    columns = [Column(name, is_number=name in ("base", "other", "other / base", "samples")) for name in names]
    rows = []
    for one in metrics:
        scale = scale_for(one.unit, [one.base, one.other])
        interval = None if one.ci_low is None or one.ci_high is None else f"[{_ratio(one.ci_low)}, {_ratio(one.ci_high)}]"
        values = (scale.text(one.base), scale.text(one.other), scale.unit, _ratio(one.ratio), interval)
        rows.append((one.metric, *values, one.verdict, f"{one.n_base:,} / {one.n_other:,}"))
    terminal.print_table(columns, rows, title=title)


def _print_categories(categories: Sequence[CategoryDifference]) -> None:
    if not categories:
        return
    shown = categories[:_LONGEST]
    scale = scale_for("ns", [time for one in shown for time in (one.base_ns, one.other_ns)])
    rows = [(one.category, scale.text(one.base_ns), scale.text(one.other_ns), scale.signed(one.delta_ns)) for one in shown]
    columns = [
        Column("category"),
        *(Column(f"{name}, {scale.unit}", is_number=True) for name in ("base", "other", "difference")),
    ]
    terminal.print_table(columns, rows, title=f"Time of a step by category ({_PLACES[shown[0].place]})")


def _print_operations(operations: Sequence[OperationDifference]) -> None:
    if not operations:
        return
    shown = operations[:_LONGEST]
    scale = scale_for("ns", [time for one in shown for time in (one.base_ns, one.other_ns)])
    rows = [
        (
            *(
                _shortened(one.name),
                one.category,
                scale.text(one.base_ns),
                scale.text(one.other_ns),
                scale.signed(one.delta_ns),
            ),
            *(_calls(one.base_calls), _calls(one.other_calls)),
        )
        for one in shown
    ]
    times = [Column(f"{name}, {scale.unit}", is_number=True) for name in ("base", "other", "difference")]
    columns = [
        Column("name"),
        Column("category"),
        *times,
        Column("calls", is_number=True),
        Column("calls, other", is_number=True),
    ]
    terminal.print_table(columns, rows, title="Kernels or operators with the largest differences, per step")


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}" if value < 10 else significant(value)


def _calls(value: float | None) -> str:
    return NONE if value is None else f"{value:,.4g}"


def _shortened(name: str, limit: int = 60) -> str:
    """Both ends of a long name: kernels of one template differ only in the last of its arguments."""
    return name if len(name) <= limit else f"{name[: limit // 3]}…{name[-(limit - limit // 3 - 1) :]}"
