"""A reader of Perfetto traces that knows the wire format and numbers of fields, and nothing of what wrote them.

It does what Perfetto's own importer does: sorts by time, keeping the order of the file at one instant, and takes each
track for a stack.
"""

from __future__ import annotations

import gzip
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BEGIN, _END, _COUNTER = 1, 2, 4


@dataclass
class Slice:
    track: int
    category: str
    name: str
    start_ns: int
    dur_ns: int = -1
    arguments: dict[str, Any] = field(default_factory=dict)
    flows: tuple[int, ...] = ()


@dataclass
class Trace:
    slices: list[Slice] = field(default_factory=list)
    counters: list[tuple[int, int, float]] = field(default_factory=list)
    tracks: dict[int, dict[str, Any]] = field(default_factory=dict)

    def process(self, track: int) -> str:
        """The name of the process at the root of a track."""
        while "parent" in self.tracks[track]:
            track = self.tracks[track]["parent"]
        return str(self.tracks[track]["process"])


def read(path: Path) -> Trace:
    trace, events = Trace(), []
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    texts: dict[int, str] = {}
    for number, packet in fields(gzip.decompress(path.read_bytes())):
        assert number == 1
        held = dict(fields(packet))
        for kind, entry in fields(held.get(12, b"")):
            found = dict(fields(entry))
            {2: names, 3: arguments, 29: texts}[kind][found[1]] = found[2].decode()
        if 60 in held:
            _describe(trace, dict(fields(held[60])))
        if 11 in held:
            events.append((held[8], list(fields(held[11]))))
    events.sort(key=lambda event: event[0])
    stacks: dict[int, list[Slice]] = defaultdict(list)
    for at, parts in events:
        event = dict(parts)
        track = event[11]
        assert track in trace.tracks
        if event[9] == _BEGIN:
            told = [dict(fields(part)) for number, part in parts if number == 4]
            values = {arguments[one[1]]: _value(one, texts) for one in told}
            flows = tuple(part for number, part in parts if number == 47)
            assert all(isinstance(flow, int) for flow in flows), "Perfetto reads no packed numbers here"
            stacks[track].append(Slice(track, event[22].decode(), names[event[10]], at, arguments=values, flows=flows))
            trace.slices.append(stacks[track][-1])
        elif event[9] == _END:
            ended = stacks[track].pop()
            ended.dur_ns = at - ended.start_ns
        else:
            assert event[9] == _COUNTER
            value = event[30] if 30 in event else struct.unpack("<d", struct.pack("<Q", event[44]))[0]
            trace.counters.append((track, at, value))
    assert not any(stacks.values())
    return trace


def _describe(trace: Trace, held: dict[int, Any]) -> None:
    found: dict[str, Any] = {}
    if 2 in held:
        found["name"] = held[2].decode()
    if 5 in held:
        found["parent"] = held[5]
    if 3 in held:
        found["process"] = dict(fields(held[3]))[6].decode()
    if 8 in held:
        found["unit"] = dict(fields(held[8]))[6].decode()
    assert held[1] not in trace.tracks
    trace.tracks[held[1]] = found


def _value(held: dict[int, Any], texts: dict[int, str]) -> Any:
    if 17 in held:
        return texts[held[17]]
    if 6 in held:
        return held[6].decode()
    return held[4] if 4 in held else struct.unpack("<d", struct.pack("<Q", held[5]))[0]


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The number and the value of each field of a message: an integer, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
        elif tag & 7 == 1:
            value, at = int.from_bytes(data[at : at + 8], "little"), at + 8
        else:
            assert tag & 7 == 2
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
