"""What bounds a run and what to do about it, as cards: verdict, advice, the largest work, totals of a capture, ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from dash import dcc, html
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, theme, wording
from crossprof.dashboard.addresses import page_address, sql_address
from crossprof.dashboard.drawing import Drawing, Sides
from crossprof.dashboard.figures import parts
from crossprof.dashboard.quantity import NONE, Scale, percent, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["PARTS", "advice", "advice_card", "bottleneck", "capture_totals", "ranks", "top_kernels", "top_operators", "verdict"]

_BOTTLENECK = "select sentence, scope, bound_by, share_ratio from bottleneck where run_id = ?"
_ADVICE = (
    "select code, title, share_ratio, evidence, action, threshold_ratio, threshold_reason, page, query from advice "
    "where run_id = ? order by share_ratio desc nulls last, code"
)
_CAPTURE = "select * from capture_total where run_id = ? order by rank, device_id nulls last"
_KERNELS = (
    "select name, category, calls, total_ns, share_ratio from operation_summary "
    "where run_id = ? and level = 'name' and kind <> 'async' order by total_ns desc, name limit 10"
)
_OPERATORS = (
    "select name, category, calls, self_ns as total_ns, device_ns from operation_summary "
    "where run_id = ? and level = 'operator' order by device_ns desc nulls last, self_ns desc, name limit 10"
)
_RANKS = (
    "select rank, " + ", ".join(f"any_value(value) filter (metric = '{metric}') as {metric}" for metric in (
        "step_time", "device_busy", "compute_time", "exposed_communication_time", "collective_wait_time", "idle_time",
        "peak_memory",
    )) + " from run_metric where run_id = ? and rank is not null group by rank order by rank"
)  # fmt: skip
_PARTS = "select part, mean_ns, share_ratio, window_ns, scope, windows from time_part"
_PAGES = {"/timeline": "Timeline", "/kernels": "Kernels", "/operators": "Operators", "/memory": "Memory", "/ranks": "Ranks"}
_MOST_RANKS = 16


def _draw_parts(store: Store, sides: Sides, _lanes: Sequence[theme.Lane], look: theme.Theme) -> Figure:
    return parts.bar(frame(store, f"{_PARTS} where run_id = ?", sides[0][0]), look)


PARTS = Drawing(
    "What the time is made of",
    "Each moment is compute, communication, a copy or idle by its cause, in that order; the mean over measured steps, ranks "
    "and devices. Where no step is marked: the capture, from first to last work.",
    _PARTS,
    _draw_parts,
)


def bottleneck(store: Store, run_id: str) -> Mapping[str, Any]:
    """What bounds the run, the row of the view; empty where the capture does not tell."""
    return next(iter(frame(store, _BOTTLENECK, run_id).to_dicts()), {})


def verdict(bound: Mapping[str, Any], run_id: str) -> html.Section:
    """What bounds the run, in a sentence."""
    sentence = wording.unbroken(bound["sentence"] if bound else wording.UNBOUND)
    body = html.P(sentence, className="sentence")
    return cards.card("What bounds this run", "", body, query=cards.spelled(_BOTTLENECK, run_id), class_name="verdict")


def advice_card(run_id: str) -> html.Section:
    """The card of what to do next; a request of its own fills it, since all rules are asked about all figures of the run."""
    subtitle = (
        "What was measured, and what usually helps; the share is the most that could be gained. Hover over it for the rule."
    )
    return cards.figure_card("run", "advice", "Advice", subtitle, query=cards.spelled(_ADVICE, run_id), height=180)


def advice(store: Store, run_id: str) -> html.P | html.Ol:
    """What to do next: each piece with its evidence, the rule behind it, and where to see it."""
    rows = frame(store, _ADVICE, run_id).to_dicts()
    if not rows:
        return cards.absent("no figure of the run passes the threshold of a rule.")
    return html.Ol([_piece(row, run_id) for row in rows], className="advice-list")


def _piece(row: Mapping[str, Any], run_id: str) -> html.Li:
    share = [] if row["share_ratio"] is None else [html.Span(percent(row["share_ratio"]), className="share", title=_rule(row))]
    links = [dcc.Link(_PAGES[row["page"]], href=page_address(row["page"], [run_id]))] if row["page"] in _PAGES else []
    links.append(dcc.Link("The SQL that shows it", href=sql_address(row["query"])))
    return html.Li(
        [
            html.Div([html.Strong(row["title"], title=_rule(row)), *share]),
            html.Div(wording.unbroken(row["evidence"])),
            html.Div(row["action"], className="action"),
            html.Div([part for link in links for part in (link, " ")], className="links"),
        ]
    )


def _rule(row: Mapping[str, Any]) -> str:
    return f"Speaks from {percent(row['threshold_ratio'])} on. {row['threshold_reason']}"


@dataclass(frozen=True)
class _Top:
    """A table of the ten largest of a kind of work."""

    title: str
    subtitle: str
    select: str
    path: str
    times: Mapping[str, str]
    reason: str


_TOP_KERNELS = _Top(
    "Top kernels",
    "Ten names over the whole capture, by their time on the devices; the share is of all device work.",
    _KERNELS,
    "/kernels",
    {"total_ns": "Total"},
    "the capture holds no work of a device.",
)
_TOP_OPERATORS = _Top(
    "Top operators",
    "Ten names over the whole capture, by the device work that they launched, then by their own time on the host.",
    _OPERATORS,
    "/operators",
    {"total_ns": "Self, host", "device_ns": "Device"},
    "the capture holds no operators.",
)


def top_kernels(store: Store, run_id: str) -> html.Section:
    """The ten kernels that the devices spent most time on."""
    return _top(store, run_id, _TOP_KERNELS)


def top_operators(store: Store, run_id: str) -> html.Section:
    """The ten operators that cost most: of a device's time where they launched work, else of the host's."""
    return _top(store, run_id, _TOP_OPERATORS)


def _top(store: Store, run_id: str, top: _Top) -> html.Section:
    rows, query = frame(store, top.select, run_id), cards.spelled(top.select, run_id)
    if rows.is_empty():
        return cards.card(top.title, top.subtitle, cards.absent(top.reason), query=query)
    scales = {name: scale_for("ns", rows[name]) for name in top.times if rows[name].null_count() < len(rows)}
    heads = ["Calls", *(f"{top.times[name]}, {scale.unit}" for name, scale in scales.items())]
    heads += ["Share"] if "share_ratio" in rows.columns else []
    head = html.Tr([html.Th("Name", scope="col"), *(html.Th(text, className="number", scope="col") for text in heads)])
    body = [_top_row(row, scales) for row in rows.to_dicts()]
    table = html.Table([html.Thead(head), html.Tbody(body)], className="plain top")
    everything = dcc.Link(f"All of {_PAGES[top.path]}", href=page_address(top.path, [run_id]))
    return cards.card(top.title, top.subtitle, html.Div(table, className="scroll"), html.P(everything), query=query)


def _top_row(row: Mapping[str, Any], scales: Mapping[str, Scale]) -> html.Tr:
    color = {"--chip": theme.category_color(row["category"])}
    title = f"{row['name']} · {row['category']}"
    name = html.Span(theme.shortened(theme.bare(row["name"]), most=64), className="chip", style=color, title=title)
    cells = [f"{row['calls']:,}", *(scale.text(row[field]) for field, scale in scales.items())]
    cells += [percent(row["share_ratio"])] if "share_ratio" in row else []
    return html.Tr([html.Td(name, className="mono"), *(html.Td(cell, className="number") for cell in cells)])


def capture_totals(store: Store, run_id: str) -> html.Section:
    """What the capture says as a whole, whatever steps it marks."""
    rows, query = frame(store, _CAPTURE, run_id), cards.spelled(_CAPTURE, run_id)
    subtitle = "Totals of the file, warm-up and what lies between steps included: nothing here is per step."
    if rows.is_empty():
        none = cards.absent("it holds neither device work nor operators.")
        return cards.card("Totals of the capture", subtitle, none, query=query)
    fields = {
        "window_ns": "Capture", "busy_ns": "Busy", "compute_ns": "Compute", "exposed_communication_ns": "Communication",
        "exposed_copy_ns": "Copies", "idle_ns": "Idle", "total_ns": "Sum",
    }  # fmt: skip
    names = ["", *fields.values(), "Pieces"]
    head = html.Tr([html.Th(name, className="number" if name else "", scope="col") for name in names])
    body = []
    for row in rows.head(_MOST_RANKS).to_dicts():
        where = "operators" if row["device_id"] is None else f"device {row['device_id']}"
        cells = [scale_for("ns", [row[field]]).full(row[field]) for field in fields]
        title = html.Th(f"Rank {row['rank']}, {where}", scope="row")
        body.append(html.Tr([title, *(html.Td(cell, className="number") for cell in (*cells, f"{row['calls']:,}"))]))
    table = html.Table([html.Thead(head), html.Tbody(body)], className="plain")
    return cards.card("Totals of the capture", subtitle, html.Div(table, className="scroll"), query=query)


def ranks(store: Store, run_id: str) -> html.Section | None:
    """The ranks side by side; None for a run of one."""
    rows, query = frame(store, _RANKS, run_id), cards.spelled(_RANKS, run_id)
    if len(rows) < 2:
        return None
    told = {row["id"]: row for row in frame(store, "select id, title, unit from metric").to_dicts()}
    shown = [name for name in rows.columns if name != "rank" and rows[name].null_count() < len(rows)]
    scales = {name: scale_for(told[name]["unit"], rows[name]) for name in shown}
    heads = [f"{told[name]['title']}, {scales[name].unit}" for name in shown]
    head = html.Tr([html.Th("Rank", scope="col"), *(html.Th(text, className="number", scope="col") for text in heads)])
    body = [_rank_row(row, scales, rows) for row in rows.head(_MOST_RANKS).to_dicts()]
    table = html.Table([html.Thead(head), html.Tbody(body)], className="plain")
    more = dcc.Link(f"All {len(rows)} ranks, step by step", href=page_address("/ranks", [run_id]))
    subtitle = (
        "The run's step time is that of its slowest rank; its parts are means over ranks. The largest of a column is in bold. "
        "The rank that waits least is the one that the others wait for."
    )
    return cards.card("Ranks", subtitle, html.Div(table, className="scroll"), html.P(more), query=query)


def _rank_row(row: Mapping[str, Any], scales: Mapping[str, Scale], rows: pl.DataFrame) -> html.Tr:
    cells = []
    for name, scale in scales.items():
        is_largest = row[name] is not None and row[name] == rows[name].max() and rows[name].min() != rows[name].max()
        text = scale.text(row[name]) if row[name] is not None else NONE
        cells.append(html.Td(html.B(text) if is_largest else text, className="number"))
    return html.Tr([html.Th(str(row["rank"]), scope="row"), *cells])
