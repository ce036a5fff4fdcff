"""A report as one HTML page: its style and its figures are in it, and it may load nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from crossprof.dashboard import theme, wording
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.report import figures, tables
from crossprof.dashboard.report.content import Content
from crossprof.dashboard.report.markup import Markup, element, joined, table
from crossprof.store.compare import MetricDifference, RunDifference

__all__ = ["as_html"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(content: Content) -> str:
    """The whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"crossprof {content.version}"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{content.title} · crossprof"),
        element("style", Markup(_style())),
    )
    made = element("p", f"A comparison by crossprof, {content.made} UTC", class_="dimmed")
    title = element("header", element("h1", content.title), made)
    sections = (
        *(_verdict(other) for other in content.comparison.others),
        _card("Metrics", _READING, _metrics(content, is_leading=True)),
        _facts(content),
        _step_times(content),
        _composition(content),
        *(_difference(content, other) for other in content.comparison.others),
        _card("Further metrics", _READING, _metrics(content, is_leading=False)),
        _findings(content),
        _definitions(content),
        _provenance(content),
    )
    body = element("body", element("main", title, *(one for one in sections if one)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


_WHERE = {"device": "device time", "host": "operators on the host"}
_READING = "Change against the baseline with its 95 % interval. A name leads to its definition."


def _style() -> str:
    sheet = files("crossprof.dashboard.report").joinpath("assets/report.css").read_text("utf-8")
    light, dark = theme.variables("light"), theme.variables("dark")
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{sheet}"


def _card(title: str, subtitle: str, *body: Markup | None) -> Markup | None:
    """A section under a heading; none where it has no body."""
    held = [part for part in body if part]
    if not held:
        return None
    reading = element("p", subtitle, class_="dimmed") if subtitle else None
    return element("section", element("h2", title), reading, *held, class_="card")


def _verdict(found: RunDifference) -> Markup:
    advice = [element("code", part) if is_command else wording.unbroken(part) for part, is_command in wording.advice(found)]
    rows = (("Why", joined([wording.unbroken(wording.why(found))])), ("Next", joined(advice)))
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
    title = element("a", metric["title"], href=f"#{_anchor(metric)}", title=wording.definition(metric))
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
    return _card("What differs between the runs", "", *notes, held, element("p", same, class_="dimmed"))


def _step_times(content: Content) -> Markup | None:
    shades = theme.shades([side.framework for side in content.sides])
    rows = [
        figures.Box(_steps_told(side.name, part.count, is_profiled=part.is_profiled), shade, part.is_profiled, part.quantiles)
        for side, shade in zip(content.sides, shades, strict=True)
        for part in side.steps
    ]
    if not rows:
        return None
    medians = (f"{row.name}: median {scale_for('ns', [row.quantiles[2]]).full(row.quantiles[2])}" for row in rows)
    reading = (
        "Filled: bare steps. Hollow: profiled steps. Box: quartiles; whiskers: 5th to 95th percentile. Warm-up is left out."
    )
    return _card("Step time", reading, figures.boxes(rows, f"Step times. {'; '.join(medians)}."))


def _steps_told(name: str, count: int, *, is_profiled: bool) -> str:
    return f"{theme.shortened(name, most=28)} · {'profiled' if is_profiled else 'bare'}, {count} step{'s' * (count != 1)}"


def _composition(content: Content) -> Markup | None:
    rows = [
        figures.Stack(f"{theme.shortened(side.name)} · {_WHERE[side.work.place]}", list(side.work.categories.items()))
        for side in content.sides
        if side.work.place
    ]
    reading = "Of a measured step: what the device did at each moment; where only the CPU worked, the self time of operators."
    label = "Time of a step by category, a bar for each run; the tables below have the figures."
    return _card("Time by category", reading, figures.stacks(rows, label)) if rows else None


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
    return _card(title, reading, *body)


def _findings(content: Content) -> Markup | None:
    heads = ["Finding", "Severity", "Count", "What it means"]
    parts = []
    for side in content.sides:
        rows = [[element("code", code), *rest] for code, *rest in tables.findings(side)]
        none = element("p", f"{side.name}: nothing wrong or notable was found.")
        parts.append(table(f"Findings in {side.name}", heads, rows, numbers=[2]) if rows else none)
    return _card("Findings", "What is wrong or notable in the captures, and what it means for the numbers.", *parts)


def _definitions(content: Content) -> Markup | None:
    parts = []
    for metric in content.registry:
        title = element("h3", metric["title"], " ", element("code", metric["id"]), id=_anchor(metric))
        rest = element("p", *(f"{text} " for text in tables.definition(metric)), class_="dimmed")
        parts.append(element("div", title, element("p", f"{wording.definition(metric)}."), rest, class_="definition"))
    return _card("Definitions", "Of every metric above.", element("div", *parts, class_="definitions"))


def _anchor(metric: Mapping[str, Any]) -> str:
    return "metric-" + re.sub(r"[^\w.-]", "-", str(metric["id"]))


def _provenance(content: Content) -> Markup | None:
    heads, rows = tables.runs(content)
    commands = element("pre", element("code", "\n".join(content.commands)), tabindex=0)
    made = element("p", f"Made by crossprof {content.version} on {content.made} UTC. The same from the store:")
    return _card("How this was made", "", table("The runs that were compared", heads, rows), made, commands)
