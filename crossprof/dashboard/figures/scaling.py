"""How throughput grows with the number of devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.theme import Theme

__all__ = ["Course", "efficiency", "exposed", "throughput"]

_MARKERS = {"weak": "circle", "strong": "square", "base": "diamond"}


@dataclass(frozen=True)
class Course:
    """Runs that belong together, and how they are drawn. `rows` has the columns of the view scaling, one run a row."""

    label: str
    color: str
    dash: str | None
    """None: points without a line."""
    rows: pl.DataFrame


def throughput(courses: Sequence[Course], look: Theme) -> go.Figure:
    """Samples per second by devices, both axes logarithmic, with the line that each base would ideally follow."""
    _require(courses, "samples_per_second", "no run of this model has a throughput: the table says why.")
    counts, plot = _counts(courses), Plot(look, height=300)
    for course in courses:
        ideal = course.rows.filter(pl.col("ideal_samples_per_second").is_not_null()).unique("devices").sort("devices")
        plot.add(
            go.Scatter(
                x=ideal["devices"].to_numpy(),
                y=ideal["ideal_samples_per_second"].to_numpy(),
                mode="lines",
                name=f"{course.label} · ideal",
                line={"color": course.color, "width": 1, "dash": "dot"},
                hoverinfo="skip",
            )
        )
    for course in courses:
        plot.add(*_course(course, counts, "samples_per_second", 1.0, "%{y:,.4g} samples/s"))
    _axes(plot, counts, "samples/s")
    ticks = [step * 10.0**power for power in range(-3, 10) for step in (1, 2, 5)]
    texts = [f"{tick:,.0f}" if tick >= 1 else f"{tick:g}" for tick in ticks]
    plot.y(type="log", tickvals=ticks, ticktext=texts, rangemode="normal")
    return plot.figure()


def efficiency(courses: Sequence[Course], look: Theme) -> go.Figure:
    """Throughput over the ideal, in percent."""
    _require(courses, "efficiency_ratio", "no run of this model has a throughput: the table says why.")
    counts, plot = _counts(courses), Plot(look, height=300)
    for course in courses:
        plot.add(*_course(course, counts, "efficiency_ratio", 0.01, "%{y:.3g} % of the ideal"))
    _axes(plot, counts, "% of the ideal")
    plot.across(100, line={"color": look.dimmed, "width": 1, "dash": "dot"})
    return plot.figure()


def exposed(courses: Sequence[Course], look: Theme) -> go.Figure:
    """The share of a measured step in which a collective ran and no kernel, in percent."""
    _require(courses, "exposed_communication_ratio", "none of these runs has work on a device in a measured step.")
    counts, plot = _counts(courses), Plot(look, height=300)
    for course in courses:
        plot.add(*_course(course, counts, "exposed_communication_ratio", 0.01, "%{y:.3g} % of a step"))
    _axes(plot, counts, "% of a step")
    return plot.figure()


def _course(course: Course, counts: Sequence[int], field: str, divisor: float, told: str) -> list[go.Scatter]:
    """A point a run, and a line through the typical ones. It ends at a count of devices that others have and this one lacks."""
    rows = course.rows.sort("devices", "run").with_columns(y=pl.col(field) / divisor)
    every = pl.DataFrame({"devices": counts}, schema={"devices": rows.schema["devices"]})
    typical = every.join(rows.filter(pl.col("is_typical")), on="devices", how="left", maintain_order="left")
    return [
        go.Scatter(
            x=typical["devices"].to_numpy(),
            y=typical["y"].to_list(),
            mode="lines",
            visible=course.dash is not None,
            connectgaps=False,
            name=course.label,
            line={"color": course.color, "dash": course.dash or "solid", "width": 1.5},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=rows["devices"].to_numpy(),
            y=rows["y"].to_list(),
            text=rows["run"].to_list(),
            mode="markers",
            cliponaxis=False,
            name=course.label,
            showlegend=True,
            marker={"color": course.color, "size": 9, "symbol": [_MARKERS.get(mode or "", "x") for mode in rows["mode"]]},
            hovertemplate=f"%{{text}}, %{{x}} devices: {told}<extra>{course.label}</extra>",
        ),
    ]


def _counts(courses: Sequence[Course]) -> list[int]:
    return sorted({count for course in courses for count in course.rows["devices"]})


def _require(courses: Sequence[Course], field: str, reason: str) -> None:
    if all(course.rows[field].null_count() == len(course.rows) for course in courses):
        raise Absent(reason)


def _axes(plot: Plot, counts: Sequence[int], title: str) -> None:
    plot.x(type="log", tickvals=counts, ticktext=[f"{count:,}" for count in counts], title_text="devices")
    plot.y(rangemode="tozero", title_text=title)
