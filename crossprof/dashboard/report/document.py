"""A report as Markdown: the same words and tables as the page, without its figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crossprof.dashboard import wording
from crossprof.dashboard.markdown import code, line, row, text
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.report import tables
from crossprof.dashboard.report.content import Content
from crossprof.store.compare import MetricDifference, RunDifference

__all__ = ["as_markdown"]


def as_markdown(content: Content) -> str:
    """The whole document."""
    blocks = [f"<!-- crossprof {content.version} -->", f"# {text(content.title)}"]
    for other in content.comparison.others:
        blocks += _verdict(content.comparison.base, other)
    blocks += ["## Metrics", _metrics(content, is_leading=True)]
    blocks += _facts(content)
    for other in content.comparison.others:
        blocks += _difference(content, other)
    blocks += _advice(content)
    if content.metrics(is_leading=False):
        blocks += [_folded("Further metrics", [_metrics(content, is_leading=False)])]
    blocks += [_folded("Findings", _findings(content)), _folded("Definitions", _definitions(content))]
    heads, rows = tables.runs(content)
    blocks += ["## How this was made", _table(heads, ([code(first), *map(text, rest)] for first, *rest in rows))]
    blocks += [f"By crossprof {content.version} on {content.made} UTC. The same from the store:"]
    blocks += ["\n".join(("```", *content.commands, "```"))]
    return "\n\n".join(blocks) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Iterable[str]], *, numbers: Sequence[int] = ()) -> str:
    """A table whose cells are Markdown already; its heads are not."""
    marks = ("---:" if place in numbers else "---" for place in range(len(heads)))
    return "\n".join((row(map(text, heads)), row(marks), *map(row, rows)))


def _folded(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join((f"<details><summary>{title}</summary>", *blocks, "</details>"))


def _verdict(base: str, found: RunDifference) -> Iterator[str]:
    yield f"**{text(found.verdict)}**"
    advice = "".join(code(part) if is_command else f" {text(part)} " for part, is_command in wording.advice(found)).strip()
    cost = wording.cost(base, found)
    told = {"Why": text(wording.why(found)), "Next": advice} | ({"Profiling cost": f"{text(cost)}."} if cost else {})
    yield "\n".join(f"- {name}: {words}" for name, words in told.items())


def _metrics(content: Content, *, is_leading: bool) -> str:
    found = content.comparison
    held = [{one.metric: one for one in other.metrics} for other in found.others]
    heads = ["Metric", f"{found.base} (baseline)", *(other.run for other in found.others)]
    rows = [_metric_row(metric, [of.get(metric["id"]) for of in held]) for metric in content.metrics(is_leading=is_leading)]
    return _table(heads, rows, numbers=range(1, len(heads)))


def _metric_row(metric: Mapping[str, Any], cells: Sequence[MetricDifference | None]) -> list[str]:
    base = next((cell.base for cell in cells if cell is not None), None)
    scale = scale_for(metric["unit"], [base, *(cell.other for cell in cells if cell is not None)])
    found = [text(metric["title"]), text(scale.full(base))]
    for cell in cells:
        if cell is None or cell.other is None:
            found.append(NONE)
            continue
        told = (scale.full(cell.other), wording.change(cell), wording.interval(cell), *wording.extras(cell))
        found.append("<br>".join(text(part) for part in told if part))
    return found


def _facts(content: Content) -> Iterator[str]:
    differing, same = wording.facts_of([side.runs[0] for side in content.sides])
    yield "## What differs between the runs"
    if named := dict.fromkeys(difference for other in content.comparison.others for difference in other.differences):
        yield "\n".join(f"- Differs: {text(difference)}" for difference in named)
    if differing:
        heads = ["Fact", *(side.name for side in content.sides)]
        yield _table(heads, ([title, *map(text, held)] for title, held in differing.items()))
    yield line(same)


def _difference(content: Content, other: RunDifference) -> Iterator[str]:
    base, held = content.comparison.base, tables.parts(other)
    if not held:
        return
    heads, rows = tables.part_rows(base, other)
    yield f"## What {text(other.run)} differs in from {text(base)}"
    yield f"{wording.PLACES[held[0].place]} per step, in parts that add up to it:"
    yield _table(heads, (map(text, cells) for cells in rows), numbers=range(1, 5))
    if other.level is not None:
        heads, rows = tables.operations(base, other)
        named = ([code(tables.brief(name)), *map(text, rest)] for name, *rest in rows)
        parts = (text(tables.matching(other.level, other.levels)), _table(heads, named, numbers=range(2, 6)))
        yield _folded("Kernels or operators that differ most", parts)


def _advice(content: Content) -> Iterator[str]:
    yield "## What bounds each run, and advice"
    for side in content.sides:
        yield f"**{text(side.name)}**. {text(side.bottleneck)}"
        heads, rows = tables.advice(side)
        if rows:
            yield _table(heads, (map(text, cells) for cells in rows), numbers=[1])


def _findings(content: Content) -> Iterator[str]:
    for side in content.sides:
        rows = tables.findings(side)
        yield f"**{text(side.name)}**" + ("" if rows else ": nothing wrong or notable was found.")
        if rows:
            named = ([code(first), *map(text, rest)] for first, *rest in rows)
            yield _table(["Finding", "Severity", "Count", "What it means"], named, numbers=[2])


def _definitions(content: Content) -> Iterator[str]:
    for metric in content.registry:
        told = " ".join((f"{wording.definition(metric)}.", *tables.definition(metric)))
        yield f"- **{text(metric['title'])}** ({code(metric['id'])}): {text(told)}"
