"""Which figure draws which view: the queries behind the figure cards, and the callbacks that fill them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from dash import Dash, Input, Output, dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, theme
from crossprof.dashboard.figures import categories, series, step_time
from crossprof.dashboard.snapshot import Snapshot, frame, rows_of
from crossprof.store import Store
from crossprof.store.composition import composition

__all__ = ["COURSE", "FIGURES", "Drawing", "connect_figure", "shown"]

_TELEMETRY = {"hw.gpu.utilization": "Device", "process.cpu.utilization": "Process CPU"}
_STEPS = "select run_id, rank, step, dur_ns, is_profiled, is_warmup from step_time"
_CATEGORIES = "select * from category_breakdown"
_MEMORY = (
    "select run_id, rank, device_id, allocator, at_ns, counter, coalesce(used_bytes, allocated_bytes) as bytes "
    "from memory_timeline"
)
_UTILIZATION = "select run_id, rank, device_id, metric, at_ns, value from utilization"
_COUNTERS = ("driver", "process", "allocator")  # the most alike across frameworks first

Sides = Sequence[Sequence[str]]
"""The runs of a page: each a run id, or those of its pooled repeats."""

Draw = Callable[[Store, Sides, Sequence[theme.Lane], theme.Theme], Figure]


@dataclass(frozen=True)
class Drawing:
    """A figure card: its title, how to read it, the rows that it shows, and what draws them."""

    title: str
    subtitle: str
    select: str
    draw: Draw

    def card(self, page: str, name: str, sides: Sides) -> html.Section:
        """The card of a page's figure about these runs."""
        named = ", ".join(f"'{run_id}'" for side in sides for run_id in side)
        return cards.figure_card(page, name, self.title, self.subtitle, query=f"{self.select} where run_id in ({named})")


def _draw_step_time(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    steps = _of_sides(store, _STEPS, sides)
    return step_time.distribution(steps, lanes, look)


def _draw_categories(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    rows = []
    for side in sides:
        made_of = composition(store, side)
        coverage = _coverage(store, side[0]) if made_of.place == "host" else None
        rows += [(side[0], category, ns, coverage) for category, ns in made_of.categories.items()]
    schema = {"run_id": pl.String, "category": pl.String, "ns_per_step": pl.Float64, "coverage_ratio": pl.Float64}
    return categories.per_step(pl.DataFrame(rows, schema=schema, orient="row"), lanes, look)


def _coverage(store: Store, run_id: str) -> float | None:
    found = frame(store, "select value from run_metric where metric = 'op_coverage' and rank is null and run_id = ?", run_id)
    return found["value"][0] if len(found) else None


def _draw_memory(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    events = _of_sides(store, _MEMORY, sides).filter(pl.col("bytes").is_not_null())
    counts = events.group_by("counter").agg(pl.col("run_id").n_unique())
    shared = dict(counts.iter_rows())
    counter = max(_COUNTERS, key=lambda name: (shared.get(name, 0), -_COUNTERS.index(name)))
    counted = events.filter(pl.col("counter") == counter)
    source = ["rank", "device_id", "allocator"]  # each counts on its own: show the one that holds most
    largest = counted.sort("bytes", descending=True).unique("run_id", keep="first", maintain_order=True)
    return series.memory(
        counted.join(largest, on=["run_id", *source], how="semi", nulls_equal=True), lanes, look, counter=counter
    )


def _draw_utilization(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    samples = _of_sides(store, _UTILIZATION, sides)
    first = samples.sort("rank", "device_id").unique(["run_id", "metric"], keep="first", maintain_order=True)
    one_each = samples.join(first, on=["run_id", "metric", "rank", "device_id"], how="semi", nulls_equal=True)
    return series.utilization(one_each, lanes, look, titles=_TELEMETRY)


def _of_sides(store: Store, select: str, sides: Sides) -> pl.DataFrame:
    """The rows of all runs; those of a side's repeats under the name of its first."""
    first = {run_id: side[0] for side in sides for run_id in side}
    return rows_of(store, f"{select} where run_id = ?", list(first)).with_columns(pl.col("run_id").replace(first))


def _draw_course(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    steps = _of_sides(store, _STEPS, sides)
    return step_time.over_time(steps, lanes[0], look)


FIGURES = {
    "step_time": Drawing(
        "Step time",
        "Filled: bare steps. Hollow: profiled steps. Box: quartiles; whiskers: 5th to 95th percentile. Warm-up is left out.",
        _STEPS,
        _draw_step_time,
    ),
    "categories": Drawing(
        "Time by category",
        "Of a measured step: what the device did at each moment; where only the CPU worked, the self time of operators, "
        "with the share of the step that they cover.",
        _CATEGORIES,
        _draw_categories,
    ),
    "memory": Drawing(
        "Memory",
        "The driver's count, else the process's, else the allocator's, as most runs here have; of several devices the fullest.",
        _MEMORY,
        _draw_memory,
    ),
    "utilization": Drawing(
        "Utilization",
        "Telemetry of the first device and process: the driver's figure, and the process's share of the cores.",
        _UTILIZATION,
        _draw_utilization,
    ),
}
COURSE = Drawing(
    "Steps over time", "Wall time of each step on the host. Warm-up steps may lie above the axis.", _STEPS, _draw_course
)


def shown(sides: Sides, labels: Sequence[str], **state: Any) -> dcc.Store:
    """What the figures of a page are about: its runs, and what else its address says."""
    return dcc.Store(id="runs-shown", data={**state, "sides": [list(side) for side in sides], "labels": list(labels)})


def connect_figure(app: Dash, snapshot: Snapshot, *, page: str, name: str, drawing: Drawing | None = None) -> None:
    """Draw a figure by a request of its own, so that the first shows early, and anew when the colour scheme changes."""
    chosen = drawing or FIGURES[name]

    def draw(scheme: str | None, held: dict[str, Any], _again: int | None = None) -> Any:
        def figure() -> Figure:
            store, sides = snapshot.store(), held["sides"]
            runs = [
                frame(store, "select run_id, run, framework from run where run_id = ?", side[0]).to_dicts()[0] for side in sides
            ]
            return chosen.draw(store, sides, theme.lanes(runs, scheme, labels=held["labels"]), theme.theme(scheme))

        return cards.drawn(figure, page=page, name=name)

    app.callback(
        Output({"page": page, "figure": name}, "children"),
        Input("look", "data"),
        Input("runs-shown", "data"),
        Input({"page": page, "retry": name}, "data"),
    )(draw)
