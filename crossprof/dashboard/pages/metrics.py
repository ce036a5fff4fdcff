"""Metrics `/metrics?runs=a,b&q=text#id`: what every number means, and what it is in chosen runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.selection import chosen, names_in, picker
from crossprof.dashboard.snapshot import Snapshot, frame, rows_of
from crossprof.store import Store

__all__ = ["PAGE"]

_MOST_RUNS = 8
_REGISTRY = "select * from metric"
_VALUES = (
    "select run_id, metric, value, n, ci_low, ci_high from run_metric where rank is null and value is not null and run_id = ?"
)
_PEERS = (
    "select run_id, metric, any_value(value) as value, count(*) as n, null::double as ci_low, null::double as ci_high "
    "from peer_metric where run_id = ? group by all having count(distinct value) = 1"
)
_TOPICS = {
    "time": ("Time", "How long steps take on the host, and how much they get done."),
    "device": ("Device", "How busy a device is, with what, and why it is idle."),
    "host": ("Host", "What the process does before the device can."),
    "communication": ("Communication", "Collectives between ranks, and waiting for them."),
    "memory": ("Memory", "How much is in use, by whose count."),
    "work": ("Operations and energy", "What is computed, how fast against what is possible, and at what cost of energy."),
    "quality": ("Quality of a capture", "How much of the truth a capture holds, and what the profiler itself costs."),
}
_TOOLS = {
    "hta": "Holistic Trace Analysis (hta.*)",
    "tracelens": "TraceLens (tracelens.*)",
    "tb": "TensorBoard plugin of PyTorch (tb.*)",
    "xprof": "XProf (xprof.*)",
}
_BETTER = {"lower": "lower is better", "higher": "higher is better", "none": "no direction is good"}

Values = Mapping[tuple[str, str], Mapping[str, Any]]
Group = tuple[str, str, list[Mapping[str, Any]]]
"""Title, explanation and metrics."""


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: a field to search with, the runs whose values stand beside, and a card for each topic and tool."""
    store = snapshot.store()
    runs = chosen(store, query, most=_MOST_RUNS) if names_in(query) else []
    registry = frame(store, _REGISTRY).to_dicts()
    ids = [str(run["run_id"]) for run in runs]
    values = {**_values(store, _VALUES, ids), **_values(store, _PEERS, ids)}
    lanes = theme.lanes(runs, "light")
    own, peers = _own(registry), _of_tools(registry)
    return [
        html.Div(
            [
                html.H1("Metrics"),
                html.Span(f"{len(registry):,} definitions", className="dimmed", id="metric-count"),
                html.Div(className="spacer"),
                picker(store, runs, most=_MOST_RUNS),
                html.Label("Find a metric", htmlFor="metric-search", className="hidden-label"),
                dcc.Input(
                    id="metric-search", value=query.get("q", ""), placeholder="Find a metric", className="filter", type="text"
                ),
            ],
            className="title-row",
        ),
        html.Nav(
            [html.A(title, href=f"#{cards.card_id(title)}") for title, _, _ in (*own, *peers)],
            className="page-links",
            **components.labelled("Groups of metrics"),
        ),
        *(_group(title, told, held, lanes, values) for title, told, held in (*own, *peers)),
        html.P("None of the definitions holds these words.", className="absent", id="metric-none", hidden=True),
        dcc.Store(id="metrics-shown", data={"count": len(registry)}),
    ]


def _values(store: Store, query: str, ids: Sequence[str]) -> Values:
    """What each metric is in each run."""
    rows = rows_of(store, query, ids).to_dicts() if ids else []
    return {(row["metric"], row["run_id"]): row for row in rows}


def _own(registry: Sequence[Mapping[str, Any]]) -> list[Group]:
    own = [metric for metric in registry if not metric["peer"]]
    known = [(*texts, [one for one in own if one["topic"] == topic]) for topic, texts in _TOPICS.items()]
    rest = [one for one in own if one["topic"] not in _TOPICS]
    return [group for group in (*known, ("Others", "", rest)) if group[2]]


