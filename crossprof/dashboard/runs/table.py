"""The table of all runs: its rows and columns, what it may be filtered and grouped by, and how runs differ from a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from crossprof.dashboard import theme, wording
from crossprof.dashboard.grids import number_column
from crossprof.dashboard.quantity import NONE, instant, percent_change, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store
from crossprof.store.compare import MetricDifference, changes

__all__ = ["CHANGES", "METRICS", "QUERY", "columns", "deltas", "facets", "groupings", "load", "shown_by_default", "table"]

METRICS = (
    *("step_time", "throughput", "device_busy", "peak_memory", "kernel_time", "idle_time"),
    *("exposed_communication_time", "mfu", "energy_per_sample", "profiler_overhead"),
)
CHANGES = ("step_time", "throughput", "peak_memory")
"""The metrics whose change against the baseline has a column."""
_DEFAULT = ("step_time", "throughput", "device_busy", "peak_memory")
_INTERVALS = ("step_time",)  # the ones that have room for it
_MOST_COMPARED = 200  # the latest: a comparison reads the samples of each
_CHANGE_TOLD = "Against the baseline; ~ is within the noise, or of too few samples. Hover for the 95 % interval."
_HIDDEN = ("status", "host", "run_id")
_FACTS = (
    "run_id, run.run, framework, framework_version, model, device_model, device_count, precision, batch_size, status, verdict, "
    "started_ns, tags, note, is_pinned"
)
QUERY = (
    f"select {_FACTS}, "
    + ", ".join(f"any_value(value) filter (metric = '{metric}') as {metric}" for metric in METRICS)
    + " from run left join (from run_metric where rank is null) using (run_id) group by all order by started_ns desc"
)
"""What the table shows, as one query."""


def load(store: Store) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of the table, latest run first, and the unit of each metric's column."""
    metrics = frame(
        store,
        "select run_id, metric, value, ci_low, ci_high from run_metric "
        "where rank is null and value is not null and list_contains(?, metric)",
        list(METRICS),
    )
    units = dict(frame(store, "select id, unit from metric where list_contains(?, id)", list(METRICS)).iter_rows())
    doubts = frame(store, "select run_id, code from finding where severity <> 'info'")
    return table(frame(store, "select * from run"), metrics, units, doubts)


