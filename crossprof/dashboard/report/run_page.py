"""One run as one HTML page: what it is, its metrics with their definitions, what was found, where the time went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from crossprof.dashboard import wording
from crossprof.dashboard.quantity import NONE, instant, percent, scale_for
from crossprof.dashboard.report import tables
from crossprof.dashboard.report.markup import Markup, element, table
from crossprof.dashboard.report.run_content import RunContent
from crossprof.dashboard.report.sections import advice, anchor, card, composition, definitions, document, findings, step_times
from crossprof.dashboard.theme import framework_title

__all__ = ["run_as_html"]

_READING = "With the 95 % interval where steps repeat. A name leads to its definition."
_IDENTITY = {
    "run_id": "Run id",
    "status": "Status",
    "phase": "Phase",
    "precision": "Precision",
    "batch_size": "Batch size",
    "world_size": "Ranks",
    "device_count": "Devices",
    "device_model": "Device",
    "host": "Host",
    "git_commit": "Commit",
    "python_version": "Python",
    "note": "Note",
}


def run_as_html(content: RunContent) -> str:
    """The whole document."""
    run, sides = content.run, [content.side]
    sections = (
        _verdict(content),
        advice(content.side),
        card("Metrics", _READING, _metrics(content, is_leading=True)),
        step_times(sides),
        composition(sides),
        _work("Kernels", "By total time on all devices, over the whole capture.", content.kernels),
        _work("Operators", "By time of their own on the host, over the whole capture.", content.operators),
        findings(sides),
        card("Further metrics", _READING, _metrics(content, is_leading=False)),
        _circumstances(run),
        definitions(content.metrics),
        _provenance(content),
    )
    return document(str(run["run"]), f"A run, told by crossprof, {content.made} UTC", content.version, sections)


def _verdict(content: RunContent) -> Markup:
    run = content.run
    framework = " ".join(part for part in (framework_title(run["framework"]), run["framework_version"]) if part)
    facts = (framework, run["model"], run["device_model"], run["precision"], f"{instant(run['started_ns'])} UTC")
    return element(
        "section",
        element("p", wording.unbroken(content.side.bottleneck), class_="sentence"),
        element("p", " · ".join(str(fact) for fact in facts if fact), class_="dimmed"),
        element("p", f"Capture {run['verdict']}. {wording.TRUST[run['verdict']]}"),
        class_="card verdict",
        aria_label="What bounds this run",
    )


def _metrics(content: RunContent, *, is_leading: bool) -> Markup | None:
    rows = []
    for metric in content.chosen(is_leading=is_leading):
        scale = scale_for(metric["unit"], [metric["value"]])
        has_interval = metric["ci_low"] is not None
        interval = f"{scale.text(metric['ci_low'])} to {scale.text(metric['ci_high'])}" if has_interval else NONE
        title = element("a", metric["title"], href=f"#{anchor(metric)}", title=wording.definition(metric))
        value = element("span", scale.full(metric["value"]), class_="value")
        rows.append([title, value, interval, NONE if metric["n"] is None else f"{metric['n']:,}"])
    heads = ["Metric", "Value", "95\u00a0% interval", "Samples"]
    return table(f"{'Leading' if is_leading else 'Further'} metrics", heads, rows, numbers=[1, 2, 3]) if rows else None


def _work(title: str, reading: str, held: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not held:
        return None
    scale = scale_for("ns", [row["total_ns"] for row in held])
    rows = [
        [
            element("code", tables.brief(row["name"]), title=row["name"]),
            row["category"].replace("_", " "),
            f"{row['calls']:,}",
            scale.text(row["total_ns"]),
            NONE if row["share_ratio"] is None else percent(row["share_ratio"]),
        ]
        for row in held
    ]
    heads = ["Name", "Category", "Calls", f"Time, {scale.unit}", "Share"]
    return card(title, reading, table(f"The {len(rows)} that took most", heads, rows, numbers=[2, 3, 4]))


def _circumstances(run: Mapping[str, Any]) -> Markup | None:
    facts = {title: str(run[field]) for field, title in _IDENTITY.items() if run[field] is not None}
    facts |= {f"Tag {name}": value for name, value in _pairs(run["tags"])}
    facts |= {f"Link {name}": place for name, place in _pairs(run["links"])}
    if run["config"] and (config := json.loads(run["config"])):
        facts["Configuration"] = json.dumps(config)
    versions = [[name, version] for name, version in _pairs(run["versions"])]
    environment = [[element("code", name), element("code", value)] for name, value in _pairs(run["environment"])]
    return card(
        "Circumstances",
        "Where and how it ran.",
        table("The run", ["Fact", "Value"], list(facts.items())),
        table("Versions", ["Package", "Version"], versions) if versions else None,
        table("Environment", ["Variable", "Value"], environment) if environment else None,
    )


def _pairs(held: Any) -> list[tuple[str, str]]:
    """The pairs of a MAP column."""
    return sorted((str(name), str(value)) for name, value in held or ())


def _provenance(content: RunContent) -> Markup | None:
    commands = element("pre", element("code", "\n".join(content.commands)), tabindex=0)
    made = element("p", f"Made by crossprof {content.version} on {content.made} UTC. The same from the store:")
    return card("How this was made", "", made, commands)
