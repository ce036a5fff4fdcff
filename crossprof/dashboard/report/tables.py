"""The tables of a report as rows of text, for HTML and Markdown alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossprof.dashboard import wording
from crossprof.dashboard.quantity import NONE, instant, percent, scale_for, significant
from crossprof.dashboard.report.content import Content, Side
from crossprof.dashboard.theme import framework_title, shortened
from crossprof.store.alignment import Level
from crossprof.store.compare import RunDifference
from crossprof.store.composition import CategoryDifference, folded

__all__ = ["advice", "brief", "definition", "findings", "matching", "operations", "part_rows", "part_rows_of", "parts", "runs"]

_MOST_OPERATIONS = 12
_MOST_PARTS = 10
_MOST_CHARACTERS = 100


def parts(found: RunDifference) -> tuple[CategoryDifference, ...]:
    """What a step of both runs is made of: its largest parts, and the step itself as the last."""
    return folded(found.waterfall or found.categories, _MOST_PARTS)


def part_rows(base: str, found: RunDifference) -> tuple[list[str], list[list[str]]]:
    """Those parts as heads and rows."""
    return part_rows_of(base, found.run, parts(found))


def part_rows_of(base: str, other: str, held: Sequence[CategoryDifference]) -> tuple[list[str], list[list[str]]]:
    """Parts of a step of two runs as heads and rows."""
    scale = scale_for("ns", [time for one in held for time in (one.base_ns, one.other_ns)])
    heads = ["Part", *(f"{name}, {scale.unit}" for name in (base, other, "Change")), "95 % interval"]
    rows = []
    for one in held:
        times = (scale.text(one.base_ns), scale.text(one.other_ns), scale.signed(one.delta_ns))
        rows.append([wording.part(one.category), *times, wording.part_interval(one, scale)])
    return heads, rows


def operations(base: str, found: RunDifference) -> tuple[list[str], list[list[str]]]:
    """The kernels or operators of both runs that differ most, at the level that they share: heads and rows."""
    shown = found.operations[:_MOST_OPERATIONS]
    scale = scale_for("ns", [time for one in shown for time in (one.base_ns, one.other_ns)])
    heads = ["Name", "Category", *(f"{name}, {scale.unit}" for name in (base, found.run, "Change")), "Calls"]
    rows = []
    for one in shown:
        times = (scale.text(one.base_ns), scale.text(one.other_ns), scale.signed(one.delta_ns))
        calls = " / ".join(NONE if each is None else significant(each) for each in (one.base_calls, one.other_calls))
        rows.append([one.name, one.category.replace("_", " "), *times, calls])
    return heads, rows


def matching(level: Level, levels: Sequence[Level]) -> str:
    """By what their rows are matched, and how much of the time has a counterpart."""
    shares = ", ".join(f"{one.name} {percent(one.matched_ratio)}" for one in levels)
    return f"Per step, the largest difference first, matched by {level.name}. Time with a counterpart: {shares}."


def brief(name: str) -> str:
    """Both ends of the name of a kernel: those of one template differ only in the last of its arguments."""
    return shortened(name, most=_MOST_CHARACTERS)


def findings(side: Side) -> list[list[str]]:
    """What was found in the captures of one side, the gravest first."""
    rows = []
    for row in side.findings:
        meaning = " ".join(part for part in (row["detail"], row["effect"]) if part)
        rows.append([str(row["code"]), str(row["severity"]), f"{row['count']:,}", meaning])
    return rows


def advice(side: Side) -> tuple[list[str], list[list[str]]]:
    """What to do about a side, that which could gain most first: heads and rows."""
    rows = [
        [one["title"], NONE if one["share_ratio"] is None else percent(one["share_ratio"]), one["evidence"], one["action"]]
        for one in side.advice
    ]
    return ["What", "Share", "Evidence", "What helps"], rows


def runs(content: Content) -> tuple[list[str], list[list[str]]]:
    """Where each run came from: heads and rows."""
    heads = ["Run id", "Name", "Framework", "Started, UTC", "Capture", "Recorded or read with"]
    rows = []
    for run in (run for side in content.sides for run in side.runs):
        framework = " ".join(part for part in (framework_title(run["framework"]), run["framework_version"]) if part)
        version = f"crossprof {run['crossprof_version']}" if run["crossprof_version"] else NONE
        rows.append([str(run["run_id"]), str(run["run"]), framework, instant(run["started_ns"]), str(run["verdict"]), version])
    return heads, rows


def definition(metric: Mapping[str, Any]) -> list[str]:
    """What the registry says of a metric beside its definition, in sentences."""
    better = "No direction is good" if metric["better"] == "none" else f"{metric['better'].capitalize()} is better"
    across = f"the {metric['statistic']} over samples, {metric['across_ranks']} over ranks" if metric["statistic"] else ""
    told = (
        better,
        f"unit {metric['unit']}",
        across,
        f"compares across {metric['comparable_across']}",
        f"from {metric['source']}",
    )
    caveats = f"{metric['caveats'].rstrip('.')}." if metric["caveats"] else ""
    return [text for text in ("; ".join(part for part in told if part) + ".", caveats) if text]
