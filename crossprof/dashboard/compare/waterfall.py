"""What the difference of two step times is made of: parts as bars to the left and right of no change, and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from crossprof.dashboard import cards, components, theme, wording
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.store.compare import RunDifference
from crossprof.store.composition import CategoryDifference, folded

__all__ = ["parts_table", "waterfall_card"]

_MOST = 10
_EXPLAINED = {
    "outside_ops": "The step less the self time of its operators; below zero where several threads work at once.",
    "unprofiled": "Step times are of bare steps and of the slowest rank; parts are means of profiled steps and of ranks. "
    "This is what lies between.",
}


def waterfall_card(base: str, found: RunDifference, *, is_only: bool, unit: str = "step", query: str = "") -> html.Section:
    """One run against the baseline: each part of a step in both, and by how much it differs.

    `query` gives both runs' parts; `unit` is what the times are told for.
    """
    title = "What the difference is made of" if is_only else f"What the difference is made of: {found.run}"
    parts = folded(found.waterfall or found.categories, _MOST)
    if not parts:
        reason = found.apart or "nothing was measured in either run."
        return cards.card(title, "", cards.absent(reason), query=query, class_name="wide" if is_only else "")
    subtitle = (
        f"{wording.PLACES[parts[0].place]} per {unit}, in parts that add up to it. The interval is that of the change, 95 %."
    )
    table = html.Div(parts_table(base, found.run, parts), className="scroll")
    return cards.card(title, subtitle, table, query=query, class_name="wide" if is_only else "")


def parts_table(base: str, other: str, parts: Sequence[CategoryDifference]) -> html.Table:
    """The parts of a step in two runs, the last of which is their sum, with their changes as bars."""
    scale = scale_for("ns", [time for one in parts for time in (one.base_ns, one.other_ns)])
    changes = [0.0, *(one.delta_ns for one in parts)]
    ends = min(changes), max(changes)
    heads = [
        html.Th([theme.shortened(name, most=30), f", {scale.unit}"], scope="col", className="number", title=name)
        for name in (base, other, "Change")
    ]
    head = html.Tr([html.Th("Part", scope="col"), *heads, html.Th("", className="bars"), html.Th("Interval", scope="col")])
    body = [_row(one, scale, ends) for one in parts[:-1]]
    return html.Table(
        [html.Thead(head), html.Tbody(body), html.Tfoot(_row(parts[-1], scale, ends))], className="plain waterfall"
    )


def _row(part: CategoryDifference, scale: Scale, ends: tuple[float, float]) -> html.Tr:
    title = wording.part(part.category)
    times = [html.Td(scale.text(time), className="number") for time in (part.base_ns, part.other_ns)]
    change = html.Td(scale.signed(part.delta_ns), className="number")
    name = html.Th(components.defined(title, _EXPLAINED.get(part.category, "")), scope="row")
    return html.Tr([name, *times, change, _bar(part, ends), html.Td(wording.part_interval(part, scale), className="interval")])


def _bar(part: CategoryDifference, ends: tuple[float, float]) -> Any:
    """Left of the line less, right of it more; pale where the interval covers no change."""
    least, most = ends
    span = most - least or 1.0
    zero, width = 100 * -least / span, 100 * abs(part.delta_ns) / span
    start = zero - width if part.delta_ns < 0 else zero
    word = "dimmed" if not part.is_sure else "worse" if part.delta_ns > 0 else "better"
    bar = html.Span(className=f"bar is-{word}", style={"left": f"{start:.2f}%", "width": f"{width:.2f}%"})
    return html.Td(html.Div(bar, className="track", style={"--zero": f"{zero:.2f}%"}), className="bars")
