"""What stands beside a comparison: what the profiler itself cost, and in which circumstances the runs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from dash import html

from crossprof.dashboard import cards, theme
from crossprof.dashboard.quantity import NONE, percent, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.dashboard.toggles import Toggle
from crossprof.store import Store

__all__ = ["overhead_card", "settings_card"]

_OVERHEADS = {
    "step_time": "Step time",
    "step_time_profiled": "Under the profiler",
    "profiler_overhead": "Profiled over bare",
    "profiler_start_time": "Start",
    "profiler_stop_time": "Stop",
    "profiler_export_time": "Write",
    "trace_size": "Traces",
    "sampler_cpu": "Telemetry, of a core",
}
_OF_BARE = {"step_time", "profiler_overhead"}
_COST = (
    "select run_id, run_metric.metric, unit, value, n, ci_low, ci_high "
    "from run_metric join metric on metric.id = run_metric.metric "
    "where rank is null and list_contains(?, run_metric.metric) and list_contains(?, run_id)"
)
_BARE = "select distinct run_id from step_time where not is_profiled and not is_warmup and list_contains(?, run_id)"
_SETTINGS = "select kind, name, run_id, value from run_setting where list_contains(?, run_id) order by all"
_SHOWN = Toggle("settings", "Which circumstances are shown", {"differing": "What differs", "all": "All"})
_KINDS = {
    "fact": "Run",
    "config": "Configuration",
    "option": "Options of the profiler",
    "version": "Versions",
    "environment": "Environment",
    "tag": "Tags",
}


def overhead_card(store: Store, ids: Sequence[str], labels: Sequence[str]) -> html.Section:
    """Bare and profiled step times of each run, how much longer the profiled ones are, and what the profiler took besides."""
    rows = {(row["run_id"], row["metric"]): row for row in frame(store, _COST, list(_OVERHEADS), list(ids)).to_dicts()}
    timed = set(frame(store, _BARE, list(ids))["run_id"])
    title = "What the profiler cost"
    reading = (
        "Step times are of bare steps where there are any; 95 % intervals in brackets. Starting, stopping and writing lie "
        "between steps, and in none."
    )
    spelled = cards.spelled(_COST, list(_OVERHEADS), list(ids))
    if not any(row["value"] is not None for row in rows.values()):
        reason = "no step of these runs is marked. crossprof.steps() or run.step() marks steps."
        return cards.card(title, reading, cards.absent(reason), query=spelled)
    body = [
        html.Tr(
            [
                html.Th(label, scope="row", title=label),
                *(_cost(rows.get((run_id, metric)), metric, run_id in timed) for metric in _OVERHEADS),
            ]
        )
        for run_id, label in zip(ids, labels, strict=True)
    ]
    heads = [html.Th("Run", scope="col"), *(html.Th(text, scope="col", className="number") for text in _OVERHEADS.values())]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="plain overheads")
    return cards.card(title, reading, html.Div(table, className="scroll"), query=spelled)


def _cost(row: Mapping[str, Any] | None, metric: str, has_bare: bool) -> html.Td:
    if row is None or row["value"] is None or (metric in _OF_BARE and not has_bare):
        why = "no bare step was timed" if metric in _OF_BARE and not has_bare else ""
        return html.Td(NONE, className="number dimmed", title=why)
    scale = scale_for(row["unit"], [row["value"]])
    interval = "" if row["ci_low"] is None else f"[{scale.text(row['ci_low'])} to {scale.text(row['ci_high'])}]"
    text = percent(row["value"]) if row["unit"] == "ratio" else scale.full(row["value"])
    return html.Td(
        [html.Span(text), " ", html.Span(interval, className="interval")], className="number", title=f"{row['n']:,} samples"
    )


def settings_card(store: Store, ids: Sequence[str], labels: Sequence[str], address: Mapping[str, str]) -> html.Section:
    """Facts, configuration, options, versions, variables and tags: what differs, or all of them."""
    rows = frame(store, _SETTINGS, list(ids)).to_dicts()
    kinds = list(_KINDS)
    rows.sort(key=lambda row: (kinds.index(row["kind"]), row["name"]))
    body: list[html.Tr] = []
    differing = 0
    for kind, held in groupby(rows, key=lambda row: row["kind"]):
        lines = [
            _line(name, {row["run_id"]: row["value"] for row in same}, ids)
            for name, same in groupby(held, key=lambda row: row["name"])
        ]
        count = sum(line.className == "" for line in lines)
        head = html.Th(_KINDS[kind], scope="colgroup", colSpan=len(ids) + 1)
        body += [html.Tr(head, className="kind" if count else "kind is-even"), *lines]
        differing += count
    heads = [html.Th("", scope="col"), *(html.Th(theme.shortened(label), scope="col", title=label) for label in labels)]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="plain facts settings")
    known = sum(line.className in ("", "is-same") for line in body)
    told = f"{differing:,} of {known:,} known circumstances are not the same in all runs."
    return cards.card(
        "What differs between the runs",
        told,
        _SHOWN.control("compare", address),
        html.Div(table, className="scroll") if rows else cards.absent("nothing is known of the circumstances of these runs."),
        query=cards.spelled(_SETTINGS, list(ids)),
    )


def _line(name: str, values: Mapping[str, str], ids: Sequence[str]) -> html.Tr:
    """What one setting is in each run; of class is-same where all runs agree."""
    texts = [values.get(run_id, NONE) for run_id in ids]
    cells = [html.Td(text if len(text) <= 160 else html.Span(f"{text[:150]}…", title=text)) for text in texts]
    return html.Tr([html.Th(name, scope="row"), *cells], className="is-same" if len(set(texts)) == 1 else "")