def table(
    runs: pl.DataFrame, metrics: pl.DataFrame, units: Mapping[str, str], doubts: pl.DataFrame
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of the grid, latest run first, and the unit of each metric's column.

    `runs` has the columns of the view run; `metrics` those of run_metric for whole runs; `doubts` run_id and code of findings.
    """
    held: dict[str, dict[str, Any]] = {}
    for row in metrics.to_dicts():
        held.setdefault(str(row["run_id"]), {})[row["metric"]] = row
    values = {metric: [of_run[metric]["value"] for of_run in held.values() if metric in of_run] for metric in METRICS}
    scales = {metric: scale_for(units.get(metric), values[metric]) for metric in METRICS}
    codes = dict(doubts.group_by("run_id").agg(pl.col("code").unique().sort().str.join(", ")).iter_rows())
    rows = []
    for run in runs.sort("started_ns", descending=True, nulls_last=True).to_dicts():
        row = _facts(run) | {"verdict_why": codes.get(run["run_id"], "")}
        for metric, one in held.get(row["run_id"], {}).items():
            row[metric] = one["value"]
            row[f"{metric}_text"] = scales[metric].text(one["value"])
            if metric in _INTERVALS and one["ci_low"] is not None:
                row[f"{metric}_text"] += f"  [{scales[metric].text(one['ci_low'])}, {scales[metric].text(one['ci_high'])}]"
        rows.append(row)
    return rows, {metric: scale.unit for metric, scale in scales.items()}


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    tags = run["tags"] or {}
    tags = dict(tags) if isinstance(tags, Mapping) else {pair["key"]: pair["value"] for pair in tags}
    count = run["device_count"] or 1
    framework = theme.framework_title(run["framework"])
    device = run["device_model"] or run["device_kind"] or NONE
    return {
        "run_id": str(run["run_id"]),
        "run": run["run"],
        "framework": f"{framework} {run['framework_version'] or ''}".strip(),
        "framework_key": run["framework"] or "unknown",
        "framework_title": framework,
        "model": run["model"] or NONE,
        "device": device + (f" ×{count}" if count > 1 else ""),
        "device_title": device,
        "precision": run["precision"] or NONE,
        "batch_size": run["batch_size"],
        "status": run["status"],
        "host": run["host"] or NONE,
        "verdict": run["verdict"],
        "started": instant(run["started_ns"]),
        "tags": ", ".join(f"{key}={value}" for key, value in sorted(tags.items())),
        "note": run["note"] or "",
        "is_pinned": bool(run["is_pinned"]),
    }


def deltas(store: Store, rows: Sequence[dict[str, Any]], base: str | None) -> None:
    """Add to the rows how each run differs from the baseline: the latest 200, and nothing without a baseline."""
    known = [row["run_id"] for row in rows]
    if base is None or base not in known:
        return
    others = [run_id for run_id in known if run_id != base][:_MOST_COMPARED]
    found = changes(store, base, others, metrics=CHANGES) if others else {}
    for row in rows:
        for one in found.get(row["run_id"], []):
            row.update(_delta(one))


def _delta(one: MetricDifference) -> dict[str, Any]:
    if one.base is None or one.other is None:
        return {}
    name = f"delta_{one.metric}"
    why = " ".join((wording.change(one), wording.interval(one)))
    is_sure = one.verdict in ("better", "worse", "different")
    text = wording.change(one).removesuffix(f" {one.verdict}") if is_sure else f"~ {percent_change(one.ratio)}"
    return {name: one.ratio, f"{name}_text": text, f"{name}_tone": wording.tone(one), f"{name}_why": why}


def columns(
    rows: Sequence[Mapping[str, Any]], units: Mapping[str, str], *, shown: Sequence[str] = (), sort: str = ""
) -> list[dict[str, Any]]:
    """The columns that some run fills; `shown` are those to show, else the usual ones; `sort` is one and its direction."""
    name_width = min(max(44 + 7 * max((len(row["run"]) for row in rows), default=0), 130), 270)
    offered = [
        {**_text("is_pinned", "★", 40, cellRenderer="Pin", pinned="left"), "headerTooltip": "Pinned runs stay on top"},
        _text("run", "Name", name_width, cellRenderer="RunLink", pinned="left"),
        _text("framework", "Framework", 178, cellRenderer="FrameworkChip"),
        *(column for metric in METRICS for column in _metric_columns(metric, units)),
        _text("verdict", "Capture", 90, cellRenderer="Verdict"),
        _text("started", "Started, UTC", 160, valueFormatter={"function": "(params.value || '').slice(0, 16)"}),
        _text("model", "Model", 112),
        _text("device", "Device", 210),
        _text("precision", "Precision", 96),
        {
            **number_column("batch_size", "Batch", 76),
            "valueFormatter": {"function": "params.value == null ? '–' : params.value"},
        },
        _text("tags", "Tags", 190, editable=True, headerTooltip="key=value, key=value: double-click or Enter to edit"),
        _text("note", "Note", 220, **_LONG_TEXT),
        _text("status", "Status", 98),
        _text("host", "Host", 130),
        _text("run_id", "Run id", 200, cellClass="mono"),
    ]
    always = ("is_pinned", "tags", "note")
    filled = [one for one in offered if one["field"] in always or _is_told(one["field"], rows)]
    wanted = shown or shown_by_default(filled)
    field, _, direction = sort.partition(":")
    for column in filled:
        is_fixed = column["field"] in ("is_pinned", "run") or column["field"].startswith("delta_")
        column["hide"] = column["field"] not in wanted and not is_fixed
        if column["field"] == field and direction in ("asc", "desc"):
            column["sort"] = direction
    return filled


def _is_told(field: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row.get(field) not in (None, "", NONE) for row in rows)


_LONG_TEXT: Mapping[str, Any] = {
    "editable": True,
    "cellEditor": "agLargeTextCellEditor",
    "cellEditorPopup": True,
    "cellEditorParams": {"rows": 5, "cols": 44, "maxLength": 2000},
    "headerTooltip": "Double-click or Enter to edit",
}


def shown_by_default(offered: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields of the columns that show unless one chooses others; changes show wherever there is a baseline."""
    dull = {*_HIDDEN, *METRICS, *(f"delta_{metric}" for metric in CHANGES)} - {*_DEFAULT}
    return [one["field"] for one in offered if one["field"] not in dull]


def _metric_columns(metric: str, units: Mapping[str, str]) -> list[dict[str, Any]]:
    titles = {"mfu": "MFU", "exposed_communication_time": "Exposed communication"}
    title = titles.get(metric, metric.replace("_", " ").capitalize())
    unit = units.get(metric, "")
    found = [number_column(metric, f"{title}, {unit}" if unit else title, 190 if metric in _INTERVALS else 138)]
    if metric in CHANGES:
        change = number_column(f"delta_{metric}", f"{title}, change", 128)
        found.append({**change, "cellRenderer": "Change", "headerTooltip": _CHANGE_TOLD})
    return found


def _text(field: str, title: str, width: int, **more: Any) -> dict[str, Any]:
    return {"field": field, "headerName": title, "minWidth": width, "width": width, "tooltipField": field, **more}


def facets(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the runs may be filtered by, in groups, as a field of choices wants it."""
    fields = {"framework": "framework_title", "model": "model", "device": "device_title"}
    found = {kind: {row[field] for row in rows if row[field] != NONE} for kind, field in fields.items()}
    found["tag"] = {tag for row in rows for tag in row["tags"].split(", ") if tag}
    return [
        {"group": kind.capitalize(), "items": [{"value": f"{kind}:{one}", "label": one} for one in sorted(values)]}
        for kind, values in found.items()
        if values
    ]


def groupings(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What the runs may be grouped by."""
    keys = sorted({tag.partition("=")[0] for row in rows for tag in row["tags"].split(", ") if tag})
    fixed = [{"value": name, "label": name.capitalize()} for name in ("name", "framework", "model", "device")]
    return [*fixed, *({"value": f"tag:{key}", "label": f"Tag {key}"} for key in keys)]
