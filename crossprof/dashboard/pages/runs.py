"""Runs `/`: every run of the store; find, group, pin, tag and note them, choose a baseline, compare, follow a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from crossprof.dashboard import cards, components
from crossprof.dashboard.grids import COLUMN, GRID_OPTIONS
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.runs import edits
from crossprof.dashboard.runs.table import QUERY, columns, deltas, facets, groupings, load, shown_by_default
from crossprof.dashboard.runs.trend import connect_trend, trend_section
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import CrossprofError

__all__ = ["PAGE"]

_REFRESH_MS = 15_000
_MOST_AT_FULL_HEIGHT = 20
_SUBTITLE = (
    "Latest first, pinned runs on top. Double-click tags or a note to change them. "
    "Keys: j, k next and previous, x select, o open, p pin."
)


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: filters, buttons, grid and trend; with an empty store, how to fill it."""
    version = snapshot.version
    rows, units = load(snapshot.store())
    if not rows:
        return _empty(snapshot)
    offered = columns(rows, units, shown=_listed(query, "cols"), sort=query.get("sort", ""))
    return [
        _title(len(rows)),
        _controls(rows, offered, query),
        html.Div(id="runs-message", className="runs-message", role="status"),
        cards.card("All runs", _SUBTITLE, _grid(rows, offered, _listed(query, "runs")), query=QUERY, class_name="runs-card"),
        trend_section(snapshot.store(), rows, query),
        _deletion(),
        dcc.Store(id="baseline", data=query.get("base")),
        dcc.Store(id="catalog", data=version),
        dcc.Store(id="usual-columns", data=shown_by_default(offered)),
        dcc.Interval(id="refresh", interval=_REFRESH_MS),
    ]


def _listed(query: Mapping[str, str], name: str) -> list[str]:
    return [one for one in query.get(name, "").split(",") if one]


def _title(count: int) -> html.Div:
    return html.Div(
        [
            html.H1("Runs"),
            html.Span(_count(count), className="dimmed", id="run-count"),
            html.Span(id="run-matches", className="dimmed"),
            html.Div(className="spacer"),
            html.Span(id="baseline-name", className="dimmed"),
            html.Button("Set as baseline", id="set-baseline", className="button", disabled=True),
            html.Button("Delete", id="delete", className="button", disabled=True, **{"data-act": "delete"}),
            html.Button("Compare", id="compare", className="button primary", disabled=True),
        ],
        className="title-row",
    )


def _count(count: int) -> str:
    return f"{count:,} in this store"


