"""The words that pages and reports share: a difference in short, a metric's definition, what is known of runs. No Dash here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from crossprof.dashboard.quantity import NONE, Scale, percent, percent_change, percent_range, scale_for, significant
from crossprof.dashboard.theme import framework_title
from crossprof.store.compare import MetricDifference, RunDifference
from crossprof.store.composition import CategoryDifference

__all__ = [
    "LEADING",
    "PLACES",
    "TRUST",
    "UNBOUND",
    "advice",
    "change",
    "cost",
    "definition",
    "extras",
    "facts_of",
    "interval",
    "part",
    "part_interval",
    "stance",
    "tone",
    "unbroken",
    "why",
]

LEADING = (
    "step_time",
    "throughput",
    "device_busy",
    "kernel_time",
    "op_time",
    "op_coverage",
    "peak_memory",
    "profiler_overhead",
)
"""The metrics that a comparison shows first."""

_ARROWS = {True: "▲", False: "▼"}
_WORDS = {"too_few": "too few samples", "not_comparable": "not comparable"}
PLACES = {"device": "Time of the device", "host": "Self time of operators on the host"}
"""What the parts of a step are measured by."""

TRUST = {
    "good": "Nothing was found that stands against its numbers.",
    "usable": "Its numbers need care: read the findings.",
    "broken": "Some of its numbers are wrong or missing: read the findings.",
}
UNBOUND = "Unknown: the capture holds no work whose time could be told."
"""What is said of a run that the view bottleneck has no row for."""
"""What the verdict on a capture means for its numbers."""

_PARTS = {
    "idle_unknown": "idle: cause unknown",
    "idle_host": "idle: waiting for the host",
    "idle_sync": "idle: host blocked",
    "idle_input": "idle: loading data",
    "idle_launch": "idle: launching",
    "idle_kernel": "idle: between launched kernels",
    "outside_ops": "outside operators",
    "launched_before": "launched before the step",
    "unprofiled": "not seen by the profiler",
    "step": "Step",
}
_COSTS = {
    "profiler_overhead": "profiled steps take {} of bare ones",
    "profiler_start_time": "start {}",
    "profiler_stop_time": "stop {}",
    "profiler_export_time": "write {}",
    "trace_size": "traces {}",
    "sampler_cpu": "telemetry {} of a core",
}
_FACTS = {
    "framework": "Framework",
    "framework_version": "Version",
    "model": "Model",
    "phase": "Phase",
    "precision": "Precision",
    "batch_size": "Batch size",
    "world_size": "Ranks",
    "device_model": "Device",
    "device_count": "Devices",
    "host": "Host",
    "git_commit": "Commit",
    "status": "Status",
    "verdict": "Capture",
}


def stance(found: RunDifference) -> str:
    """The word of the figure of speed that a comparison opens with."""
    leading = found.metric("step_time") or found.metric("throughput")
    return leading.verdict if leading is not None else "not_comparable"


def why(found: RunDifference) -> str:
    """Where the difference sits, or why nothing tells."""
    return found.why or f"None, because {found.apart or 'nothing was measured in either.'}"


def advice(found: RunDifference) -> list[tuple[str, bool]]:
    """What to do next, in parts that are commands to copy (true) and parts that are not."""
    text = found.next_step
    parts = ["", text] if text.startswith("crossprof ") else (text[:1].upper() + text[1:]).split("`")
    return [(part, place % 2 == 1) for place, part in enumerate(parts) if part]


def cost(base: str, found: RunDifference) -> str:
    """What profiling cost the base and the other run, in a line; empty where neither tells."""
    known = [one for metric in _COSTS if (one := found.metric(metric)) is not None]
    sides = {base: [one.base for one in known], found.run: [one.other for one in known]}
    told = []
    for name, values in sides.items():
        parts = [
            _COSTS[one.metric].format(scale_for(one.unit, [value]).full(value))
            for one, value in zip(known, values, strict=True)
            if value is not None
        ]
        if parts:
            told.append(f"{name}: {', '.join(parts)}")
    return "; ".join(told)


def change(found: MetricDifference) -> str:
    """The change against the base with the word for it, such as ▲ +12.3 % worse."""
    word = _WORDS.get(found.verdict, found.verdict)
    if found.ratio is None:
        return word
    arrow = f"{_ARROWS[found.ratio > 1]} " if found.verdict in ("better", "worse", "different") else ""
    return f"{arrow}{percent_change(found.ratio)} {word}"


def interval(found: MetricDifference) -> str:
    """The 95 % interval of that change in brackets; empty where there is none."""
    return "" if found.ci_low is None else f"[{percent_range(found.ci_low, found.ci_high)}]"


def extras(found: MetricDifference) -> list[str]:
    """What stands beside a verdict: the change that would have been found, and the figure of the permutation test."""
    told = []
    if found.verdict == "indistinguishable" and found.minimum_detectable is not None:
        told.append(f"would find {percent(found.minimum_detectable)}")
    if found.p_value is not None:
        told.append(f"p {significant(found.p_value)}")
    return told


def part(category: str) -> str:
    """The name of a part of a step."""
    return _PARTS.get(category, category.replace("_", " "))


def part_interval(found: CategoryDifference, scale: Scale) -> str:
    """The 95 % interval of the change of a part; an en dash where it is not known."""
    if found.ci_low_ns is None or found.ci_high_ns is None:
        return NONE
    return f"[{scale.signed(found.ci_low_ns)} to {scale.signed(found.ci_high_ns)}]"


def tone(found: MetricDifference) -> str:
    """Better or worse for what is sure and larger than 1 %; everything else is dimmed."""
    is_visible = found.ratio is not None and abs(found.ratio - 1) >= 0.01
    return found.verdict if is_visible and found.verdict in ("better", "worse") else "dimmed"


def definition(metric: Mapping[str, Any]) -> str:
    """A metric's definition in one line, from a row of the view metric."""
    denominator = metric["denominator"]
    over = "" if denominator in (None, "", "none") else " per step" if denominator == "step" else f" over {denominator}"
    numerator = metric["numerator"].removesuffix(" of a step") if over == " per step" else metric["numerator"]
    text = f"{numerator}{over}; {metric['over_window']}"
    return text[:1].upper() + text[1:]


def facts_of(runs: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[str]], str]:
    """What is not the same in all runs, by title, a text for each run; and in one sentence what is."""
    texts = {title: [_fact(run, field) for run in runs] for field, title in _FACTS.items()}
    shared = [f"{title.lower()} {held[0]}" for title, held in texts.items() if len(set(held)) == 1 and held[0] != NONE]
    same = f"The same in all: {', '.join(shared)}." if shared else "Nothing known of them is the same."
    return {title: held for title, held in texts.items() if len(set(held)) > 1}, same


def unbroken(sentence: str) -> str:
    """The sentence with its numbers held to their units, so that no line ends between the two."""
    return re.sub(r"(?<=\d) (?=%|(?:[nµm]?s|[KMG]iB)\b)", "\u00a0", sentence)


def _fact(run: Mapping[str, Any], field: str) -> str:
    value = run[field]
    if value is None:
        return NONE
    return framework_title(value) if field == "framework" else str(value)[:40]
