"""The ranks of one run side by side: their steps, what these are made of, how far apart they are, how they communicate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl

from crossprof.dashboard import wording
from crossprof.dashboard.cards import Absent
from crossprof.dashboard.figures.heatmap import Cells, diverging
from crossprof.dashboard.figures.plot import Plot
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.dashboard.theme import Theme, category_color, category_order

__all__ = ["bandwidth", "breakdown", "categories", "communication", "skew", "steps"]

_OPERATIONS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "reduce", "send_recv")
_HUES = ("#3CA951", "#4269D0", "#EFB118", "#FF725C", "#A463F2", "#9C6B4E", "#6CC5B0", "#97BBF5")
_PARTS = {
    "transfer_ns": ("moving data", "#3CA951"),
    "wait_ns": ("waiting for others", "#FF725C"),
    "unmatched_ns": ("not told apart", "#A9B0B8"),
}


def steps(cells: pl.DataFrame, look: Theme) -> go.Figure:
    """Each rank in each step against the median of the ranks. `cells` has rank, step, last_step, dur_ns, excess_ns."""
    if cells.is_empty():
        raise Absent("no step was marked on more than one rank. crossprof.steps() or run.step() marks steps.")
    scale = scale_for("ns", [cells["excess_ns"].abs().quantile(0.995)])
    ranks = cells["rank"].unique().sort().to_list()
    numbers = cells["step"].unique().sort().to_list()
    row, column = _places(cells["rank"], ranks), _places(cells["step"], numbers)
    shape = (len(ranks), len(numbers))
    values, durations = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    values[row, column] = (cells["excess_ns"] / scale.divisor).to_numpy()
    durations[row, column] = (cells["dur_ns"] / scale.divisor).to_numpy()
    is_binned = bool((cells["last_step"] > cells["step"]).any())
    told = "rank %{y}, step %{x}: %{z:+.3g} " + scale.unit + " against the median<br>%{customdata:.4g} " + scale.unit
    plot = diverging(
        Cells(
            numbers, ranks, values, scale.unit, "step, the first of several in a cell" if is_binned else "step", told, durations
        ),
        look,
    )
    plot.x(dtick=1 if len(numbers) <= 12 else None)
    return plot.figure()


def categories(cells: pl.DataFrame, look: Theme) -> go.Figure:
    """Each sort of work of each rank against the median of the ranks. `cells` has rank, category, mean_ns, excess_ns."""
    _require(cells)
    scale = scale_for("ns", [cells["excess_ns"].abs().max()])  # type: ignore[list-item]
    ranks = cells["rank"].unique().sort().to_list()
    names = category_order(cells["category"])
    row, column = _places(cells["rank"], ranks), _places(cells["category"], names)
    shape = (len(ranks), len(names))
    values, means = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    values[row, column] = (cells["excess_ns"] / scale.divisor).to_numpy()
    means[row, column] = (cells["mean_ns"] / scale.divisor).to_numpy()
    told = "rank %{y}, %{x}: %{z:+.3g} " + scale.unit + " against the median<br>%{customdata:.3g} " + scale.unit + " a step"
    titles = [wording.part(name) for name in names]
    plot = diverging(Cells(titles, ranks, values, scale.unit, "", told, means), look)
    plot.x(tickangle=-35)
    plot.set(height=plot.height + 70)
    return plot.figure()


def breakdown(cells: pl.DataFrame, look: Theme) -> go.Figure:
    """What a measured step of each rank is made of, one bar a rank. `cells` has rank, category, mean_ns."""
    _require(cells)
    scale = scale_for("ns", cells.group_by("rank").agg(pl.col("mean_ns").sum())["mean_ns"])
    plot = Plot(look)
    for category in category_order(cells["category"]):
        part = cells.filter((pl.col("category") == category) & (pl.col("mean_ns") != 0)).sort("rank")
        title = wording.part(category)
        plot.add(
            go.Bar(
                x=[str(rank) for rank in part["rank"]],
                y=(part["mean_ns"] / scale.divisor).to_numpy(),
                name=title,
                showlegend=True,
                marker={"color": category_color(category), "line": {"width": 0}},
                hovertemplate=f"rank %{{x}}, {title}: %{{y:.3g}} {scale.unit}<extra></extra>",
            )
        )
    _by_rank(plot, cells, title=f"{scale.unit} per step")
    return plot.figure()


def communication(rows: pl.DataFrame, look: Theme) -> go.Figure:
    """The time in collectives of each rank: moving data, waiting, and what can't be told apart.

    `rows` has rank, total_ns and its parts transfer_ns, wait_ns, unmatched_ns.
    """
    if rows.is_empty():
        raise Absent("no collective ran on a device.")
    scale = scale_for("ns", [rows["total_ns"].max()])  # type: ignore[list-item]
    plot = Plot(look)
    for field, (title, color) in _PARTS.items():
        part = rows.filter(pl.col(field).fill_null(0) > 0).sort("rank")
        if len(part):
            plot.add(
                go.Bar(
                    x=[str(rank) for rank in part["rank"]],
                    y=(part[field] / scale.divisor).to_numpy(),
                    name=title,
                    showlegend=True,
                    marker={"color": color, "line": {"width": 0}},
                    hovertemplate=f"rank %{{x}}, {title}: %{{y:.3g}} {scale.unit}<extra></extra>",
                )
            )
    _by_rank(plot, rows, title=f"collectives, {scale.unit}")
    return plot.figure()


def _by_rank(plot: Plot, rows: pl.DataFrame, *, title: str) -> None:
    names = [str(rank) for rank in rows["rank"].unique().sort()]
    plot.set(height=300, barmode="stack", bargap=0.15 if len(names) > 3 else 0.6)
    plot.x(type="category", categoryorder="array", categoryarray=names, title_text="rank", nticks=17)
    plot.y(rangemode="tozero", title_text=title)


def bandwidth(rows: pl.DataFrame, look: Theme) -> go.Figure:
    """The bus bandwidth of collectives by size.

    `rows` has rank, operation, from_bytes, bus_bytes_per_second, group_size, calls.
    """
    if rows.is_empty():
        raise Absent("no collective ran on a device.")
    known = rows.filter(pl.col("bus_bytes_per_second").is_not_null() & pl.col("from_bytes").is_not_null())
    if known.is_empty():
        raise Absent("the trace does not tell both the bytes and the group of a collective.")
    plot = Plot(look)
    found = set(known["operation"])
    for operation, color in zip((*_OPERATIONS, None), _HUES, strict=True):
        part = known.filter(pl.col("operation").eq_missing(operation))
        if operation in found:
            plot.add(
                go.Scatter(
                    x=[math.log2(size) for size in part["from_bytes"]],
                    y=(part["bus_bytes_per_second"] / 1e9).cast(pl.Float32).to_numpy(),
                    customdata=part.select("rank", "group_size", "calls").to_numpy(),
                    mode="markers",
                    name=operation or "another operation",
                    showlegend=True,
                    marker={"color": color, "size": 8, "opacity": 0.75},
                    hovertemplate="rank %{customdata[0]}, group of %{customdata[1]}, %{customdata[2]:,} calls: %{y:.3g} GB/s"
                    f"<extra>{operation or ''}</extra>",
                )
            )
    plot.set(height=300)
    powers = range(int(math.log2(known["from_bytes"].min())), int(math.log2(known["from_bytes"].max())) + 1)  # type: ignore[arg-type]
    every = powers[:: max(1, math.ceil(len(powers) / 7))]
    scales = [scale_for("bytes", [2**power]) for power in every]
    ticks = [f"{2**power / scale.divisor:g}\u2009{scale.unit}" for power, scale in zip(every, scales, strict=True)]
    plot.x(tickvals=list(every), ticktext=ticks, title_text="size on one rank, from")
    plot.y(rangemode="tozero", title_text="bus bandwidth, GB/s")
    return plot.figure()


def skew(rows: pl.DataFrame, look: Theme) -> go.Figure:
    """How far apart the starts and the lengths of a step are.

    `rows` has step, skew_ns, latest_rank, spread_ns, slowest_rank, residual_ns, is_warmup.
    """
    counted = rows.filter(~pl.col("is_warmup")).sort("step")
    if counted.is_empty():
        raise Absent("no step after warm-up was marked on more than one rank.")
    scale = scale_for("ns", [counted["spread_ns"].quantile(0.98), counted["skew_ns"].quantile(0.98)])
    if len(counted) == 1:
        raise Absent(_of_one_step(counted.row(0, named=True), scale))
    plot = Plot(look)
    for field, rank, name, color in (
        ("spread_ns", "slowest_rank", "longest less shortest step", "#4269D0"),
        ("skew_ns", "latest_rank", "last start less first", "#EFB118"),
    ):
        part = counted.filter(pl.col(field).is_not_null())
        if len(part):
            plot.add(
                go.Scatter(
                    x=part["step"].to_numpy(),
                    y=(part[field] / scale.divisor).cast(pl.Float32).to_numpy(),
                    customdata=part[rank].to_numpy(),
                    mode="lines" if len(part) > 12 else "lines+markers",
                    name=name,
                    showlegend=True,
                    marker={"color": color, "size": 7},
                    line={"color": color, "width": 1.5},
                    hovertemplate=f"step %{{x}}: %{{y:.3g}} {scale.unit}, rank %{{customdata}}<extra>{name}</extra>",
                )
            )
    plot.set(height=300)
    plot.x(title_text="step", dtick=1 if len(counted) <= 12 else None)
    plot.y(rangemode="tozero", title_text=scale.unit)
    residual = counted["residual_ns"].max()
    if residual is not None:
        plot.across(0, float(residual) / scale.divisor, fillcolor=look.dimmed, opacity=0.25, line={"width": 0})  # type: ignore[arg-type]
    return plot.figure()


def _of_one_step(row: Mapping[str, Any], scale: Scale) -> str:
    """What there is to say where one step makes no course."""
    told = [f"one step alone, step {row['step']}, was marked on several ranks"]
    if row["spread_ns"] is not None:
        told.append(
            f"its longest, on rank {row['slowest_rank']}, lasted {scale.full(row['spread_ns'])} longer than its shortest"
        )
    if row["skew_ns"] is not None:
        told.append(f"its last start, on rank {row['latest_rank']}, came {scale.full(row['skew_ns'])} after its first")
    return "; ".join(told) + "."


def _require(cells: pl.DataFrame) -> None:
    if cells.is_empty():
        raise Absent(
            "no work of a measured step was recorded: the capture marks no steps, or holds neither kernels nor operators."
        )


def _places(values: pl.Series, order: list[int] | list[str]) -> list[int]:
    place = {value: number for number, value in enumerate(order)}
    return [place[value] for value in values]
