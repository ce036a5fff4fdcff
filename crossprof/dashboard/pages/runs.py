"""Runs `/`: every run of the store; find some, choose a baseline, compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
import polars as pl
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.grids import COLUMN, GRID_OPTIONS, number_column
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import NONE, instant, scale_for
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.store import Store

__all__ = ["PAGE", "columns", "table"]

_METRICS = ("step_time", "throughput", "peak_memory")
_REFRESH_MS = 15_000


def table(
    runs: pl.DataFrame, metrics: pl.DataFrame, units: Mapping[str, str], doubts: pl.DataFrame
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of the grid, latest run first, and the unit of each metric's column.

    `runs` has the columns of the view run; `metrics` those of run_metric for whole runs; `doubts` run_id and code of findings.
    """
    values = {(row["run_id"], row["metric"]): row for row in metrics.to_dicts()}
    scales = {
        metric: scale_for(units.get(metric), [row["value"] for (_, name), row in values.items() if name == metric])
        for metric in _METRICS
    }
    codes = dict(doubts.group_by("run_id").agg(pl.col("code").unique().sort().str.join(", ")).iter_rows())
    rows = []
    for run in runs.sort("started_ns", descending=True, nulls_last=True).to_dicts():
        row = _facts(run) | {"verdict_why": codes.get(run["run_id"], "")}
        for metric, scale in scales.items():
            held = values.get((run["run_id"], metric), {})
            row[metric] = held.get("value")
            row[f"{metric}_text"] = scale.text(held.get("value"))
            if metric == "step_time" and held.get("ci_low") is not None:
                row["step_time_text"] += f"  [{scale.text(held['ci_low'])}, {scale.text(held['ci_high'])}]"
        rows.append(row)
    return rows, {metric: scale.unit for metric, scale in scales.items()}


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    tags = run["tags"] or {}
    tags = dict(tags) if isinstance(tags, Mapping) else {pair["key"]: pair["value"] for pair in tags}
    count = run["device_count"] or 1
    return {
        "run_id": str(run["run_id"]),
        "run": run["run"],
        "framework": f"{theme.framework_title(run['framework'])} {run['framework_version'] or ''}".strip(),
        "framework_key": run["framework"] or "unknown",
        "model": run["model"] or NONE,
        "device": (run["device_model"] or run["device_kind"] or NONE) + (f" ×{count}" if count > 1 else ""),
        "precision": run["precision"] or NONE,
        "batch_size": run["batch_size"],
        "batch_size_text": NONE if run["batch_size"] is None else f"{run['batch_size']:,}",
        "status": run["status"],
        "verdict": run["verdict"],
        "started": instant(run["started_ns"]),
        "tags": ", ".join(f"{key}={value}" for key, value in sorted(tags.items())),
    }


