"""Compare `/compare?runs=a,b,c&base=a`: which is faster, by how much, how sure, and where the difference sits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
from dash import Dash, Input, Output, dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import comparison, components, theme
from crossprof.dashboard.figures import categories, series, step_time
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.snapshot import Snapshot, frame, rows_of
from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.compare import Comparison
from crossprof.store.composition import composition

__all__ = ["PAGE"]

_MOST_RUNS = 8
_TELEMETRY = {"hw.gpu.utilization": "Device", "process.cpu.utilization": "Process CPU"}
_COUNTERS = ("driver", "process", "allocator")  # the most alike across frameworks first

Sides = Sequence[Sequence[str]]


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: verdicts first, then metrics, what differs, figures, and operations."""
    names = list(dict.fromkeys(name for name in query.get("runs", "").split(",") if name))
    base = query.get("base") or (names[0] if names else "")
    names = [base, *(name for name in names if name != base)]
    if len(names) < 2:
        return _too_few()
    if len(names) > _MOST_RUNS:
        raise CrossprofError(f"{len(names)} runs are too many to tell apart on one page: choose at most {_MOST_RUNS}.")
    store = snapshot.store()
    found = store.compare(*names)
    sides = [found.base_ids, *(other.run_ids for other in found.others)]
    runs = [frame(store, "select * from run where run_id = ?", side[0]).to_dicts()[0] for side in sides]
    labels = [found.base, *(other.run for other in found.others)]
    return [
        html.Div([html.H1("Compare"), _legend(runs, labels)], className="title-row"),
        html.Div(
            [comparison.verdict_card(other, [runs[0], run], is_only=len(found.others) == 1) for other, run in zip(found.others, runs[1:], strict=True)],
            className="cards",
        ),
        html.Div([*_tables(store, found, names, runs, labels), *_figures(), _operations(found)], className="cards"),
        dcc.Store(id="compared", data={"sides": [list(side) for side in sides], "labels": labels}),
    ]


def _too_few() -> list[Any]:
    steps = html.P(["Choose two or more runs on the page ", dcc.Link("Runs", href="/"), " and press Compare."])
    again = html.P(["On the command line: ", components.command("crossprof compare BASE OTHER...")])
    return [html.Div(html.H1("Compare"), className="title-row"), components.card("Nothing to compare yet", "", steps, again)]


def _legend(runs: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> html.Div:
    chips = [
        dcc.Link(components.chip(run["framework"], label), href=components.run_address(str(run["run_id"])))
        for run, label in zip(runs, labels, strict=True)
    ]
    return html.Div(chips, className="legend")


def _tables(
    store: Store, found: Comparison, names: Sequence[str], runs: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> list[html.Section]:
    registry = frame(store, "select * from metric").to_dicts()
    addresses = [components.compare_address(names, name) for name in names[1:]]
    reading = "Change against the baseline and the 95 % interval of that change. Hover over a name for its definition."
    return [
        components.card("Metrics", reading, *comparison.metrics(found, registry, addresses), is_wide=True),
        components.card("What differs between the runs", "", *comparison.differing_facts(runs, labels), is_wide=True),
    ]


def _figures() -> list[html.Section]:
    card = components.figure_card
    return [
        card(
            "compare",
            "step_time",
            "Step time",
            "Filled: bare steps. Hollow: steps under the profiler. Box: quartiles; whiskers: 5th to 95th percentile; warm-up left out.",
        ),
        card(
            "compare",
            "categories",
            "Time by category",
            "Per measured step: the sum of kernel times on a device; where only the CPU worked, of operator self times and their coverage.",
        ),
        card(
            "compare", "memory", "Memory", "By the count that the runs share: the driver's, the process's, or the allocator's."
        ),
        card(
            "compare",
            "utilization",
            "Utilization",
            "Telemetry: the driver's figure for the device, cores in use for the process.",
        ),
    ]


def _operations(found: Comparison) -> html.Section:
    subtitle = "Time per measured step, the largest difference first. Names are matched exactly: two frameworks share few."
    return components.card("Kernels or operators", subtitle, comparison.operations_grid(found), is_wide=True)


def _draw_step_time(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    steps = _of_sides(store, "select run_id, dur_ns, is_profiled, is_warmup from step_time where run_id = ?", sides)
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
    query = (
        "select run_id, at_ns, counter, coalesce(used_bytes, allocated_bytes) as bytes from memory_timeline where run_id = ?"
    )
    events = _of_sides(store, query, sides).filter(pl.col("bytes").is_not_null())
    counts = events.group_by("counter").agg(pl.col("run_id").n_unique())
    shared = dict(counts.iter_rows())
    counter = max(_COUNTERS, key=lambda name: (shared.get(name, 0), -_COUNTERS.index(name)))
    return series.memory(events.filter(pl.col("counter") == counter), lanes, look, counter=counter)


def _draw_utilization(store: Store, sides: Sides, lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    samples = _of_sides(store, "select run_id, metric, at_ns, value from utilization where run_id = ?", sides)
    return series.utilization(samples, lanes, look, titles=_TELEMETRY)


def _of_sides(store: Store, query: str, sides: Sides) -> pl.DataFrame:
    """The rows of all runs; those of a side's repeats under the name of its first."""
    first = {run_id: side[0] for side in sides for run_id in side}
    return rows_of(store, query, list(first)).with_columns(pl.col("run_id").replace(first))


_DRAWERS: dict[str, Callable[[Store, Sides, Sequence[theme.Lane], theme.Theme], Figure]] = {
    "step_time": _draw_step_time,
    "categories": _draw_categories,
    "memory": _draw_memory,
    "utilization": _draw_utilization,
}


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Each figure is drawn by its own request, so that the first shows early; all follow the colour scheme."""
    for name, drawer in _DRAWERS.items():
        _connect_figure(app, snapshot, name, drawer)


def _connect_figure(app: Dash, snapshot: Snapshot, name: str, drawer: Callable[..., Figure]) -> None:
    @app.callback(Output({"page": "compare", "figure": name}, "children"), Input("look", "data"), Input("compared", "data"))
    def draw(scheme: str | None, compared: dict[str, Any]) -> Any:
        def figure() -> Figure:
            store = snapshot.store()
            sides = compared["sides"]
            runs = [
                frame(store, "select run_id, run, framework from run where run_id = ?", side[0]).to_dicts()[0] for side in sides
            ]
            lanes = theme.lanes(runs, scheme, labels=compared["labels"])
            return drawer(store, sides, lanes, theme.theme(scheme))

        return components.drawn(figure, name=name)


PAGE = Page("/compare", "Compare", layout, connect)
