"""Run `/run?run=ID`: what one run measured, whether to trust it, and the circumstances."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dash import Dash, dcc, html

from crossprof.dashboard import cards, components
from crossprof.dashboard.addresses import export_address, flame_address
from crossprof.dashboard.drawing import COURSE, FIGURES, connect_figure, shown
from crossprof.dashboard.grids import work_grid
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import NONE, instant, scale_for
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.wording import TRUST, bound
from crossprof.store import Store
from crossprof.store.composition import composition

__all__ = ["PAGE"]

_SEVERITIES = ("error", "warning", "info")
_FIGURES = ("categories", "memory", "utilization")  # the last one over the whole width


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page of the run that `run` names."""
    if not query.get("run"):
        return [html.H1("Run"), cards.absent("the address names no run."), dcc.Link("All runs", href="/")]
    store = snapshot.store()
    run_id = store.resolve(query["run"])[0]
    run = frame(store, "select * from run where run_id = ?", run_id).to_dicts()[0]
    return [
        html.Div(
            [
                html.H1(run["run"]),
                html.Span(f"capture {run['verdict']}", className=f"badge is-{run['verdict']}", title=TRUST[run["verdict"]]),
                components.chip(run["framework"]),
                html.Span(_summary(run), className="dimmed"),
            ],
            className="title-row",
        ),
        _exports(run_id, run["run"]),
        cards.card(
            "What a step is made of",
            "",
            html.P(bound(composition(store, [run_id])), className="sentence"),
            class_name="verdict",
        ),
        COURSE.card("run", "course", [[run_id]]),
        cards.columns(
            [_findings(store, run_id), _metrics(store, run_id)],
            [FIGURES[name].card("run", name, [[run_id]]) for name in _FIGURES[:-1]],
        ),
        FIGURES[_FIGURES[-1]].card("run", _FIGURES[-1], [[run_id]]),
        _work(store, run_id),
        cards.columns(
            [cards.card("Run", "Where and how it ran.", *_identity(run)), _artifacts(store, run_id)],
            [
                cards.card("Environment", "Versions and variables that decide what a figure means.", _environment(run)),
                _options(run),
            ],
        ),
        shown([[run_id]], [run["run"]]),
    ]


def _summary(run: Mapping[str, Any]) -> str:
    parts = (run["framework_version"], run["model"], run["precision"], run["device_model"], instant(run["started_ns"]) + " UTC")
    return " · ".join(part for part in parts if part)


def _exports(run_id: str, name: str) -> html.Div:
    """The run in other tools: the flame graph opens beside, the others are files."""
    files = {"perfetto": "Perfetto trace", "speedscope": "speedscope", "parquet": "Parquet", "html": "HTML report"}
    links = [html.A(title, href=export_address(run_id, form), download="") for form, title in files.items()]
    flames = html.A("Flame graph", href=flame_address(run_id, name), target="_blank", rel="noopener")
    return html.Div([flames, html.Span("Export", className="dimmed"), *links], className="exports")


def _metrics(store: Store, run_id: str) -> html.Section:
    rows = frame(
        store,
        "select metric, title, unit, numerator, denominator, over_window, value, n, ci_low, ci_high "
        "from run_metric join metric on metric.id = run_metric.metric where run_id = ? and rank is null and value is not null",
        run_id,
    )
    if rows.is_empty():
        return cards.card("Metrics", "", cards.absent("no metric could be computed: see the findings."))
    body = []
    for row in rows.to_dicts():
        scale = scale_for(row["unit"], [row["value"]])
        interval = NONE if row["ci_low"] is None else f"{scale.text(row['ci_low'])} to {scale.text(row['ci_high'])}"
        cells = (scale.full(row["value"]), interval, NONE if row["n"] is None else f"{row['n']:,}")
        title = html.Th(components.defined(row["title"], components.definition(row)), scope="row")
        body.append(html.Tr([title, *(html.Td(cell, className="number") for cell in cells)]))
    names = ("Value", "95\u00a0%\u00a0interval", "Samples")
    head = html.Tr([html.Th("Metric"), *(html.Th(name, className="number", scope="col") for name in names)])
    table = html.Table([html.Thead(head), html.Tbody(body)], className="plain metrics")
    return cards.card("Metrics", "Hover over a name for its definition.", html.Div(table, className="scroll"))


def _work(store: Store, run_id: str) -> html.Section:
    query = "select name, category, calls, total_ns from kernel_summary where kind <> 'async' and run_id = ?"
    rows, title = frame(store, query, run_id), "Kernels"
    if rows.is_empty():
        rows = frame(store, "select name, category, calls, self_ns as total_ns from op_summary where run_id = ?", run_id)
        title = "Operators"
    subtitle = "Over the whole capture, by total time" + (
        " on the device." if title == "Kernels" else " of their own on the host."
    )
    if rows.is_empty():
        return cards.card("Kernels or operators", subtitle, cards.absent("the capture holds neither."))
    return cards.card(title, subtitle, work_grid(rows))


