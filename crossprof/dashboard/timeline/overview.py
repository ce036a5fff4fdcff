"""What a timeline is made of, before any window of it: tracks and their lanes, counters, steps, categories, where it opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crossprof.dashboard import theme, wording
from crossprof.dashboard.quantity import scale_for
from crossprof.dashboard.timeline.timeline import Timeline

__all__ = ["overview"]

_MOST_STEPS = 2_000
_OPEN_THREADS = 2
_SHOWN_THREADS = 8
_COLORS = {
    "call": "#8FA3B8",
    "sync": "#8C6D8C",
    "range": "#9DABBA",
    "python": "#A9B38C",
    "step_profiled": "#7C93B2",
    "step_profiled_warmup": "#A9B8CC",
    "step_bare": "#AEB9C6",
    "step_warmup": "#C3CBD4",
}
_TITLES = {"call": "runtime call", "sync": "synchronization", "range": "range", "python": "Python"}
_COUNTERS = {
    "memory by the allocator": "Allocated",
    "memory by the driver": "Driver memory",
    "memory by the process": "Resident memory",
    "hw.gpu.utilization": "Utilization",
    "hw.gpu.memory.activity": "Memory activity",
    "hw.gpu.memory.allocated": "Allocator",
    "hw.gpu.memory.reserved": "Reserved",
    "hw.gpu.sm.activity": "SM activity",
    "hw.gpu.tensor.activity": "Tensor cores",
    "hw.gpu.dram.activity": "Bandwidth",
    "hw.gpu.clock.sm": "SM clock",
    "hw.gpu.power": "Power",
    "hw.gpu.throttle": "Held back",
    "hw.tpu.utilization": "Utilization",
    "hw.tpu.tensorcore.utilization": "Tensor cores",
    "hw.tpu.memory.bandwidth.utilization": "Bandwidth",
    "container.memory.usage": "Container memory",
    "process.cpu.utilization": "Process CPU",
    "system.cpu.utilization": "Host CPU",
    "system.memory.usage": "Host memory",
}


def overview(timeline: Timeline) -> dict[str, Any]:
    """The parts of a timeline, as JSON. `zero` is the first instant in unix ns, as text: it is too long for a double."""
    lanes: dict[int, list[int]] = {}
    for row in timeline.rows("SELECT track_id, lane_id FROM lane ORDER BY lane_id"):
        lanes.setdefault(row["track_id"], []).append(row["lane_id"])
    opening = timeline.rows("FROM opening()")[0]
    return {
        "zero": str(timeline.rows("FROM origin")[0]["zero_ns"]),
        "span": timeline.rows("FROM extent")[0]["span_ns"],
        "opening": [opening["from_ns"] or 0, opening["to_ns"] or 0],
        "steps": _steps(timeline),
        "tracks": _tracks(timeline.rows("FROM track ORDER BY track_id"), lanes),
        "counters": _counters(timeline.rows("FROM counter ORDER BY counter_id")),
        "categories": _categories(timeline.categories),
    }


def _steps(timeline: Timeline) -> list[list[int]]:
    rows = timeline.rows(f"FROM measured() LIMIT {_MOST_STEPS}")
    return [[row["step"], row["start_ns"], row["finish_ns"] - row["start_ns"]] for row in rows]


def _tracks(rows: Sequence[Mapping[str, Any]], lanes: Mapping[int, list[int]]) -> list[dict[str, Any]]:
    """The tracks in order; of a rank's threads the first open, those after the eighth behind a line of their own."""
    told = []
    devices = {(row["rank"], row["device_id"]) for row in rows if row["family"] == "device"}
    seen: dict[tuple[int, str], int] = {}
    for row in rows:
        key = (row["rank"], row["family"])
        nth = seen[key] = seen.get(key, -1) + 1
        label, detail = _label(row, several=len({d for r, d in devices if r == row["rank"]}) > 1)
        told.append(
            {
                "key": f"{row['rank']}.{row['family']}.{nth}",
                "rank": row["rank"],
                "family": row["family"],
                "label": label,
                "detail": detail,
                "lanes": lanes[row["track_id"]],
                "is_open": row["family"] in ("step", "device") or (row["family"] == "host" and nth < _OPEN_THREADS),
                "is_rest": row["family"] in ("host", "python") and nth >= _SHOWN_THREADS,
            }
        )
    return told


def _label(row: Mapping[str, Any], *, several: bool) -> tuple[str, str]:
    """What a track is, in short, and all that is known of it."""
    family, place = row["family"], row["place"] or ""
    if family == "step":
        return "Steps", f"Steps of rank {row['rank']}"
    if family in ("device", "async", "range"):
        head = f"Device {row['device_id']} · " if several else ""
        name = place if not place.isdigit() else f"stream {place}"
        is_named = family == "range" and name != place
        return f"{head}{name}{' ranges' if is_named else ''}", f"Device {row['device_id']}, {name}, rank {row['rank']}"
    name, _, number = place.rpartition("/")
    short = name if name and not name.isdigit() and number.lstrip("-").isdigit() else place
    return f"{'Python' if family == 'python' else 'Thread'} {short}", f"Thread {place}, rank {row['rank']}"


def _counters(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The counters, with their device where a rank has one of the same name of another device."""
    devices: dict[tuple[int, str], set[int | None]] = {}
    for row in rows:
        devices.setdefault((row["rank"], row["counter"]), set()).add(row["device_id"])
    return [_counter(row, several=len(devices[row["rank"], row["counter"]]) > 1) for row in rows]


def _counter(row: Mapping[str, Any], *, several: bool) -> dict[str, Any]:
    name, _, allocator = row["counter"].partition(", ")
    device = {None: "host", -1: "CPU"}.get(row["device_id"], f"device {row['device_id']}")
    scale = scale_for(row["unit"], [row["most"]])
    label = _COUNTERS.get(name, name)
    return {
        "id": row["counter_id"],
        "rank": row["rank"],
        "label": f"{label} · {device.replace('device', 'dev')}" if several else label,
        "detail": ", ".join(
            part for part in (row["counter"].partition(",")[0], allocator, device, f"rank {row['rank']}") if part
        ),
        "most": row["most"],
        "most_text": scale.full(row["most"]),
    }


def _categories(names: Sequence[str]) -> list[dict[str, Any]]:
    """The categories by their ids; `order` is that of a legend: work in order of meaning, then what is only on the host."""
    order = [*theme.category_order(name for name in names if name not in _COLORS), *_COLORS]
    return [
        {
            "name": name,
            "title": _TITLES.get(name) or wording.part(name),
            "color": _COLORS.get(name) or theme.category_color(name),
            "order": order.index(name),
        }
        for name in names
    ]
