"""Small XSpaces, written field by field, so that a person can check what comes out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
from google.protobuf.message_factory import GetMessageClass

from crossprof.ingest.xplane_schema import message_pool

ZERO = 1_700_000_000_000_000_000
US = 1_000_000  # picoseconds
Stats = dict[str, Any]
Staged = Callable[..., duckdb.DuckDBPyConnection]


@dataclass(frozen=True)
class Ref:
    """A stat whose text is the name of another stat, as XLA writes most texts."""

    text: str


def message(name: str) -> Any:
    return GetMessageClass(message_pool().FindMessageTypeByName(f"crossprof.xplane.{name}"))()


@dataclass
class Plane:
    """One plane in the making: names get their ids as they come."""

    name: str | bytes
    facts: Stats = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.proto = message("Plane")
        self.proto.name = _bytes(self.name)
        self._events: dict[str | bytes, int] = {}
        self._stats: dict[str, int] = {}
        self._fill(self.proto.stats, self.facts)

    def line(self, name: str, timestamp_ns: int = 0, id: int = 0) -> Any:
        line = self.proto.lines.add(id=id, timestamp_ns=timestamp_ns)
        line.name = _bytes(name)
        return line

    def event(self, line: Any, name: str | bytes, offset_ps: int, duration_ps: int, **stats: Any) -> None:
        event = line.events.add(metadata_id=self.named(name), offset_ps=offset_ps, duration_ps=duration_ps)
        self._fill(event.stats, stats)

    def named(self, name: str | bytes, display_name: str = "", **stats: Any) -> int:
        """The id of an event's name; the first mention may say what all events of that name share."""
        if name not in self._events:
            self._events[name] = len(self._events) + 1
            entry = self.proto.event_names.add(key=self._events[name])
            entry.value.name = _bytes(name)
            entry.value.display_name = _bytes(display_name)
            self._fill(entry.value.stats, stats)
        return self._events[name]

    def _stat_id(self, name: str) -> int:
        if name not in self._stats:
            self._stats[name] = len(self._stats) + 1
            entry = self.proto.stat_names.add(key=self._stats[name])
            entry.value.name = _bytes(name)
        return self._stats[name]

    def _fill(self, target: Any, stats: Stats) -> None:
        for name, value in stats.items():
            stat = target.add(metadata_id=self._stat_id(name))
            if isinstance(value, Ref):
                stat.ref_value = self._stat_id(value.text)
            else:
                kinds = {float: "double_value", int: "int64_value", str: "str_value", bytes: "bytes_value"}
                setattr(stat, kinds[type(value)], _bytes(value) if isinstance(value, str) else value)


def encoded(*planes: Plane, errors: tuple[str, ...] = (), warnings: tuple[str, ...] = (), host: str = "node-1") -> bytes:
    space = message("Space")
    for plane in planes:
        space.planes.append(plane.proto)
    space.errors.extend(map(_bytes, errors))
    space.warnings.extend(map(_bytes, warnings))
    space.hostnames.append(_bytes(host))
    return space.SerializeToString()


def environment(**more: Any) -> Plane:
    return Plane("Task Environment", {"profile_start_time": ZERO, "profile_stop_time": ZERO + 10**9, **more})


def gpu() -> Plane:
    plane = Plane("/device:GPU:1", {"memory_size": 8 << 30, "core_count": 84, "compute_cap_major": 8, "compute_cap_minor": 6})
    stream = plane.line("Stream #7(Kernel,Memcpy)", timestamp_ns=1000)
    details = "regs:32 static_shared:1024 dynamic_shared:512 grid:4,2,1 block:128,1,1 occ_pct:75"
    plane.event(stream, "gemm", 0, 3 * US, kernel_details=Ref(details), correlation_id=11, tf_op=Ref("dense/MatMul:MatMul"))
    plane.event(stream, "MemcpyH2D", 4 * US, US, memcpy_details=Ref("kind:H2D size:4096 dest:0 async:1"), correlation_id=12)
    plane.event(stream, "Memset", 6 * US, US, memset_details="num_bytes:64")
    derived = plane.line("XLA Ops", timestamp_ns=1000)
    plane.event(derived, "fusion.3", 0, 3 * US)
    plane.event(plane.line("XLA Modules", timestamp_ns=1000), "jit_f(5)", 0, 7 * US)
    return plane


def facts(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM staged_fact").fetchall())


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
