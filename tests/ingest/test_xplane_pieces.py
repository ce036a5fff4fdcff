"""XPlane in pieces: where a file is cut, by us or by an accident, and in which order it says things."""

import weakref
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from crossprof.ingest import xplane_mapping
from crossprof.ingest.xplane_pieces import pieces
from tests.ingest.xspace import US, Plane, Ref, Staged, encoded, environment, gpu


def busy(line_count: int = 3, events: int = 400) -> Plane:
    """A host with so many events that small batches cut its lines; their stats look like events, as both have the field 4."""
    plane = Plane("/host:CPU")
    for number in range(line_count):
        line = plane.line(f"tf_Compute/{number}")
        for index in range(events):
            stats = {"correlation_id": index} if index % 3 else {"hlo_op": Ref(f"fusion.{index % 7}"), "hlo_module": "jit_f"}
            plane.event(line, f"event {index % 11}", index * US, US // 2, **stats)
        plane.event(line, "$train.py:7 step", 0, events * US)
    return plane


def rows(connection: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    tables = ("staged_kernel", "staged_op", "staged_runtime_call", "staged_annotation", "staged_memory_event", "staged_fact")
    return [connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables]


@pytest.mark.parametrize("most_held", [0, 500_000])
def test_borders_of_batches_do_not_show(most_held: int, staged: Staged, scratch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(environment(), gpu(), busy())
    expected = rows(staged(data))
    for (table,) in scratch.execute("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'staged%'").fetchall():
        scratch.execute(f"DELETE FROM {table}")
    monkeypatch.setattr("crossprof.ingest.xplane_pieces.BATCH_BYTES", 500)
    monkeypatch.setattr(xplane_mapping, "_MOST_HELD", most_held)
    assert rows(staged(data)) == expected


def test_what_is_staged_is_not_held_until_the_transaction_ends(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[weakref.ref[pa.Table]] = []
    held: list[int] = []
    original = xplane_mapping._map

    def noting(connection: duckdb.DuckDBPyConnection, statement: str, table: pa.Table) -> None:
        held.append(sum(earlier() is not None for earlier in seen))
        seen.append(weakref.ref(table))
        original(connection, statement, table)

    monkeypatch.setattr("crossprof.ingest.xplane_pieces.BATCH_BYTES", 500)
    monkeypatch.setattr(xplane_mapping, "_MOST_HELD", 0)
    monkeypatch.setattr(xplane_mapping, "_map", noting)
    monkeypatch.setattr("crossprof.store.threads.thread_count", lambda connection: 1)
    staged(encoded(environment(), gpu(), busy()))
    assert len(held) > 20
    assert not any(held)


def test_a_long_line_is_cut_between_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossprof.ingest.xplane_pieces.BATCH_BYTES", 500)
    line = busy(1).proto.lines[0]
    data = b"before" + line.SerializeToString() + b"after"
    found = list(pieces(data, slice(6, len(data) - 5)))
    assert len(found) == 5
    assert [piece.start for piece in found] == [6, *(piece.stop for piece in found[:-1])]
    assert found[-1].stop == len(data) - 5
    assert sum(len(type(line).FromString(data[piece]).events) for piece in found) == len(line.events)


def ordered(plane: Plane, *, are_names_first: bool) -> bytes:
    """A plane as a field of an XSpace, its names before its lines or after them."""
    lines, names = (type(plane.proto)() for _ in range(2))
    lines.lines.extend(plane.proto.lines)
    names.CopyFrom(plane.proto)
    names.ClearField("lines")
    parts = [names.SerializeToString(), lines.SerializeToString()]
    content = b"".join(parts if are_names_first else reversed(parts))
    return b"\x0a" + varint(len(content)) + content


def varint(number: int) -> bytes:
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


@pytest.mark.parametrize("are_names_first", [True, False])
def test_names_may_come_before_the_lines_or_after_them(staged: Staged, are_names_first: bool) -> None:
    connection = staged(encoded(environment()) + ordered(gpu(), are_names_first=are_names_first))
    names = connection.execute("SELECT name FROM staged_kernel ORDER BY start_ns").fetchall()
    assert names == [("gemm",), ("MemcpyH2D",), ("Memset",)]


def cut_in_the_last_line(*, are_names_first: bool) -> bytes:
    plane = Plane("/device:GPU:0")
    for number in (1, 2):
        line = plane.line(f"Stream #{number}")
        for index in range(10):
            plane.event(line, "gemm", index * US, US // 2, correlation_id=index)
    data = encoded(environment()) + ordered(plane, are_names_first=are_names_first)
    last = plane.proto.lines[1].SerializeToString()
    third = plane.proto.lines[1].events[2].SerializeToString()
    return data[: data.index(last) + last.index(third) + 3]


def test_a_line_that_is_cut_short_keeps_its_whole_events(staged: Staged) -> None:
    connection = staged(cut_in_the_last_line(are_names_first=True))
    found = connection.execute("SELECT stream, name, count(*) FROM staged_kernel GROUP BY ALL ORDER BY ALL").fetchall()
    assert found == [("Stream #1", "gemm", 10), ("Stream #2", "gemm", 2)]
    assert connection.execute("SELECT code FROM staged_finding").fetchall() == [("file_truncated",)]


def test_a_plane_that_is_cut_before_its_names_is_left_out(staged: Staged) -> None:
    connection = staged(cut_in_the_last_line(are_names_first=False))
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(0,)]
    codes = connection.execute("SELECT code FROM staged_finding ORDER BY code").fetchall()
    assert codes == [("file_truncated",), ("no_events",)]


def test_a_corrupt_event_costs_its_line_alone(staged: Staged) -> None:
    plane = gpu()
    line = plane.line("Stream #9")
    plane.event(line, "gemm", 0, US)
    whole = line.SerializeToString()
    corrupt = whole[:-1] + b"\xff"  # the last varint of the event does not end
    data = encoded(environment()) + ordered(plane, are_names_first=True).replace(whole, corrupt)
    connection = staged(data)
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(3,)]
    assert connection.execute("SELECT code, count FROM staged_finding").fetchall() == [("events_invalid", 1)]
