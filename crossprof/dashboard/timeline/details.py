"""What is known of one event of a timeline: its facts, the launches and work that it is tied to, and all others of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossprof.dashboard.addresses import sql_address
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.timeline.build import statements
from crossprof.dashboard.timeline.shelf import Named
from crossprof.dashboard.timeline.timeline import Timeline
from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.literal import literal

__all__ = ["Side", "details"]

_DEVICE, _OP, _CALL, _RANGE, _STEP = range(5)
_TABLES = {_DEVICE: ("kernel_launch", "kernel_id"), _OP: ("op", "op_id"), _CALL: ("runtime_call", "call_id")}
_MOST_STACK = 400

Side = tuple[Named, Timeline]
"""A run and its timeline."""


def details(store: Store, side: Side, others: Sequence[Side], *, kind: int, rank: int, event_id: int) -> dict[str, Any]:
    """An event as JSON, with where its name is in other runs. Raises CrossprofError: the run has no such event."""
    run, timeline = side
    event = located(timeline, kind, rank, event_id)
    if event is None:
        raise CrossprofError(f"The run {run.run} has no event {kind}.{rank}.{event_id}.")
    known = _known(store, run.run_id, kind, rank, event_id)
    return {
        "event": event,
        "facts": [[label, str(text)] for label, text in _facts(event, known).items() if text not in (None, "", NONE)],
        "flows": _flows(store, run.run_id, timeline, kind, rank, event_id),
        "same": _same_name([side, *others], event),
        "elsewhere": [_nearest(other, event) for _, other in others],
        "sql": sql_address(_query(run.run_id, event)),
    }


def located(timeline: Timeline, kind: int, rank: int, event_id: int) -> dict[str, Any] | None:
    """Name, lane, start and finish of an event; None where the timeline has none of that number."""
    return next(iter(timeline.rows("FROM one_event($1, $2, $3)", kind, rank, event_id)), None)


def _known(store: Store, run_id: str, kind: int, rank: int, event_id: int) -> Mapping[str, Any]:
    if kind not in _TABLES:
        return {}
    params = {"run_id": run_id, "rank": rank, "id": event_id}
    return next(iter(store.arrow(statements("details.sql")[kind], params).to_pylist()), {})


def _flows(store: Store, run_id: str, timeline: Timeline, kind: int, rank: int, event_id: int) -> list[dict[str, Any]]:
    if kind not in _TABLES:
        return []
    params = {"run_id": run_id, "rank": rank, "kind": kind, "id": event_id}
    pairs = store.arrow(statements("details.sql")[3], params).to_pylist()
    found = [
        {
            "launch": located(timeline, _CALL, rank, pair["call_id"]),
            "work": located(timeline, _DEVICE, rank, pair["kernel_id"]),
        }
        for pair in pairs
    ]
    return [flow for flow in found if flow["launch"] and flow["work"]]


def _facts(event: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known, in the order in which one asks; what is not known as None."""
    block = known.get("block")
    return {
        "Duration": _quantity("ns", event["dur_ns"]),
        "Starts": f"{event['start_ns']:,}\u2009ns from the first event of the run",
        "Category": event["category"].replace("_", " "),
        "Where": _where(event),
        "Step": _step(known.get("step"), known.get("device_step")),
        "Launched by": known.get("call_name") and f"{known['call_name']}, thread {known['thread']}",
        "Delay": _quantity("ns", known.get("delay_ns"), " from the start of the call"),
        "Operator": known.get("op_name"),
        "Outermost operator": known.get("root_op_name") if known.get("root_op_name") != known.get("op_name") else None,
        "Module": known.get("module"),
        "Self time": _quantity("ns", known.get("self_ns")),
        "Device time": _quantity("ns", known.get("device_ns")),
        "Grid × block": block and f"{known['grid']} × {block}",
        "Registers": known.get("registers_per_thread"),
        "Shared memory": _quantity("By", known.get("shared_memory_bytes")),
        "Occupancy": _quantity("ratio", known.get("occupancy_ratio")),
        "Bytes": _quantity("By", known.get("bytes")),
        "Group": known.get("process_group"),
        "Shapes": known.get("shapes"),
        "Types": known.get("dtypes"),
        "Stack": (known.get("stack") or "")[:_MOST_STACK],
    }


def _quantity(unit: str, value: float | None, after: str = "") -> str | None:
    return None if value is None else f"{scale_for(unit, [value]).full(value)}{after}"


def _where(event: Mapping[str, Any]) -> str:
    place = event["place"] or ""
    line = f"stream {place}" if place.isdigit() else place
    where = f"device {event['device_id']}, {line}" if event["device_id"] is not None else place and f"thread {place}"
    return ", ".join(part for part in (where, f"rank {event['rank']}") if part)


def _step(step: int | None, device_step: int | None) -> str | None:
    is_elsewhere = device_step not in (None, step)
    return None if step is None else f"{step}{f', on the device in {device_step}' if is_elsewhere else ''}"


def _same_name(sides: Sequence[Side], event: Mapping[str, Any]) -> dict[str, Any]:
    """Calls and times of the name in each run."""
    found = [timeline.rows("FROM statistics($1, $2)", event["name"], event["kind"])[0] for _, timeline in sides]
    scale = scale_for("ns", [row["total_ns"] for row in found])
    each = scale_for("ns", [row["max_ns"] for row in found])
    rows = [
        [
            run.run,
            f"{row['calls']:,}",
            scale.text(row["total_ns"]),
            *(each.text(row[name]) for name in ("mean_ns", "min_ns", "max_ns")),
        ]
        for (run, _), row in zip(sides, found, strict=True)
    ]
    heads = ["Run", "Calls", f"Total, {scale.unit}", *(f"{name}, {each.unit}" for name in ("Mean", "Least", "Most"))]
    return {"columns": heads, "rows": rows}


def _nearest(timeline: Timeline, event: Mapping[str, Any]) -> dict[str, Any] | None:
    return next(iter(timeline.rows("FROM same_name($1, $2)", event["name"], event["start_ns"])), None)


def _query(run_id: str, event: Mapping[str, Any]) -> str:
    """The query behind the facts, to go on from."""
    table, key = _TABLES.get(event["kind"], ("annotation" if event["kind"] == _RANGE else "step", None))
    if key:
        chosen = f"rank = {event['rank']} AND {key} = {event['id']}"
    elif event["kind"] == _STEP:
        chosen = f"rank = {event['rank']} AND step = {event['id']}"
    else:
        chosen = f"rank = {event['rank']} AND name = {literal(event['name'])}"
    return f"SELECT *\nFROM {table}\nWHERE run_id = {literal(run_id)} AND {chosen}\nLIMIT 100"
