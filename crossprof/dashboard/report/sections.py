"""What every report has: the document, which holds its style and may load nothing, and the sections that reports share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from crossprof.dashboard import theme, wording
from crossprof.dashboard.quantity import scale_for
from crossprof.dashboard.report import figures, tables
from crossprof.dashboard.report.content import Side
from crossprof.dashboard.report.markup import Markup, element, table

__all__ = ["advice", "advice_on_all", "anchor", "card", "composition", "definitions", "document", "findings", "step_times"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WHERE = {"device": "device time", "host": "operators on the host"}


def document(title: str, made: str, version: str, sections: Iterable[Markup | None], *, sheet: str = "") -> str:
    """The whole page: the title, by what it was made and when, and the sections that there are; `sheet` is CSS of their own."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"crossprof {version}"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} · crossprof"),
        element("style", Markup(f"{_style()}{sheet}")),
    )
    heading = element("header", element("h1", title), element("p", made, class_="dimmed"))
    body = element("body", element("main", heading, *(one for one in sections if one)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _style() -> str:
    sheet = files("crossprof.dashboard.report").joinpath("assets/report.css").read_text("utf-8")
    light, dark = theme.variables("light"), theme.variables("dark")
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{sheet}"


def card(title: str, subtitle: str, *body: Markup | None) -> Markup | None:
    """A section under a heading; none where it has no body."""
    held = [part for part in body if part]
    if not held:
        return None
    reading = element("p", subtitle, class_="dimmed") if subtitle else None
    return element("section", element("h2", title), reading, *held, class_="card")


def step_times(sides: Sequence[Side]) -> Markup | None:
    """Boxes of step times, bare and profiled, of each side; none where there are no steps."""
    shades = theme.shades([side.framework for side in sides])
    rows = [
        figures.Box(_steps_told(side.name, part.count, is_profiled=part.is_profiled), shade, part.is_profiled, part.quantiles)
        for side, shade in zip(sides, shades, strict=True)
        for part in side.steps
    ]
    if not rows:
        return None
    medians = (f"{row.name}: median {scale_for('ns', [row.quantiles[2]]).full(row.quantiles[2])}" for row in rows)
    reading = (
        "Filled: bare steps. Hollow: profiled steps. Box: quartiles; whiskers: 5th to 95th percentile. Warm-up is left out."
    )
    return card("Step time", reading, figures.boxes(rows, f"Step times. {'; '.join(medians)}."))


def _steps_told(name: str, count: int, *, is_profiled: bool) -> str:
    return f"{theme.shortened(name, most=28)} · {'profiled' if is_profiled else 'bare'}, {count} step{'s' * (count != 1)}"


def composition(sides: Sequence[Side]) -> Markup | None:
    """What a measured step of each side is made of; none where that is not known."""
    rows = [
        figures.Stack(f"{theme.shortened(side.name)} · {_WHERE[side.work.place]}", list(side.work.categories.items()))
        for side in sides
        if side.work.place
    ]
    reading = "Of a measured step: what the device did at each moment; where only the CPU worked, the self time of operators."
    label = "Time of a step by category, a bar for each run; the tables below have the figures."
    return card("Time by category", reading, figures.stacks(rows, label)) if rows else None


def advice(side: Side) -> Markup | None:
    """What to do about one run; none where no rule speaks."""
    table_of = _advice_table(side)
    return card("Advice", _ADVICE_READING, table_of) if table_of else None


def advice_on_all(sides: Sequence[Side]) -> Markup | None:
    """What bounds each side, and what to do about it."""
    parts: list[Markup | None] = []
    for side in sides:
        parts += [element("p", element("strong", side.name), ". ", wording.unbroken(side.bottleneck)), _advice_table(side)]
    return card("What bounds each run, and advice", _ADVICE_READING, *parts)


_ADVICE_READING = "What was measured, and what usually helps; the share is the most that could be gained."


def _advice_table(side: Side) -> Markup | None:
    heads, rows = tables.advice(side)
    return table(f"Advice on {side.name}", heads, rows, numbers=[1]) if rows else None


def findings(sides: Sequence[Side]) -> Markup | None:
    """What was found in the captures of each side."""
    heads = ["Finding", "Severity", "Count", "What it means"]
    parts = []
    for side in sides:
        rows = [[element("code", code), *rest] for code, *rest in tables.findings(side)]
        none = element("p", f"{side.name}: nothing wrong or notable was found.")
        parts.append(table(f"Findings in {side.name}", heads, rows, numbers=[2]) if rows else none)
    return card("Findings", "What is wrong or notable in the captures, and what it means for the numbers.", *parts)


def definitions(registry: Sequence[Mapping[str, Any]]) -> Markup | None:
    """What the metrics mean, rows of the view metric."""
    parts = []
    for metric in registry:
        title = element("h3", metric["title"], " ", element("code", metric["id"]), id=anchor(metric))
        rest = element("p", *(f"{text} " for text in tables.definition(metric)), class_="dimmed")
        parts.append(element("div", title, element("p", f"{wording.definition(metric)}."), rest, class_="definition"))
    return card("Definitions", "Of every metric above.", element("div", *parts, class_="definitions"))


def anchor(metric: Mapping[str, Any]) -> str:
    """The id of a metric's definition in the page."""
    return "metric-" + re.sub(r"[^\w.-]", "-", str(metric["id"]))
