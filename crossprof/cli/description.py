"""What is known of a run, as documents for --json and as text for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crossprof.cli import terminal
from crossprof.cli.terminal import Column
from crossprof.dashboard.quantity import instant, scale_for

if TYPE_CHECKING:
    from crossprof.store import Store

__all__ = [
    "VERDICTS",
    "described",
    "peer_numbers",
    "print_advice",
    "print_capture",
    "print_facts",
    "print_findings",
    "print_metrics",
    "print_peers",
    "print_runs",
    "print_windows",
    "run_documents",
]

VERDICTS = {
    "good": "Nothing was found that these numbers would suffer from.",
    "usable": "The numbers hold, with the care that the findings ask for.",
    "broken": "Some numbers are wrong or missing: the findings say which.",
}
"""What the verdict of a run means, from the best to the worst."""

_METRICS = """
    SELECT metric, value, unit, n, ci_low, ci_high FROM run_metric JOIN metric ON metric.id = run_metric.metric
    WHERE run_id = ? AND rank IS NULL AND value IS NOT NULL
"""
_FINDINGS = """
    SELECT code, severity, rank, count, detail, effect FROM finding WHERE run_id = ?
    ORDER BY list_position(['error', 'warning', 'info'], severity), code, rank
"""
_BOTTLENECK = "SELECT scope, place, bound_by, share_ratio, window_ns, sentence FROM bottleneck WHERE run_id = ?"
_ADVICE = """
    SELECT code, title, share_ratio, evidence, action, query FROM advice WHERE run_id = ?
    ORDER BY share_ratio DESC NULLS LAST, code
"""
_CAPTURE = "SELECT * EXCLUDE (run_id, run) FROM capture_total WHERE run_id = ? ORDER BY rank, device_id NULLS LAST"
_WINDOWS = """
    SELECT rank, capture, trigger, reason, state, first_step, last_step, started_ns, bytes FROM capture WHERE run_id = ?
    ORDER BY capture, rank
"""
_PEERS = """
    SELECT metric, rank, capture, device_id, value, unit FROM peer_metric WHERE run_id = ?
    ORDER BY rank, capture, device_id NULLS FIRST, metric