def _controls(rows: Sequence[Mapping[str, Any]], offered: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> html.Div:
    """What narrows, groups and widens the table. Choices of one kind are alternatives, those of two kinds conditions."""
    shared: dict[str, Any] = {"size": "xs", "clearable": True}
    return html.Div(
        [
            html.Label("Filter runs", htmlFor="filter", className="hidden-label"),
            dcc.Input(id="filter", value=query.get("q", ""), placeholder="Filter by any text", className="filter", type="text"),
            dmc.MultiSelect(
                id="facets", value=_listed(query, "only"), data=facets(rows), placeholder="Framework, model, device, tag",
                searchable=True, limit=100, **shared, **components.labelled("Only runs of"),
            ),
            dmc.Select(
                id="group", value=query.get("group") or None, data=groupings(rows), placeholder="No groups", **shared,
                **components.labelled("Group by"),
            ),
            html.Details(
                [html.Summary("Columns", className="button"), html.Div(_choices(offered), className="menu")],
                className="column-menu",
            ),
        ],
        className="run-controls",
    )  # fmt: skip


def _choices(offered: Sequence[Mapping[str, Any]]) -> dcc.Checklist:
    named = [one for one in offered if one["field"] not in ("is_pinned", "run") and not one["field"].startswith("delta_")]
    options = [{"label": one["headerName"], "value": one["field"]} for one in named]
    return dcc.Checklist(options, [one["field"] for one in named if not one["hide"]], id="columns")


def _deletion() -> html.Dialog:
    return html.Dialog(
        [
            html.H2("Delete these runs?"),
            html.Div(id="farewell", className="farewell"),
            dcc.Store(id="doomed"),
            html.Button("Keep them", type="button", className="button", **{"data-act": "keep"}),
            html.Button("Delete", id="delete-now", type="button", className="button danger", **{"data-act": "keep"}),
        ],
        id="deletion",
        **components.labelled("Delete runs"),
    )


def _empty(snapshot: Snapshot) -> list[Any]:
    return [
        html.Div(html.H1("Runs"), className="title-row"),
        cards.notice(
            "No runs yet",
            f"The store at {snapshot.path} is empty. Any of these adds runs to it; reload this page afterwards.",
            html.P([components.command("crossprof demo"), " profiles a small Transformer in every framework installed."]),
            html.P([components.command("crossprof ingest PATH"), " reads a trace, a log directory or an archive."]),
            html.P([components.command("@crossprof.profile"), " over a training function records each call of it."]),
        ),
    ]


def _grid(rows: list[dict[str, Any]], offered: list[dict[str, Any]], chosen: list[str]) -> dag.AgGrid:
    is_short = len(rows) <= _MOST_AT_FULL_HEIGHT
    return dag.AgGrid(
        id="runs",
        rowData=rows,
        columnDefs=offered,
        selectedRows={"ids": chosen},
        getRowId="params.data.run_id",
        defaultColDef={**COLUMN, "wrapHeaderText": True, "autoHeaderHeight": True},
        dashGridOptions={
            **GRID_OPTIONS,
            "rowSelection": {
                "mode": "multiRow",
                "enableClickSelection": False,
                "selectAll": "filtered",
                "isRowSelectable": {"function": "!params.data.is_group"},
            },
            "selectionColumnDef": {"pinned": "left", "width": 44},
            "isExternalFilterPresent": {"function": "true"},
            "doesExternalFilterPass": {"function": "runPasses(params.data)"},
            "postSortRows": {"function": "orderRuns(params)"},
            "isFullWidthRow": {"function": "params.rowNode.data.is_group"},
            "fullWidthCellRenderer": "RunGroup",
            "stopEditingWhenCellsLoseFocus": True,
            "domLayout": "autoHeight" if is_short else "normal",
        },
        className="grid",
        style={"height": None if is_short else "max(60vh, 420px)"},
    )


def connect(app: Dash, snapshot: Snapshot) -> None:
    """What one looks at lives in the address; what one changes goes to the store; new runs appear without a reload."""
    _connect_browser(app)
    _connect_store(app, snapshot)
    connect_trend(app, snapshot)


def _connect_browser(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("crossprof", "viewRuns"),
        Output("compare", "disabled"),
        Output("compare", "children"),
        Output("set-baseline", "disabled"),
        Output("set-baseline", "children"),
        Output("baseline-name", "children"),
        Output("delete", "disabled"),
        Output("delete", "children"),
        Output("run-matches", "children"),
        Input("runs", "selectedRows"),
        Input("filter", "value"),
        Input("facets", "value"),
        Input("group", "value"),
        Input("columns", "value"),
        Input("baseline", "data"),
        Input("trend-name", "value"),
        Input("trend-metric", "value"),
        Input("runs", "rowData"),
        State("columns", "options"),
        State("usual-columns", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("crossprof", "setBaseline"),
        Output("baseline", "data"),
        Input("set-baseline", "n_clicks"),
        State("runs", "selectedRows"),
        State("baseline", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("crossprof", "openComparison"),
        Output("url", "href"),
        Input("compare", "n_clicks"),
        State("runs", "selectedRows"),
        State("baseline", "data"),
        prevent_initial_call=True,
    )


def _connect_store(app: Dash, snapshot: Snapshot) -> None:
    def update(
        _ticks: Any, base: str | None, changed: Any, _deleted: Any, doomed: list[str] | None, held: str, shown: list[str]
    ) -> Any:  # fmt: skip
        """Rows, columns, how many, the version of the catalog that they are of, and what is to be said."""
        message: Any = no_update
        asked = ctx.triggered_id
        try:
            if asked == "delete-now" and doomed:
                message = edits.delete_runs(snapshot.path, doomed)
            elif asked == "runs" and changed:
                message = edits.apply(snapshot.path, changed)
        except CrossprofError as error:
            message = cards.failed(str(error))
        version = snapshot.version
        is_seen = version == held if asked == "refresh" else not asked and not base
        if is_seen:
            return (no_update,) * 6
        rows, units = load(snapshot.store())
        deltas(snapshot.store(), rows, base)
        offered = columns(rows, units, shown=shown)
        return rows, offered, _count(len(rows)), version, message, facets(rows)

    app.callback(
        Output("runs", "rowData"),
        Output("runs", "columnDefs"),
        Output("run-count", "children"),
        Output("catalog", "data"),
        Output("runs-message", "children"),
        Output("facets", "data"),
        Input("refresh", "n_intervals"),
        Input("baseline", "data"),
        Input("runs", "cellValueChanged"),
        Input("delete-now", "n_clicks"),
        State("doomed", "data"),
        State("catalog", "data"),
        State("columns", "value"),
    )(update)

    def part_with(_clicks: int | None, selected: Any) -> Any:
        chosen = selected.get("ids", []) if isinstance(selected, dict) else [row["run_id"] for row in selected or []]
        return edits.farewell(snapshot.store(), chosen), chosen

    app.callback(
        Output("farewell", "children"),
        Output("doomed", "data"),
        Input("delete", "n_clicks"),
        State("runs", "selectedRows"),
        prevent_initial_call=True,
    )(part_with)


PAGE = Page("/", "Runs", layout, connect, key="r")