def _of_tools(registry: Sequence[Mapping[str, Any]]) -> list[Group]:
    told = "What the tool itself would give, by its own rules, to reconcile figures; they enter no comparison."
    groups = [(title, told, [one for one in registry if one["peer"] == tool]) for tool, title in _TOOLS.items()]
    return [group for group in groups if group[2]]


def _group(
    title: str, told: str, metrics: Sequence[Mapping[str, Any]], lanes: Sequence[theme.Lane], values: Values
) -> html.Section:
    ids = [metric["id"] for metric in metrics]
    query = cards.spelled("from metric where list_contains(?, id)", ids)
    body = [_metric(metric, lanes, values) for metric in metrics]
    return cards.card(title, told, html.Div(body, className="definitions"), query=query, class_name="definition-group")


def _metric(metric: Mapping[str, Any], lanes: Sequence[theme.Lane], values: Values) -> html.Article:
    name = [
        html.H3(html.A(metric["title"], href=f"#{metric['id']}", className="anchor")),
        html.Code(metric["id"]),
        html.Div(f"{metric['unit']} · {_BETTER.get(metric['better'], metric['better'])}", className="dimmed"),
    ]
    parts = [html.Div(name, className="name"), html.Div(_meaning(metric), className="meaning")]
    if lanes:
        parts.append(html.Div(_measured(metric, lanes, values), className="measured"))
    words = " ".join(str(metric[field] or "") for field in ("id", "title", "numerator", "denominator", "source", "caveats"))
    return html.Article(parts, id=metric["id"], className="definition", **{"data-words": words.lower()})


def _meaning(metric: Mapping[str, Any]) -> list[Any]:
    """Numerator, denominator, window; how samples are summed up, what it compares across, where it is from; caveats."""
    has_denominator = metric["denominator"] not in (None, "", "none")
    facts = {
        "What": metric["numerator"],
        "Over" if metric["denominator"] != "step" else "Per": metric["denominator"] if has_denominator else None,
        "Window": metric["over_window"],
        "Caveat": metric["caveats"],
    }
    rows = [part for title, told in facts.items() if told for part in (html.Dt(title), html.Dd(told))]
    origin = [f"{_statistic(metric)}compares across {metric['comparable_across']} · from ", html.Code(metric["source"])]
    return [html.Dl(rows), html.P(origin, className="dimmed")]


def _statistic(metric: Mapping[str, Any]) -> str:
    if not metric["statistic"]:
        return ""
    return f"{metric['statistic']} over samples, {metric['across_ranks']} over ranks · "


def _measured(metric: Mapping[str, Any], lanes: Sequence[theme.Lane], values: Values) -> html.Table:
    held = [values.get((metric["id"], lane.run_id)) for lane in lanes]
    scale = scale_for(metric["unit"], [row["value"] for row in held if row])
    rows = []
    for lane, row in zip(lanes, held, strict=True):
        interval = f"[{scale.text(row['ci_low'])} to {scale.text(row['ci_high'])}]" if row and row["ci_low"] is not None else ""
        text = scale.full(row["value"]) if row else NONE
        cells = [html.Td(text, className="number value"), html.Td(interval, className="number interval")]
        rows.append(html.Tr([html.Th(lane.label, scope="row", title=lane.run_id), *cells]))
    return html.Table(html.Tbody(rows), className="plain", **components.labelled(f"{metric['title']} in the chosen runs"))


def connect(app: Dash, _snapshot: Snapshot) -> None:
    """Searching hides what does not match, in the browser; the address keeps the words."""
    app.clientside_callback(
        ClientsideFunction("crossprof", "findMetrics"),
        Output("metric-count", "children"),
        Input("metric-search", "value"),
        Input("metrics-shown", "data"),
    )


PAGE = Page("/metrics", "Metrics", layout, connect, key="d")
