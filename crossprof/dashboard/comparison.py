"""The parts of a comparison: verdicts, metrics, what differs between runs. Words and figures are the store's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from crossprof.dashboard import components, theme, wording
from crossprof.dashboard.quantity import NONE, Scale, scale_for
from crossprof.store.compare import Comparison, MetricDifference, RunDifference

__all__ = ["differing_facts", "metrics", "verdict_card"]


def verdict_card(found: RunDifference, *, is_only: bool) -> html.Section:
    """Verdict, why and what to do next, for one run against the baseline."""
    advice = [
        html.Code(part, className="advice") if is_command else wording.unbroken(part)
        for part, is_command in wording.advice(found)
    ]
    rows = [html.Dt("Why"), html.Dd(wording.unbroken(wording.why(found))), html.Dt("Next"), html.Dd(advice)]
    return html.Section(
        [html.P(wording.unbroken(found.verdict), className="sentence"), html.Dl(rows)],
        className=f"card verdict is-{wording.stance(found)}{' wide' if is_only else ''}",
        **components.labelled(f"Verdict on {found.run}"),
    )


def metrics(found: Comparison, registry: Sequence[Mapping[str, Any]], addresses: Sequence[str]) -> list[Any]:
    """The leading metrics as a table, the rest in one that opens on demand. `addresses` make each other run the baseline."""
    held = {one.metric for other in found.others for one in other.metrics if one.base or one.other}
    leading = [metric for metric in registry if metric["id"] in held and metric["id"] in wording.LEADING]
    rest = [metric for metric in registry if metric["id"] in held and metric["id"] not in wording.LEADING]
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
    samples = f"{cell.n_base} samples in the baseline, {cell.n_other} here; in brackets the 95 % interval of the change"
    line: list[Any] = [html.Span(wording.change(cell), className=f"change {wording.tone(cell)}")]
    told = (wording.interval(cell), *wording.extras(cell))
    line += [part for text in told if text for part in (" ", html.Span(text, className="interval"))]
    return html.Td(
        [html.Div(html.Span(scale.full(cell.other), className="value")), html.Div(line)], className="number", title=samples
    )


def differing_facts(sides: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[Any]:
    """What is not the same in all runs, runs as columns; and in one line what is."""
    differing, shared = wording.facts_of(sides)
    same = html.P(shared, className="dimmed")
    if not differing:
        return [same]
    body = [html.Tr([html.Th(title, scope="row"), *map(html.Td, texts)]) for title, texts in differing.items()]
    head = html.Tr([html.Th("", scope="col"), *(html.Th(label, scope="col") for label in labels)])
    return [html.Div(html.Table([html.Thead(head), html.Tbody(body)], className="plain facts"), className="scroll"), same]
