"""What is known of a run, as cards: its metrics, findings, identity, environment, options and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from crossprof.dashboard import cards, components
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["artifacts", "captures", "environment", "findings", "identity", "metrics", "options"]

_SEVERITIES = ("error", "warning", "info")
_METRICS = (
    "select metric, title, unit, numerator, denominator, over_window, value, n, ci_low, ci_high "
    "from run_metric join metric on metric.id = run_metric.metric where run_id = ? and rank is null and value is not null"
)
_FINDINGS = "select severity, code, rank, count, detail, effect from finding where run_id = ?"
_ARTIFACTS = "select path, format, bytes, storage, sha256, rank, capture from artifact where run_id = ? order by path"
_RUN = "select * from run where run_id = ?"
_CAPTURES = (
    "select rank, host, status, step_count, profiled_step_count, capture_count, profiler_start_ns, profiler_stop_ns, "
    "profiler_export_ns from rank where run_id = ? order by rank"
)
_COUNTS = ("step_count", "profiled_step_count", "capture_count")
_MOST_RANKS = 16


def metrics(store: Store, run_id: str) -> html.Section:
    """Every metric of the run as a whole that it has a source for."""
    rows, query = frame(store, _METRICS, run_id), cards.spelled(_METRICS, run_id)
    if rows.is_empty():
        return cards.card("Metrics", "", cards.absent("no metric could be computed: see the findings."), query=query)
    has_intervals = rows["ci_low"].null_count() < len(rows)  # one step has none
    told = [_metric(row, has_intervals=has_intervals) for row in rows.to_dicts()]
    half = (len(told) + 1) // 2
    tables = [_metrics_table(part, has_intervals=has_intervals) for part in (told[:half], told[half:]) if part]
    subtitle = "Of the run as a whole. Hover over a name for its definition."
    return cards.card("Metrics", subtitle, html.Div(tables, className="columns halves"), query=query)


def _metric(row: Mapping[str, Any], *, has_intervals: bool) -> html.Tr:
    scale = scale_for(row["unit"], [row["value"]])
    interval = NONE if row["ci_low"] is None else f"{scale.text(row['ci_low'])} to {scale.text(row['ci_high'])}"
    samples = NONE if row["n"] is None else f"{row['n']:,}"
    cells = [scale.full(row["value"]), *([interval] if has_intervals else []), samples]
    title = html.Th(components.defined(row["title"], components.definition(row)), scope="row")
    return html.Tr([title, *(html.Td(cell, className="number") for cell in cells)])


def _metrics_table(body: Sequence[html.Tr], *, has_intervals: bool) -> html.Div:
    names = ["Value", *(["95\u00a0%\u00a0interval"] if has_intervals else []), "Samples"]
    head = html.Tr([html.Th("Metric"), *(html.Th(name, className="number", scope="col") for name in names)])
    return html.Div(html.Table([html.Thead(head), html.Tbody(body)], className="plain metrics"), className="scroll")


def findings(store: Store, run_id: str) -> html.Section:
    """What was found in the capture, the gravest first."""
    rows, query = frame(store, _FINDINGS, run_id).to_dicts(), cards.spelled(_FINDINGS, run_id)
    subtitle = "What is wrong or notable in the capture, and what it means for the numbers."
    if not rows:
        return cards.card(
            "Findings", subtitle, cards.absent("nothing wrong or notable was found in this capture."), query=query
        )
    rows.sort(key=lambda row: _SEVERITIES.index(row["severity"]) if row["severity"] in _SEVERITIES else 0)
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault((row["severity"], row["code"]), []).append(row)
    body = [_finding(found) for found in alike.values()]
    return cards.card("Findings", subtitle, html.Table(html.Tbody(body), className="plain"), query=query)


def _finding(found: Sequence[Mapping[str, Any]]) -> html.Tr:
    """What was found under one code: what most of it is in full, the rest behind a click."""
    first, *rest = sorted(found, key=lambda row: -row["count"])
    count = sum(row["count"] for row in found)
    parts = [
        html.Div([html.Code(first["code"]), html.Span(f"  {_times(count)}{_on(found)}", className="dimmed")]),
        html.Div(first["detail"]),
        html.Div(first["effect"], className="dimmed"),
    ]
    if rest:
        others = html.Ul([html.Li(f"{row['detail']} {_times(row['count'])}{_on([row])}.") for row in rest])
        parts.append(html.Details([html.Summary(f"{len(rest)} more alike"), others]))
    return html.Tr([html.Td(first["severity"], className=f"severity-{first['severity']}"), html.Td(parts)])


def _times(count: int) -> str:
    return f"{count:,} time{'' if count == 1 else 's'}"


def _on(found: Sequence[Mapping[str, Any]]) -> str:
    """Where findings are: on which rank, or on how many."""
    ranks = {row["rank"] for row in found if row["rank"] is not None}
    return "" if not ranks else f" on rank {ranks.pop()}" if len(ranks) == 1 else f" on {len(ranks)} ranks"


def identity(run: Mapping[str, Any]) -> html.Section:
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
        "Links": _links(run["links"]),
        "Tags": _pairs(run["tags"]),
        "Note": run["note"],
        "Configuration": _json(run["config"]),
    }
    known = {name: value for name, value in rows.items() if value not in (None, "", {}, [], NONE)}
    unknown = ", ".join(name.lower() for name in rows if name not in known)
    missing = [html.P(f"Not known: {unknown}.", className="dimmed")] if unknown else []
    query = cards.spelled(_RUN, str(run["run_id"]))
    return cards.card("Run", "Where and how it ran.", components.facts(known), *missing, query=query)


def environment(run: Mapping[str, Any]) -> html.Section:
    """Versions, and variables of the environment."""
    rows = {"Python": run["python_version"] or NONE, "crossprof": run["crossprof_version"] or NONE}
    rows |= _mapping(run["versions"]) | {name: html.Code(value) for name, value in _mapping(run["environment"]).items()}
    subtitle = "Versions and variables that decide what a figure means."
    query = cards.spelled(_RUN, str(run["run_id"]))
    return cards.card("Environment", subtitle, components.facts(rows), query=query)


def options(run: Mapping[str, Any]) -> html.Section:
    """What was asked of the profiler beside what was in force."""
    query = cards.spelled(_RUN, str(run["run_id"]))
    requested, effective = (_document(run[name]) for name in ("options_requested", "options_effective"))
    subtitle = "What was asked of the profiler, and what was in force. Differences are in bold."
    names = list(dict.fromkeys([*requested, *effective]))
    if not names:
        return cards.card("Options", subtitle, cards.absent("an imported trace does not tell its options."), query=query)
    body = []
    for name in names:
        asked, used = (_shown(options.get(name)) for options in (requested, effective))
        differs = asked != used and NONE not in (asked, used)
        body.append(html.Tr([html.Th(name, scope="row"), html.Td(asked), html.Td(html.B(used) if differs else used)]))
    head = html.Tr([html.Th("Option", scope="col"), html.Th("Requested", scope="col"), html.Th("Effective", scope="col")])
    return cards.card(
        "Options", subtitle, html.Table([html.Thead(head), html.Tbody(body)], className="plain facts"), query=query
    )


def artifacts(store: Store, run_id: str) -> html.Section:
    """The files that the run was read from."""
    rows, query = frame(store, _ARTIFACTS, run_id), cards.spelled(_ARTIFACTS, run_id)
    subtitle = "The files that the run was read from, with the rank and the window of each."
    if rows.is_empty():
        return cards.card("Artifacts", subtitle, cards.absent("the profiler wrote no file."), query=query)
    body = [
        html.Tr(
            [
                html.Td(html.Code(row["path"], title=f"sha256 {row['sha256']}"), style={"overflowWrap": "anywhere"}),
                html.Td(row["format"]),
                html.Td(scale_for("bytes", [row["bytes"]]).full(row["bytes"]), className="number"),
                html.Td(row["storage"], className="dimmed"),
                html.Td(_where(row), className="dimmed", style={"whiteSpace": "nowrap"}),
            ]
        )
        for row in rows.to_dicts()
    ]
    table = html.Table(html.Tbody(body), className="plain")
    return cards.card("Artifacts", subtitle, html.Div(table, className="scroll"), query=query)


def _where(row: Mapping[str, Any]) -> str:
    return f"rank {row['rank']}" + ("" if row["capture"] is None else f", window {row['capture']}")


def captures(store: Store, run_id: str) -> html.Section:
    """What was captured on each rank, and what starting, stopping and writing cost there."""
    rows, query = frame(store, _CAPTURES, run_id).to_dicts(), cards.spelled(_CAPTURES, run_id)
    names = ("Rank", "Steps", "Profiled", "Windows", "Start", "Stop", "Write")
    head = html.Tr([html.Th(name, scope="col", className="number") for name in names])
    fields = ("profiler_start_ns", "profiler_stop_ns", "profiler_export_ns")
    body = []
    for row in rows[:_MOST_RANKS]:
        counts = [NONE if row[name] is None else f"{row[name]:,}" for name in _COUNTS]
        times = [scale_for("ns", [row[name]]).full(row[name]) for name in fields]
        title = f"{row['host'] or 'unknown host'}, {row['status'] or 'status unknown'}"
        body.append(html.Tr([html.Td(cell, className="number", title=title) for cell in (str(row["rank"]), *counts, *times)]))
    table = html.Table([html.Thead(head), html.Tbody(body)], className="plain")
    subtitle = "Steps of each rank, and the time that starting and stopping the profiler and writing its files took."
    return cards.card("Captures", subtitle, html.Div(table, className="scroll"), *_left_out(len(rows)), query=query)


def _left_out(count: int) -> list[html.P]:
    return [html.P(f"The first {_MOST_RANKS} of {count} ranks.", className="dimmed")] if count > _MOST_RANKS else []


def _links(value: Any) -> list[Any]:
    """The runs of other trackers: an address of the web as a link, an id or a directory as text."""
    parts: list[Any] = []
    for tracker, place in _mapping(value).items():
        is_address = place.startswith(("https://", "http://"))
        parts += [f"{tracker}: ", html.A(place, href=place, rel="noreferrer") if is_address else html.Code(place), html.Br()]
    return parts[:-1]


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
