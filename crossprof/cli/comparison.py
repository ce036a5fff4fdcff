"""A comparison as people read it: the verdict first, then the metrics, then where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crossprof.cli import terminal
from crossprof.cli.terminal import Column
from crossprof.dashboard import wording
from crossprof.dashboard.quantity import NONE, Scale, percent, scale_for, significant
from crossprof.store.composition import folded

if TYPE_CHECKING:
    from crossprof.store.alignment import Level
    from crossprof.store.compare import Comparison, MetricDifference, RunDifference
    from crossprof.store.composition import CategoryDifference
    from crossprof.store.step_unit import StepUnit

__all__ = ["print_comparison"]

_LONGEST = 10
_PLACES = {"device": "device time", "host": "self time of operators on the host"}


def print_comparison(comparison: Comparison) -> None:
    """Print the verdicts as one card, then a section for each of the other runs."""
    sentences: list[str] = []
    for other in comparison.others:
        sentences += [other.verdict, wording.why(other), f"Next: {other.next_step}", ""]
    terminal.print_card(f"Base: {comparison.base}", sentences[:-1])
    for other in comparison.others:
        _print_section(comparison.base, other, comparison.per)


def _print_section(base: str, other: RunDifference, per: StepUnit) -> None:
    title = f"{other.run} against {base}"
    if other.is_same_capture:
        title += " (the same capture)"
    _print_metrics(title, other.metrics)
    for difference in other.differences:
        terminal.print_line(f"Differs: {difference}")
    if cost := wording.cost(base, other):
        terminal.print_line(f"Profiling cost: {cost}.")
    _print_parts(other, per)
    if other.level is not None:
        _print_operations(other.level, per)
        _print_levels(other.levels)


def _print_metrics(title: str, metrics: Sequence[MetricDifference]) -> None:
    names = ("metric", "base", "other", "unit", "other / base", "95 % interval", "verdict", "samples")
    columns = [Column(name, is_number=name in ("base", "other", "other / base", "samples")) for name in names]
    rows = []
    for one in metrics:
        scale = scale_for(one.unit, [one.base, one.other])
        interval = None if one.ci_low is None or one.ci_high is None else f"[{_ratio(one.ci_low)}, {_ratio(one.ci_high)}]"
        values = (scale.text(one.base), scale.text(one.other), scale.unit, _ratio(one.ratio), interval)
        rows.append((one.metric, *values, _verdict(one), f"{one.n_base:,} / {one.n_other:,}"))
    terminal.print_table(columns, rows, title=title)


def _print_parts(found: RunDifference, per: StepUnit) -> None:
    """The parts of a step, and the step itself."""
    parts = folded(found.waterfall or found.categories, _LONGEST)
    if not parts:
        return
    scale = scale_for("ns", [time for one in parts for time in (one.base_ns, one.other_ns)])
    rows = [
        (one.category, scale.text(one.base_ns), scale.text(one.other_ns), scale.signed(one.delta_ns), _interval(scale, one))
        for one in parts
    ]
    times = [Column(f"{name}, {scale.unit}", is_number=True) for name in ("base", "other", "difference")]
    columns = [Column("part"), *times, Column("95 % interval")]
    terminal.print_table(columns, rows, title=f"What a {per} is made of ({_PLACES[parts[0].place]}): the parts add up")


def _interval(scale: Scale, difference: CategoryDifference) -> str | None:
    low, high = difference.ci_low_ns, difference.ci_high_ns
    return None if low is None or high is None else f"[{scale.signed(low)}, {scale.signed(high)}]"


def _print_levels(levels: Sequence[Level]) -> None:
    """How far names survive from one run to the other."""
    told = ", ".join(f"{level.name} {percent(level.matched_ratio)}" for level in levels)
    terminal.print_line(f"Share of the time whose work has a counterpart, by level: {told}.")


def _print_operations(level: Level, per: StepUnit) -> None:
    if not level.operations:
        return
    shown = level.operations[:_LONGEST]
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
    terminal.print_table(columns, rows, title=f"Largest differences by {level.name}, per {per}")


def _verdict(found: MetricDifference) -> str:
    """The word; beside *indistinguishable* the change that would have been found."""
    if found.verdict != "indistinguishable" or found.minimum_detectable is None:
        return found.verdict
    return f"{found.verdict} (finds {percent(found.minimum_detectable)})"


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}" if value < 10 else significant(value)


def _calls(value: float | None) -> str:
    return NONE if value is None else f"{value:,.4g}"


def _shortened(name: str, limit: int = 60) -> str:
    """Both ends of a long name: kernels of one template differ only in the last of its arguments."""
    return name if len(name) <= limit else f"{name[: limit // 3]}…{name[-(limit - limit // 3 - 1) :]}"