def _findings(store: Store, run_id: str) -> html.Section:
    rows = frame(store, "select severity, code, rank, count, detail, effect from finding where run_id = ?", run_id).to_dicts()
    subtitle = "What is wrong or notable in the capture, and what it means for the numbers."
    if not rows:
        return cards.card("Findings", subtitle, cards.absent("nothing wrong or notable was found in this capture."))
    rows.sort(key=lambda row: _SEVERITIES.index(row["severity"]) if row["severity"] in _SEVERITIES else 0)
    body = [
        html.Tr(
            [
                html.Td(row["severity"], className=f"severity-{row['severity']}"),
                html.Td(
                    [
                        html.Div([html.Code(row["code"]), _count(row)]),
                        html.Div(row["detail"]),
                        html.Div(row["effect"], className="dimmed"),
                    ]
                ),
            ]
        )
        for row in rows
    ]
    return cards.card("Findings", subtitle, html.Table(html.Tbody(body), className="plain"))


def _count(row: Mapping[str, Any]) -> html.Span:
    rank = "" if row["rank"] is None else f" on rank {row['rank']}"
    return html.Span(f"  {row['count']:,} time{'' if row['count'] == 1 else 's'}{rank}", className="dimmed")


def _identity(run: Mapping[str, Any]) -> list[Any]:
    """What is known of the run as a table, and in one line what is not."""
    commit = run["git_commit"] and run["git_commit"][:12] + (", with uncommitted changes" if run["git_is_dirty"] else "")
    lasted = run["ended_ns"] - run["started_ns"] if run["ended_ns"] and run["started_ns"] else None
    rows = {
        "Run id": html.Code(str(run["run_id"])),
        "Status": run["status"],
        "Source": run["source"],
        "Lasted": scale_for("ns", [lasted]).full(lasted) if lasted else None,
        "Phase": run["phase"],
        "Batch size": run["batch_size"],
        "Ranks": run["world_size"],
        "Device": " ".join(str(part) for part in (run["device_count"], "×", run["device_model"] or run["device_kind"]) if part),
        "Host": run["host"],
        "Commit": commit,
        "Tags": _pairs(run["tags"]),
        "Configuration": _json(run["config"]),
    }
    known = {name: value for name, value in rows.items() if value not in (None, "", {}, NONE)}
    unknown = ", ".join(name.lower() for name in rows if name not in known)
    return [components.facts(known), *([html.P(f"Not known: {unknown}.", className="dimmed")] if unknown else [])]


def _environment(run: Mapping[str, Any]) -> Any:
    rows = {"Python": run["python_version"] or NONE, "crossprof": run["crossprof_version"] or NONE}
    rows |= _mapping(run["versions"]) | {name: html.Code(value) for name, value in _mapping(run["environment"]).items()}
    return components.facts(rows)


def _options(run: Mapping[str, Any]) -> html.Section:
    requested, effective = (_document(run[name]) for name in ("options_requested", "options_effective"))
    subtitle = "What was asked of the profiler, and what was in force. Differences are in bold."
    names = list(dict.fromkeys([*requested, *effective]))
    if not names:
        return cards.card("Options", subtitle, cards.absent("an imported trace does not tell its options."))
    body = []
    for name in names:
        asked, used = (_shown(options.get(name)) for options in (requested, effective))
        differs = asked != used and NONE not in (asked, used)
        body.append(html.Tr([html.Th(name, scope="row"), html.Td(asked), html.Td(html.B(used) if differs else used)]))
    head = html.Tr([html.Th("Option", scope="col"), html.Th("Requested", scope="col"), html.Th("Effective", scope="col")])
    return cards.card("Options", subtitle, html.Table([html.Thead(head), html.Tbody(body)], className="plain facts"))


def _artifacts(store: Store, run_id: str) -> html.Section:
    rows = frame(store, "select path, format, bytes, storage, sha256 from artifact where run_id = ?", run_id).sort("path")
    subtitle = "The files that the run was read from."
    if rows.is_empty():
        return cards.card("Artifacts", subtitle, cards.absent("the profiler wrote no file."))
    body = [
        html.Tr(
            [
                html.Td(html.Code(row["path"], title=f"sha256 {row['sha256']}"), style={"overflowWrap": "anywhere"}),
                html.Td(row["format"]),
                html.Td(scale_for("bytes", [row["bytes"]]).full(row["bytes"]), className="number"),
                html.Td(row["storage"], className="dimmed"),
            ]
        )
        for row in rows.to_dicts()
    ]
    return cards.card("Artifacts", subtitle, html.Div(html.Table(html.Tbody(body), className="plain"), className="scroll"))


def _pairs(value: Any) -> str:
    return ", ".join(f"{key}={held}" for key, held in _mapping(value).items())


def _mapping(value: Any) -> dict[str, str]:
    """A MAP column of DuckDB as a dict: polars holds it as a list of key and value."""
    if not value:
        return {}
    pairs = value.items() if isinstance(value, Mapping) else ((pair["key"], pair["value"]) for pair in value)
    return {str(key): str(held) for key, held in sorted(pairs)}


def _document(value: Any) -> dict[str, Any]:
    held = json.loads(value) if isinstance(value, str) and value else value
    return held if isinstance(held, dict) else {}


def _json(value: Any) -> Any:
    held = _document(value)
    return html.Code(json.dumps(held)) if held else NONE


def _shown(value: Any) -> str:
    return NONE if value is None else value if isinstance(value, str) else json.dumps(value)


def connect(app: Dash, snapshot: Snapshot) -> None:
    """The figures follow the colour scheme."""
    connect_figure(app, snapshot, page="run", name="course", drawing=COURSE)
    for name in _FIGURES:
        connect_figure(app, snapshot, page="run", name=name)


PAGE = Page("/run", "Run", layout, connect, is_in_menu=False)