def _load(store: Store) -> tuple[list[dict[str, Any]], dict[str, str]]:
    metrics = frame(
        store,
        "select run_id, metric, value, ci_low, ci_high from run_metric where rank is null and list_contains(?, metric)",
        list(_METRICS),
    )
    units = dict(frame(store, "select id, unit from metric where list_contains(?, id)", list(_METRICS)).iter_rows())
    runs = frame(store, "select * from run")
    doubts = frame(store, "select run_id, code from finding where severity <> 'info'")
    return table(runs, metrics, units, doubts)


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: filter, buttons and grid; with an empty store, how to fill it."""
    version = snapshot.version
    rows, units = _load(snapshot.store())
    if not rows:
        return _empty(snapshot)
    chosen = [run_id for run_id in query.get("runs", "").split(",") if run_id]
    return [
        html.Div(
            [
                html.H1("Runs"),
                html.Span(f"{len(rows):,} in this store", className="dimmed", id="run-count"),
                html.Div(className="spacer"),
                html.Span(id="baseline-name", className="dimmed"),
                html.Button("Set as baseline", id="set-baseline", className="button", disabled=True),
                html.Button("Compare", id="compare", className="button primary", disabled=True),
                html.Label("Filter runs", htmlFor="filter", className="hidden-label"),
                dcc.Input(id="filter", value=query.get("q", ""), placeholder="Filter", className="filter", type="text"),
            ],
            className="title-row",
        ),
        _grid(rows, units, query.get("q", ""), chosen),
        dcc.Store(id="baseline", data=query.get("base")),
        dcc.Store(id="catalog", data=version),
        dcc.Interval(id="refresh", interval=_REFRESH_MS),
    ]


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


def _grid(rows: list[dict[str, Any]], units: Mapping[str, str], text: str, chosen: list[str]) -> dag.AgGrid:
    return dag.AgGrid(
        id="runs",
        rowData=rows,
        columnDefs=columns(rows, units),
        selectedRows={"ids": chosen},
        getRowId="params.data.run_id",
        defaultColDef={**COLUMN, "wrapHeaderText": True, "autoHeaderHeight": True},
        dashGridOptions={
            **GRID_OPTIONS,
            "rowSelection": {"mode": "multiRow", "enableClickSelection": False},
            "selectionColumnDef": {"pinned": "left", "width": 44},
            "quickFilterText": text,
            "domLayout": "autoHeight" if len(rows) <= 25 else "normal",
        },
        className="grid",
        style={"height": None if len(rows) <= 25 else "calc(100vh - 132px)"},
    )


def columns(rows: list[dict[str, Any]], units: Mapping[str, str]) -> list[dict[str, Any]]:
    """The columns that some run fills, the name as wide as the names need within reason."""
    name_width = min(max(44 + 7 * max(len(row["run"]) for row in rows), 130), 270)
    offered = [
        _text("run", "Name", name_width, cellRenderer="RunLink", pinned="left"),
        _text("framework", "Framework", 178, cellRenderer="FrameworkChip"),
        _text("device", "Device", 150, flex=1),
        number_column("step_time", _titled("Step time", units["step_time"]), 152),
        number_column("throughput", _titled("Throughput", units["throughput"]), 116),
        number_column("peak_memory", _titled("Peak memory", units["peak_memory"]), 112),
        _text("verdict", "Verdict", 84, cellRenderer="Verdict"),
        _text("started", "Started, UTC", 160, valueFormatter={"function": "params.value.slice(0, 16)"}),
        _text("model", "Model", 112),
        _text("precision", "Precision", 96),
        {
            **number_column("batch_size", "Batch", 76),
            "valueFormatter": {"function": "params.value == null ? '–' : params.value"},
        },
        _text("status", "Status", 98),
        _text("tags", "Tags", 140),
    ]
    return [column for column in offered if any(row[column["field"]] not in (None, "", NONE) for row in rows)]


def _titled(title: str, unit: str) -> str:
    return f"{title}, {unit}" if unit else title


def _text(field: str, title: str, width: int, **more: Any) -> dict[str, Any]:
    return {"field": field, "headerName": title, "minWidth": width, "width": width, "tooltipField": field, **more}


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Selection, filter and baseline live in the address; new runs appear without a reload."""
    browser = "crossprof"
    app.clientside_callback(
        ClientsideFunction(browser, "quickFilter"),
        Output("runs", "dashGridOptions"),
        Input("filter", "value"),
        State("runs", "dashGridOptions"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(browser, "keepSelection"),
        Output("compare", "disabled"),
        Output("compare", "children"),
        Output("set-baseline", "disabled"),
        Output("set-baseline", "children"),
        Output("baseline-name", "children"),
        Input("runs", "selectedRows"),
        Input("filter", "value"),
        Input("baseline", "data"),
        State("runs", "rowData"),
    )
    app.clientside_callback(
        ClientsideFunction(browser, "setBaseline"),
        Output("baseline", "data"),
        Input("set-baseline", "n_clicks"),
        State("runs", "selectedRows"),
        State("baseline", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(browser, "openComparison"),
        Output("url", "href"),
        Input("compare", "n_clicks"),
        State("runs", "selectedRows"),
        State("baseline", "data"),
        prevent_initial_call=True,
    )

    def refresh(_ticks: int | None, shown: str) -> Any:
        version = snapshot.version
        if not ctx.triggered_id or version == shown:
            return no_update, no_update, no_update, no_update
        rows, units = _load(snapshot.store())
        return rows, columns(rows, units), f"{len(rows):,} in this store", version

    app.callback(
        Output("runs", "rowData"),
        Output("runs", "columnDefs"),
        Output("run-count", "children"),
        Output("catalog", "data"),
        Input("refresh", "n_intervals"),
        State("catalog", "data"),
        prevent_initial_call=True,
    )(refresh)


PAGE = Page("/", "Runs", layout, connect, key="r")