"""
_FACTS = (
    *(
        "framework",
        "framework_version",
        "model",
        "precision",
        "phase",
        "batch_size",
        "world_size",
        "device_model",
        "device_count",
    ),
    *("host", "status", "source", "python_version", "git_commit", "crossprof_version", "note"),
)


def run_documents(store: Store) -> list[dict[str, Any]]:
    """All runs, the latest first, as plain values with maps and JSON unfolded."""
    return _unfolded(
        store.arrow("SELECT to_json(each)::VARCHAR AS document FROM run AS each ORDER BY started_ns DESC NULLS LAST, run_id")
    )


def described(store: Store, run_id: str) -> dict[str, Any]:
    """The document of `show`: the run, what bounds it, its metrics as a whole, its capture, windows, advice and findings."""
    (run,) = _unfolded(store.arrow("SELECT to_json(each)::VARCHAR AS document FROM run AS each WHERE run_id = ?", [run_id]))
    return {
        "run": run,
        "bottleneck": next(iter(store.arrow(_BOTTLENECK, [run_id]).to_pylist()), None),
        "metrics": store.arrow(_METRICS, [run_id]).to_pylist(),
        "capture": store.arrow(_CAPTURE, [run_id]).to_pylist(),
        "captures": store.arrow(_WINDOWS, [run_id]).to_pylist(),
        "advice": store.arrow(_ADVICE, [run_id]).to_pylist(),
        "findings": store.arrow(_FINDINGS, [run_id]).to_pylist(),
    }


def peer_numbers(store: Store, run_id: str) -> list[dict[str, Any]]:
    """What other tools say of the run, file by file."""
    numbers: list[dict[str, Any]] = store.arrow(_PEERS, [run_id]).to_pylist()
    return numbers


def print_runs(runs: Sequence[Mapping[str, Any]]) -> None:
    """One line a run."""
    names = ("run", "framework", "model", "device", "ranks", "status", "verdict", "started (UTC)", "run id")
    rows = []
    for run in runs:
        device = run["device_model"] or run["device_kind"]
        ranks = f"{run['part_count']} of {run['world_size']}" if run["is_partial"] else str(run["part_count"])
        judged = (run["status"], run["verdict"], instant(run["started_ns"]), _run_id(run["run_id"]))
        rows.append((run["run"], run["framework"], run["model"], device, ranks, *judged))
    terminal.print_table([Column(name) for name in names], rows)


def print_facts(run: Mapping[str, Any]) -> None:
    """What the run is: one line a fact that is known, under its name and verdict."""
    verdict = run["verdict"]
    terminal.print_card(f"{run['run']} ({run['run_id']}): {verdict}", [VERDICTS[verdict]], style=terminal.STYLES[verdict])
    tags = " ".join(f"{key}={value}" for key, value in sorted((run["tags"] or {}).items()))
    facts = [(name.replace("_", " "), str(run[name])) for name in _FACTS if run[name] is not None]
    facts += [("tags", tags)] if tags else []
    facts += sorted((run["links"] or {}).items())
    terminal.print_table([Column("fact"), Column("value")], [*facts, ("started (UTC)", instant(run["started_ns"]))])


def print_metrics(metrics: Sequence[Mapping[str, Any]]) -> None:
    """One line a metric: value, unit, number of samples and interval."""
    columns = [
        Column("metric"),
        Column("value", is_number=True),
        Column("unit"),
        Column("95 % interval"),
        Column("samples", is_number=True),
    ]
    rows = []
    for metric in metrics:
        scale = scale_for(metric["unit"], [metric["value"], metric["ci_high"]])
        interval = None if metric["ci_low"] is None else f"[{scale.text(metric['ci_low'])}, {scale.text(metric['ci_high'])}]"
        rows.append((metric["metric"], scale.text(metric["value"]), scale.unit, interval, f"{metric['n']:,}"))
    terminal.print_table(columns, rows, title="Metrics")


def print_capture(totals: Sequence[Mapping[str, Any]]) -> None:
    """One line a device or host: totals of the file, for a capture that marks no steps."""
    names = ("capture", "busy", "compute", "communication", "copies", "idle", "sum")
    columns = [Column("rank"), Column("where"), *(Column(name, is_number=True) for name in (*names, "pieces"))]
    fields = ("window_ns", "busy_ratio", "compute_ns", "exposed_communication_ns", "exposed_copy_ns", "idle_ns", "total_ns")
    rows = []
    for total in totals:
        where = "operators" if total["device_id"] is None else f"device {total['device_id']}"
        cells = [scale_for("ratio" if field == "busy_ratio" else "ns", [total[field]]).full(total[field]) for field in fields]
        rows.append((str(total["rank"]), where, *cells, f"{total['calls']:,}"))
    terminal.print_table(columns, rows, title="Totals of the capture (no step is marked, so nothing is per step)")


def print_windows(windows: Sequence[Mapping[str, Any]]) -> None:
    """One line a window with why it was taken, where any but the schedule asked for one."""
    if not any(window["trigger"] not in (None, "schedule") for window in windows):
        return
    names = ("window", "rank", "steps", "size")
    columns = [*(Column(name, is_number=True) for name in names), Column("state"), Column("trigger"), Column("why")]
    rows = []
    for window in windows:
        first, last = window["first_step"], window["last_step"]
        steps = None if None in (first, last) else f"{first:,} to {last:,}"
        size = None if window["bytes"] is None else scale_for("bytes", [window["bytes"]]).full(window["bytes"])
        told = (window["state"], window["trigger"], window["reason"])
        rows.append((str(window["capture"]), str(window["rank"]), steps, size, *told))
    terminal.print_table(columns, rows, title="Windows")


def print_advice(advice: Sequence[Mapping[str, Any]]) -> None:
    """What to do next, each with its evidence and the SQL that shows it; nothing where nothing speaks."""
    for one in advice:
        terminal.print_line()
        terminal.print_card(one["title"], [one["evidence"], one["action"], f'crossprof sql "{one["query"]}"'], style="bold")


def print_peers(numbers: Sequence[Mapping[str, Any]]) -> None:
    """One line a number of another tool, with the rank, the window and the device that it is about."""
    if not numbers:
        terminal.print_line("No other tool has a number for this run.")
        return
    columns = [
        Column("metric"),
        *(Column(name, is_number=True) for name in ("rank", "window", "device", "value")),
        Column("unit"),
    ]
    rows = []
    for number in numbers:
        scale = scale_for(number["unit"], [number["value"]])
        device = None if number["device_id"] is None else str(number["device_id"])
        rows.append(
            (number["metric"], str(number["rank"]), str(number["capture"]), device, scale.text(number["value"]), scale.unit)
        )
    terminal.print_table(columns, rows, title="Numbers of other tools")


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """One line a finding, the gravest first."""
    names = ("severity", "code", "rank", "count", "detail", "effect")
    rows = [[None if finding[name] is None else str(finding[name]) for name in names] for finding in findings]
    if rows:
        terminal.print_table([Column(name) for name in names], rows, title="Findings")
    else:
        terminal.print_line("No findings.")


def _run_id(run_id: str) -> str:
    """On a terminal the beginning, which is long enough to name the run by."""
    return run_id[:18] if terminal.is_terminal() else run_id


def _unfolded(rows: Any) -> list[dict[str, Any]]:
    return [json.loads(text) for text in rows["document"].to_pylist()]
