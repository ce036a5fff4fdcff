"""A comparison as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossprof.dashboard import wording
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.report import figures, tables
from crossprof.dashboard.report.content import Content
from crossprof.dashboard.report.markup import Markup, element, joined, table
from crossprof.dashboard.report.sections import (
    advice_on_all,
    anchor,
    card,
    composition,
    definitions,
    document,
    findings,
    step_times,
)
from crossprof.store.compare import MetricDifference, RunDifference

__all__ = ["as_html"]


def as_html(content: Content) -> str:
    """The whole document."""
    sections = (
        *(_verdict(content.comparison.base, other) for other in content.comparison.others),
        card("Metrics", _READING, _metrics(content, is_leading=True)),
        _facts(content),
        step_times(content.sides),
        composition(content.sides),
        *(_difference(content, other) for other in content.comparison.others),
        advice_on_all(content.sides),
        card("Further metrics", _READING, _metrics(content, is_leading=False)),
        findings(content.sides),
        definitions(content.registry),
        _provenance(content),
    )
    return document(content.title, f"A comparison by crossprof, {content.made} UTC", content.version, sections)


_READING = "Change against the baseline with its 95 % interval. A name leads to its definition."


def _verdict(base: str, found: RunDifference) -> Markup:
    advice = [element("code", part) if is_command else wording.unbroken(part) for part, is_command in wording.advice(found)]
    rows = [("Why", joined([wording.unbroken(wording.why(found))])), ("Next", joined(advice))]
    if cost := wording.cost(base, found):
        rows.append(("Profiling cost", joined([f"{cost}."])))
    return element(
        "section",
        element("p", wording.unbroken(found.verdict), class_="sentence"),
        element("dl", *(part for name, text in rows for part in (element("dt", name), element("dd", text)))),
        class_=f"card verdict is-{wording.stance(found)}",
        aria_label=f"Verdict on {found.run}",
    )


def _metrics(content: Content, *, is_leading: bool) -> Markup | None:
    found = content.comparison
    chosen = content.metrics(is_leading=is_leading)
    if not chosen:
        return None
    held = [{one.metric: one for one in other.metrics} for other in found.others]
    rows = [_metric_row(metric, [of.get(metric["id"]) for of in held]) for metric in chosen]
    heads = ["Metric", f"{found.base} (baseline)", *(other.run for other in found.others)]
    caption = f"{'Leading' if is_leading else 'Further'} metrics, the baseline first"
    return table(caption, heads, rows, numbers=range(1, len(heads)))


def _metric_row(metric: Mapping[str, Any], cells: Sequence[MetricDifference | None]) -> list[str]:
    base = next((cell.base for cell in cells if cell is not None), None)
    scale = scale_for(metric["unit"], [base, *(cell.other for cell in cells if cell is not None)])
    title = element("a", metric["title"], href=f"#{anchor(metric)}", title=wording.definition(metric))
    row: list[str] = [title, element("span", scale.full(base), class_="value")]
    for cell in cells:
        if cell is None or cell.other is None:
            row.append(NONE)
            continue
        lines = [element("span", scale.full(cell.other), class_="value")]
        lines.append(element("span", wording.change(cell), class_=f"change {wording.tone(cell)}"))
        told = [text for text in (wording.interval(cell), *wording.extras(cell)) if text]
        lines += [element("span", text, class_="interval") for text in told]
        row.append(element("div", *lines, title=f"{cell.n_base} samples in the baseline, {cell.n_other} here"))
    return row


def _facts(content: Content) -> Markup | None:
    differing, same = wording.facts_of([side.runs[0] for side in content.sides])
    named = [difference for other in content.comparison.others for difference in other.differences]
    notes = [element("p", f"Differs: {difference}.") for difference in dict.fromkeys(named)]
    rows = [[title, *texts] for title, texts in differing.items()]
    heads = ["Fact", *(side.name for side in content.sides)]
    held = table("Facts that are not the same in all runs", heads, rows) if rows else None
    return card("What differs between the runs", "", *notes, held, element("p", same, class_="dimmed"))


def _difference(content: Content, other: RunDifference) -> Markup | None:
    base, held = content.comparison.base, tables.parts(other)
    title = f"What {other.run} differs in from {base}"
    if not held:
        return None
    heads, rows = tables.part_rows(base, other)
    reading = (
        f"{wording.PLACES[held[0].place]} per step, in parts that add up to it. Right: more than in the baseline; left: less; "
        "pale: the interval covers no change, or there is none."
    )
    body = [
        figures.differences(held, f"{title}: the change of each part of a step; the table below has the figures."),
        table("Parts of a step, and the step", heads, rows, numbers=range(1, 5)),
    ]
    if other.level is not None:
        heads, rows = tables.operations(base, other)
        named = [[element("code", tables.brief(name), title=name), *rest] for name, *rest in rows]
        body.append(table(tables.matching(other.level, other.levels), heads, named, numbers=range(2, 6)))
    return card(title, reading, *body)


def _provenance(content: Content) -> Markup | None:
    heads, rows = tables.runs(content)
    commands = element("pre", element("code", "\n".join(content.commands)), tabindex=0)
    made = element("p", f"Made by crossprof {content.version} on {content.made} UTC. The same from the store:")
    return card("How this was made", "", table("The runs that were compared", heads, rows), made, commands)
