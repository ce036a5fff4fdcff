"""The parts of a comparison: verdicts, metrics, what differs between runs. Words and figures are the store's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from crossprof.dashboard import components, theme
from crossprof.dashboard.quantity import NONE, Scale, percent_change, percent_range, scale_for
from crossprof.store.compare import Comparison, MetricDifference, RunDifference

__all__ = ["differing_facts", "metrics", "verdict_card"]

_LEADING = (
    "step_time",
    "throughput",
    "device_busy",
    "kernel_time",
    "op_time",
    "op_coverage",
    "peak_memory",
    "profiler_overhead",
)
_ARROWS = {True: "▲", False: "▼"}
_WORDS = {"too_few": "too few samples", "not_comparable": "not comparable"}
_FACTS = {
    "framework": "Framework",
    "framework_version": "Version",
    "model": "Model",
    "phase": "Phase",
    "precision": "Precision",
    "batch_size": "Batch size",
    "world_size": "Ranks",
    "device_model": "Device",
    "device_count": "Devices",
    "host": "Host",
    "git_commit": "Commit",
    "status": "Status",
    "verdict": "Capture",
}


def verdict_card(found: RunDifference, *, is_only: bool) -> html.Section:
    """Verdict, why and what to do next, for one run against the baseline."""
    leading = found.metric("step_time") or found.metric("throughput")
    word = leading.verdict if leading is not None else "not_comparable"
    why = found.why or "None, because the two captures have no categories of work in common."
    rows = [html.Dt("Why"), html.Dd(_unbroken(why)), html.Dt("Next"), html.Dd(_advice(found.next_step))]
    return html.Section(
        [html.P(_unbroken(found.verdict), className="sentence"), html.Dl(rows)],
        className=f"card verdict is-{word}{' wide' if is_only else ''}",
        **components.labelled(f"Verdict on {found.run}"),
    )


def _advice(text: str) -> list[Any]:
    """A sentence whose commands, in backquotes or the whole of it, can be copied."""
    parts = ["", text] if text.startswith("crossprof ") else (text[:1].upper() + text[1:]).split("`")
    return [html.Code(part, className="advice") if place % 2 else _unbroken(part) for place, part in enumerate(parts)]


def _unbroken(sentence: str) -> str:
    """The sentence with its numbers held to their units, so that no line ends between the two."""
    return re.sub(r"(?<=\d) (?=%|(?:[nµm]?s|[KMG]iB)\b)", "\u00a0", sentence)


def metrics(found: Comparison, registry: Sequence[Mapping[str, Any]], addresses: Sequence[str]) -> list[Any]:
    """The leading metrics as a table, the rest in one that opens on demand. `addresses` make each other run the baseline."""
    held = {one.metric for other in found.others for one in other.metrics if one.base or one.other}
    leading = [metric for metric in registry if metric["id"] in held and metric["id"] in _LEADING]
    rest = [metric for metric in registry if metric["id"] in held and metric["id"] not in _LEADING]
    parts: list[Any] = [html.Div(_metrics_table(found, leading, addresses), className="scroll")]
    if rest:
        more = html.Div(_metrics_table(found, rest, addresses), className="scroll")
        parts.append(html.Details([html.Summary(f"{len(rest)} more metrics"), more]))
    return parts


def _metrics_table(found: Comparison, registry: Sequence[Mapping[str, Any]], addresses: Sequence[str]) -> html.Table:
    """Metrics as rows, runs as columns, the baseline first."""
    held = [{one.metric: one for one in other.metrics} for other in found.others]
    heads = [_run_head(found.base, html.Span("baseline", className="badge"), among=len(held) + 1)]
    for other, address in zip(found.others, addresses, strict=True):
        heads.append(_run_head(other.run, dcc.Link("make baseline", href=address), among=len(held) + 1))
    body = [
        _metric_row(metric, [of.get(metric["id"]) for of in held])
        for metric in registry
        if any(metric["id"] in of for of in held)
    ]
    return html.Table(
        [html.Thead(html.Tr([html.Th("Metric", scope="col"), *heads])), html.Tbody(body)], className="plain metrics"
    )


def _run_head(name: str, under: Any, *, among: int) -> html.Th:
    """The head of one of `among` columns of equal width."""
    held = [theme.shortened(name, most=30), html.Div(under)]
    return html.Th(held, scope="col", className="number", title=name, style={"width": f"{80 / among:.1f}%"})


def _metric_row(metric: Mapping[str, Any], cells: Sequence[MetricDifference | None]) -> html.Tr:
    base = next((cell.base for cell in cells if cell is not None), None)
    scale = scale_for(metric["unit"], [base, *(cell.other for cell in cells if cell is not None)])
    title = html.Th(components.defined(metric["title"], components.definition(metric)), scope="row")
    first = html.Td(html.Span(scale.full(base), className="value"), className="number")
    return html.Tr([title, first, *(_metric_cell(cell, scale) for cell in cells)])


def _metric_cell(cell: MetricDifference | None, scale: Scale) -> html.Td:
    if cell is None or cell.other is None:
        return html.Td(NONE, className="number dimmed")
    word = _WORDS.get(cell.verdict, cell.verdict)
    change = f"{percent_change(cell.ratio)} {word}" if cell.ratio is not None else word
    if cell.verdict in ("better", "worse", "different") and cell.ratio is not None:
        change = f"{_ARROWS[cell.ratio > 1]} {change}"
    samples = f"{cell.n_base} samples in the baseline, {cell.n_other} here; in brackets the 95 % interval of the change"
    line: list[Any] = [html.Span(change, className=f"change {_color(cell)}")]
    if cell.ci_low is not None:
        line.append(" ")
        line.append(html.Span(f"[{percent_range(cell.ci_low, cell.ci_high)}]", className="interval"))
    return html.Td(
        [html.Div(html.Span(scale.full(cell.other), className="value")), html.Div(line)], className="number", title=samples
    )


def _color(cell: MetricDifference) -> str:
    """Colour for what is sure and larger than 1 %; everything else is grey."""
    is_visible = cell.ratio is not None and abs(cell.ratio - 1) >= 0.01
    return cell.verdict if is_visible and cell.verdict in ("better", "worse") else "dimmed"


def differing_facts(sides: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[Any]:
    """What is not the same in all runs, runs as columns; and in one line what is."""
    texts = {title: [_fact(side, field) for side in sides] for field, title in _FACTS.items()}
    shared = [f"{title.lower()} {held[0]}" for title, held in texts.items() if len(set(held)) == 1 and held[0] != NONE]
    body = [
        html.Tr([html.Th(title, scope="row"), *(html.Td(text) for text in held)])
        for title, held in texts.items()
        if len(set(held)) > 1
    ]
    same = html.P(
        f"The same in all: {', '.join(shared)}." if shared else "Nothing known of them is the same.", className="dimmed"
    )
    if not body:
        return [same]
    head = html.Tr([html.Th("", scope="col"), *(html.Th(label, scope="col") for label in labels)])
    return [html.Div(html.Table([html.Thead(head), html.Tbody(body)], className="plain facts"), className="scroll"), same]


def _fact(side: Mapping[str, Any], field: str) -> str:
    value = side[field]
    if value is None:
        return NONE
    return theme.framework_title(value) if field == "framework" else str(value)[:40]
