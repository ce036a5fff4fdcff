"""Timeline `/timeline?runs=a,b&t=0-1000000`: what ran when, of one run or two, aligned at a step. assets/timeline*.js draws it.

The whole state is in the address: `runs`, `t` (the window in ns from the alignment), `align` (step, start, clock), `step`
(which of the measured ones), `sel` and `area` (what is selected), `by` (rows of the table), `search`, `hide` (categories),
`fold` (tracks turned over), `mark`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from crossprof.dashboard import cards, components, selection, theme
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.timeline import MOST_RUNS, connect_routes
from crossprof.store import Store

__all__ = ["PAGE"]

_KEYS = (
    ("W S", "zoom in, out"),
    ("A D", "earlier, later"),
    ("0", "back to the steps"),
    ("F", "fit the selection"),
    ("M", "mark the selection"),
    ("/", "search"),
    ("[ ]", "previous, next step"),
    ("Esc", "select nothing"),
)


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: which runs, how they are aligned, the canvas, and below it details and the table of what is in view."""
    store = snapshot.store()
    runs = selection.chosen(store, query, most=MOST_RUNS)
    if not runs:
        return selection.unfilled("Timeline")
    title = html.Div([html.H1("Timeline"), selection.picker(store, runs, most=MOST_RUNS)], className="title-row")
    if not any(_has_events(store, str(run["run_id"])) for run in runs):
        return [title, _without_events(runs)]
    return [
        title,
        html.Section([_controls(), _canvas()], className="card timeline-card", **components.labelled("Timeline")),
        html.Div([_selected(), _in_view()], className="timeline-below"),
        dcc.Store(id="timeline-runs", data=_shown(runs)),
        dcc.Store(id="timeline-ready"),
    ]


def _shown(sides: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    lanes = theme.lanes(sides, "light")
    shades = theme.shades([run["framework"] for run in sides])
    return [
        {"run_id": str(run["run_id"]), "label": lane.label, "shade": f"var({shade})"}
        for run, lane, shade in zip(sides, lanes, shades, strict=True)
    ]


def _has_events(store: Store, run_id: str) -> bool:
    """Whether something of a run can be drawn: the first row of any table will do."""
    tables = ("kernel", "op", "runtime_call", "annotation", "step")
    found = " union all ".join(f"(select 1 as one from {table} where run_id = $1 limit 1)" for table in tables)
    return len(frame(store, found, run_id)) > 0


def _controls() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    html.Button("‹", id="timeline-step-back", className="icon-button", **components.labelled("Previous step")),
                    html.Span("", id="timeline-step", className="number"),
                    html.Button("›", id="timeline-step-on", className="icon-button", **components.labelled("Next step")),
                ],
                className="timeline-steps",
            ),
            html.Label("Align at", htmlFor="timeline-align", className="dimmed"),
            html.Select(
                [
                    html.Option("a step", value="step"),
                    html.Option("the first event", value="start"),
                    html.Option("the clock", value="clock"),
                ],
                id="timeline-align",
                className="timeline-align",
            ),
            html.Div(className="spacer"),
            html.Span("", id="timeline-found", className="dimmed", role="status"),
            html.Label("Search names", htmlFor="timeline-search", className="hidden-label"),
            dcc.Input(id="timeline-search", type="text", placeholder="Search names  /", className="filter", debounce=False),
        ],
        className="timeline-controls",
    )


def _canvas() -> html.Div:
    keys = [part for key, what in _KEYS for part in (html.Kbd(key), f" {what}  ")]
    return html.Div(
        [
            html.Div(id="timeline-legend", className="timeline-legend scroll"),
            html.Div(
                [html.Canvas(id="timeline-map-canvas"), html.Div(id="timeline-map-window")],
                id="timeline-map",
                className="timeline-map",
                title="All of it: drag the window over it",
                **{"aria-hidden": "true"},  # keys do the same
            ),
            html.Div(
                [
                    html.Div(
                        [
                            html.Div(className="timeline-corner"),
                            html.Canvas(id="timeline-canvas", role="img", **components.labelled("Timeline, loading")),
                            html.Canvas(id="timeline-overlay", **{"aria-hidden": "true"}),
                        ],
                        className="timeline-stage",
                    ),
                    html.Div(id="timeline-labels"),
                ],
                id="timeline-view",
                className="timeline-view scroll is-loading",
                tabIndex=0,
                role="group",
                **components.labelled("Tracks over time; the table below holds the same in words"),
            ),
            html.Div(html.P("Reading the capture …", className="absent"), id="timeline-status", role="status"),
            html.Div(id="timeline-tip", className="timeline-tip", hidden=True),
            html.P(
                [
                    "Wheel zooms, Shift with the wheel moves, a drag selects an area, a click an event. ",
                    *keys,
                ],
                className="subtitle timeline-keys",
            ),
        ]
    )


def _selected() -> html.Section:
    body = html.Div(cards.absent("no event is selected: click one."), id="timeline-details")
    return cards.card("Selected event", "What it is, what launched it, and all others of its name.", body)


def _in_view() -> html.Section:
    by = html.Select(
        [html.Option("by name", value="name"), html.Option("by category", value="category")],
        id="timeline-by",
        className="timeline-align",
        **components.labelled("Rows of the table"),
    )
    scope = html.P("", id="timeline-scope", className="subtitle")
    body = html.Div(
        html.Div(className="skeleton"),
        id="timeline-table",
        className="scroll",
        tabIndex=0,
        role="group",
        **components.labelled("Table of what is in view"),
    )
    card = cards.card("In view", "", scope, body)
    card.children.insert(1, html.Div(by, className="timeline-by"))
    return card


def _without_events(sides: Sequence[Mapping[str, Any]]) -> html.Section:
    names = " and ".join(str(run["run"]) for run in sides)
    return cards.notice(
        "Nothing to draw",
        "",
        cards.absent(f"{names} recorded no event: no kernel, operator, call, range or step. Ingest a trace of it:"),
        html.P(components.command(f"crossprof ingest TRACE --run {sides[0]['run_id']}")),
        html.P(["or record with ", components.command("@crossprof.profile"), ", whose schedule profiles some steps."]),
    )


def connect(app: Dash, snapshot: Snapshot) -> None:
    """The script draws once the page is there, and again in another colour scheme; the picker opens other runs."""
    connect_routes(app.server, snapshot)
    app.clientside_callback(
        ClientsideFunction("timeline", "open"),
        Output("timeline-ready", "data"),
        Input("timeline-runs", "data"),
        Input("look", "data"),
    )


PAGE = Page("/timeline", "Timeline", layout, connect, key="t")
