"""Grows a real capture to any size, so that speed and memory can be measured over sizes.

    python benchmarks/growth.py trace.json.gz big.json --size 1GB

The events are repeated, each copy later in time and under numbers of its own, so that launches find their kernels and steps
count on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from crossprof.ingest.xplane_schema import message_pool

__all__ = ["bytes_of", "grow", "grow_kineto", "grow_xplane"]

_NUMBERS = ("correlation", "External id", "external id", "Record function id", "Sequence number", "Ev Idx")
_XPLANE_NUMBERS = (b"correlation_id", b"group_id", b"step_num", b"run_id")
_STRIDE = 10_000_000  # above every number of one capture
_STEP = re.compile(r"ProfilerStep#(\d+)")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def bytes_of(size: str) -> int:
    """The bytes that a size such as 100MB means. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", size, re.IGNORECASE)
    if not match:
        raise ValueError(f"{size!r} is no size: write 10MB or 1GB")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def grow(source: Path, target: Path, size: int) -> int:
    """Write the grown capture, of either format; the count of its copies."""
    data = source.read_bytes()
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    return (grow_kineto if data.lstrip()[:1] in b"{[" else grow_xplane)(data, target, size)


def grow_kineto(data: bytes, target: Path, size: int) -> int:
    """Repeat the events of a Kineto file, one a line and its arguments on the next, until the file has the size."""
    document = json.loads(data.decode(errors="replace"), parse_float=Decimal, strict=False)
    document = document if isinstance(document, dict) else {"traceEvents": document}
    events = [event for event in document.pop("traceEvents") if isinstance(event, dict)]
    timed = [event for event in events if isinstance(event.get("ts"), int | Decimal)]
    begin = min(event["ts"] for event in timed)
    period = int(max(event["ts"] + (event.get("dur") or 0) for event in timed) - begin) + 1
    steps = {int(match[1]) for event in timed if (match := _STEP.match(str(event.get("name"))))}
    templates = [_template(event) for event in timed]
    untimed = [_text(event) for event in events if not isinstance(event.get("ts"), int | Decimal)]
    head = _text(document)
    with target.open("w", encoding="utf-8") as file:
        written = file.write(head[:-1] + (", " if document else "") + '"traceEvents": [\n')
        written += file.write(",\n".join(untimed) + (",\n" if untimed else ""))
        copies = 0
        while copies == 0 or written < size:
            shifts = {"ts": copies * period, "number": copies * _STRIDE, "step": copies * (len(steps) or 1)}
            written += file.write((",\n" if copies else "") + ",\n".join(_filled(templates, shifts)))
            copies += 1
        file.write("\n]}\n")
    return copies


def _template(event: dict[str, Any]) -> tuple[str, list[tuple[str, int]]]:
    """The text of an event with a hole for each number that a copy shifts, and what stands there: kind and value."""
    holes: list[tuple[str, int]] = []

    def hole(kind: str, value: int) -> str:
        holes.append((kind, value))
        return "\0"

    whole, fraction = divmod(event["ts"], 1)
    parts = []
    for key, value in event.items():
        if key == "ts":
            text = hole("ts", int(whole)) + (f"{fraction:.3f}"[1:] if isinstance(value, Decimal) else "")
        elif key == "name" and (match := _STEP.fullmatch(str(value))):
            text = '"ProfilerStep#' + hole("step", int(match[1])) + '"'
        elif key == "id" and isinstance(value, int):
            text = hole("number", value)
        elif key == "args" and isinstance(value, dict):
            text = "\n    {" + ", ".join(f"{_text(name)}: {_argument(name, one, hole)}" for name, one in value.items()) + "}"
        else:
            text = _text(value)
        parts.append(f"{_text(key)}: {text}")
    return "  {" + ", ".join(parts) + "}", holes


def _argument(name: str, value: Any, hole: Any) -> str:
    is_number = name in _NUMBERS and isinstance(value, int) and not isinstance(value, bool) and value > 0
    return hole("number", value) if is_number else _text(value)


def _filled(templates: list[tuple[str, list[tuple[str, int]]]], shifts: dict[str, int]) -> Iterator[str]:
    for text, holes in templates:
        pieces = text.split("\0")
        numbers = (str(value + shifts[kind]) for kind, value in holes)
        yield "".join(piece for pair in zip(pieces, [*numbers, ""], strict=True) for piece in pair)


def _text(value: Any) -> str:
    return json.dumps(value, default=float)


def grow_xplane(data: bytes, target: Path, size: int) -> int:
    """Repeat the events of every line of an XPlane file until the file has about the size."""
    space = GetMessageClass(message_pool().FindMessageTypeByName("crossprof.xplane.Space"))()
    space.ParseFromString(data)
    lines = [(plane, line) for plane in space.planes for line in plane.lines]
    period = max((event.offset_ps + event.duration_ps for _, line in lines for event in line.events), default=0)
    period = period // 1_000_000 * 1_000_000 + 1_000_000
    repeated = sum(line.ByteSize() for _, line in lines)  # names, and the HLO of programs, are there once
    copies = max(1, round((size - len(data)) / repeated) + 1)
    for plane, line in lines:
        shifted = {entry.key for entry in plane.stat_names if entry.value.name in _XPLANE_NUMBERS}
        first = [event for event in line.events if not event.num_occurrences]
        for copy in range(1, copies):
            for event in first:
                later = line.events.add()
                later.CopyFrom(event)
                later.offset_ps += copy * period
                for stat in later.stats:
                    if stat.metadata_id in shifted and stat.HasField("int64_value"):
                        stat.int64_value += copy * _STRIDE
    target.write_bytes(space.SerializeToString())
    return copies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="a Kineto or XPlane capture, also as gzip")
    parser.add_argument("target", type=Path)
    parser.add_argument("--size", type=bytes_of, default="100MB")
    options = parser.parse_args()
    copies = grow(options.source, options.target, options.size)
    print(f"{options.target}: {options.target.stat().st_size:,} bytes, {copies} copies")


if __name__ == "__main__":
    main()
