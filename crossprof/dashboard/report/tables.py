"""The tables of a report as rows of text, for HTML and Markdown alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossprof.dashboard.quantity import NONE, instant, scale_for, significant
from crossprof.dashboard.report.content import Content, Side
from crossprof.dashboard.theme import framework_title, shortened
from crossprof.store.compare import RunDifference

__all__ = ["PLACES", "brief", "categories", "definition", "findings", "operations", "runs"]

PLACES = {"device": "device time", "host": "self time of operators on the host"}
_MOST_OPERATIONS = 12
_MOST_CHARACTERS = 100


def categories(found: RunDifference) -> tuple[list[str], list[list[str]]]:
    """Time of a step by category in both runs: heads and rows."""
    scale = scale_for("ns", [time for one in found.categories for time in (one.base_ns, one.other_ns)])
    heads = ["Category", *(f"{name}, {scale.unit}" for name in ("Base", "Other", "Change"))]
    rows = [
        [one.category.replace("_", " "), scale.text(one.base_ns), scale.text(one.other_ns), scale.signed(one.delta_ns)]
        for one in found.categories
    ]
    return heads, rows


def operations(found: RunDifference) -> tuple[list[str], list[list[str]]]:
    """The kernels or operators of both runs that differ most: heads and rows."""
    shown = found.operations[:_MOST_OPERATIONS]
    scale = scale_for("ns", [time for one in shown for time in (one.base_ns, one.other_ns)])
    heads = ["Name", "Category", *(f"{name}, {scale.unit}" for name in ("Base", "Other", "Change")), "Calls"]
    rows = []
    for one in shown:
        times = (scale.text(one.base_ns), scale.text(one.other_ns), scale.signed(one.delta_ns))
        calls = " / ".join(NONE if each is None else significant(each) for each in (one.base_calls, one.other_calls))
        rows.append([one.name, one.category.replace("_", " "), *times, calls])
    return heads, rows


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
