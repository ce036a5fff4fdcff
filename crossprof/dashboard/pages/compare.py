"""Compare `/compare?runs=a,b,c&base=a`: which is faster, by how much, how sure, and where the difference sits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash, dcc, html

from crossprof.dashboard import cards, comparison, components, theme
from crossprof.dashboard.addresses import compare_address, run_address
from crossprof.dashboard.drawing import FIGURES, connect_figure, shown
from crossprof.dashboard.grids import operations_grid
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import percent
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.waterfall import waterfall_card
from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.compare import Comparison

__all__ = ["PAGE"]

_MOST_RUNS = 8
_COLUMNS = (("step_time", "memory"), ("categories", "utilization"))


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
            [comparison.verdict_card(other, is_only=len(found.others) == 1) for other in found.others],
            className="cards",
        ),
        *_tables(store, found, names, runs, labels),
        *(waterfall_card(found.base, other, is_only=len(found.others) == 1) for other in found.others),
        cards.columns(*([FIGURES[name].card("compare", name, sides) for name in column] for column in _COLUMNS)),
        _operations(found),
        shown(sides, labels),
    ]


def _too_few() -> list[Any]:
    steps = html.P(["Choose two or more runs on the page ", dcc.Link("Runs", href="/"), " and press Compare."])
    again = html.P(["On the command line: ", components.command("crossprof compare BASE OTHER...")])
    return [html.Div(html.H1("Compare"), className="title-row"), cards.notice("Nothing to compare yet", "", steps, again)]


def _legend(runs: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> html.Div:
    shades = theme.shades([run["framework"] for run in runs])
    chips = [
        dcc.Link(components.chip(run["framework"], label, shade=shade), href=run_address(str(run["run_id"])))
        for run, label, shade in zip(runs, labels, shades, strict=True)
    ]
    return html.Div(chips, className="legend")


def _tables(
    store: Store, found: Comparison, names: Sequence[str], runs: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> list[html.Section]:
    registry = frame(store, "select * from metric").to_dicts()
    addresses = [compare_address(names, name) for name in names[1:]]
    reading = "Change against the baseline and the 95 % interval of that change. Hover over a name for its definition."
    return [
        cards.card("Metrics", reading, *comparison.metrics(found, registry, addresses)),
        cards.card("What differs between the runs", "", *comparison.differing_facts(runs, labels)),
    ]


def _operations(found: Comparison) -> html.Section:
    return cards.card("Kernels or operators", _matching(found), operations_grid(found))


def _matching(found: Comparison) -> str:
    """How to read the table: by what its rows are matched, and how much of the time has a counterpart."""
    parts = ["Time per measured step, the largest difference first."]
    for other in found.others:
        if other.level is not None:
            shares = ", ".join(f"{level.name} {percent(level.matched_ratio)}" for level in other.levels)
            parts.append(f"{other.run} is matched by {other.level.name}; time with a counterpart: {shares}.")
    return " ".join(parts)


def connect(app: Dash, snapshot: Snapshot) -> None:
    """All figures follow the colour scheme."""
    for name in FIGURES:
        connect_figure(app, snapshot, page="compare", name=name)


PAGE = Page("/compare", "Compare", layout, connect, key="c")
