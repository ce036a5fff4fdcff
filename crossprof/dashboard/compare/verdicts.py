"""The parts of a comparison: verdicts and metrics. Words and figures are the store's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from crossprof.dashboard import cards, components, theme, wording
from crossprof.dashboard.addresses import metric_address
from crossprof.dashboard.quantity import NONE, Scale, scale_for
from crossprof.store.compare import Comparison, MetricDifference, RunDifference

__all__ = ["metrics", "verdict_card"]


_FIGURES = (
    "select run, metric, value, n, ci_low, ci_high from run_metric where rank is null and metric = 'step_time' "
    "and list_contains(?, run_id)"
)


def verdict_card(base: str, found: RunDifference, *, is_only: bool, ids: Sequence[str] = (), command: str = "") -> html.Section:
    """Verdict, why and what to do next, for one run against the baseline; `command` says the same in a terminal.

    `ids` are those of the runs of both sides.
    """
    advice = [
        html.Code(part, className="advice") if is_command else wording.unbroken(part)
        for part, is_command in wording.advice(found)
    ]
    rows = [html.Dt("Why"), html.Dd(wording.unbroken(wording.why(found))), html.Dt("Next"), html.Dd(advice)]
    return cards.card(
        f"{found.run} against {base}",
        "",
        html.P(wording.unbroken(found.verdict), className="sentence"),
        html.Dl(rows),
        query=cards.spelled(_FIGURES, list(ids)),
        command=command,
        class_name=f"verdict is-{wording.stance(found)}{' wide' if is_only else ''}",
    )


def metrics(found: Comparison, registry: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The leading metrics as a table, the rest in one that opens on demand."""
    held = {one.metric for other in found.others for one in other.metrics if one.base or one.other}
    leading = [metric for metric in registry if metric["id"] in held and metric["id"] in wording.LEADING]
    rest = [metric for metric in registry if metric["id"] in held and metric["id"] not in wording.LEADING]
    parts: list[Any] = [html.Div(_metrics_table(found, leading or rest), className="scroll")]
    if leading and rest:
        more = html.Div(_metrics_table(found, rest), className="scroll")
        parts.append(html.Details([html.Summary(f"{len(rest)} more metrics"), more]))
    return parts


def _metrics_table(found: Comparison, registry: Sequence[Mapping[str, Any]]) -> html.Table:
    """Metrics as rows, runs as columns, the baseline first."""
    held = [{one.metric: one for one in other.metrics} for other in found.others]
    heads = [_run_head(found.base, html.Span("baseline", className="badge"), among=len(held) + 1)]
    heads += [_run_head(other.run, "", among=len(held) + 1) for other in found.others]
    ids = [found.base_ids[0], *(other.run_ids[0] for other in found.others)]
    body = [
        _metric_row(metric, [of.get(metric["id"]) for of in held], ids)
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


def _metric_row(metric: Mapping[str, Any], cells: Sequence[MetricDifference | None], ids: Sequence[str]) -> html.Tr:
    base = next((cell.base for cell in cells if cell is not None), None)
    scale = scale_for(metric["unit"], [base, *(cell.other for cell in cells if cell is not None)])
    defined = components.defined(metric["title"], components.definition(metric), metric_address(metric["id"], ids))
    title = html.Th(defined, scope="row")
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
