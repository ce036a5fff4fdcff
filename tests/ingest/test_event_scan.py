"""The compiled scanner: whatever a trace holds, each staged relation is what DuckDB's reader of JSON alone makes of it."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossprof.errors import TraceError
from crossprof.ingest import event_scan
from crossprof.ingest.event_chunk import HeldChunk
from crossprof.ingest.event_scan import EventScan
from crossprof.ingest.reader import open_source, reader_for
from tests.fuzz.target import without_scanner
from tests.ingest.random_trace import traces

pytestmark = pytest.mark.skipif(not event_scan.is_built(), reason="no C compiler has built it; `make setup` does")

CORPUS = os.environ.get("CROSSPROF_CORPUS")
FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(FEW, max_examples=200)

Rows = dict[str, Counter[tuple[Any, ...]]]
Same = Callable[..., Rows]

DAMAGED = ["[1,]", "{1: 2}", '{"a"}', "[1 2]", "[" * 70 + "]" * 70, "1" * 65, "tru", "nulll", "-", "", "1e", "/**/1"]
NUMBERS = [
    "0", "7", "-7", "-0", "0.0", "3.0", "3.5", "1e3", "1E-3", "1e999", "007", "1.", ".5", "+1", "NaN", "Infinity", "2147483647",
    "2147483648", "-2147483649", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "33.333333333333336", "0.1", "1" * 64,
]  # fmt: skip
TEXTS = [
    '""', '"7"', '"-7"', '"07"', '" 7"', '"7.5"', '"x"', '"stream 7"', '"stream stream 7"', '"a\\"b\\\\c\\/d\\n\\t"',
    '"\\u00e9\\u0041"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\u0000"', '"\\u12"', '"\\x"', '"é€😀"', '"a\tb"',
]  # fmt: skip
VALUES = [
    *NUMBERS, *TEXTS, "null", "true", "false", "nul", "[]", "{}", "[ 1 , 2 ]", "[[2, 3], []]", '["float", "é", ""]', "[1.50]",
    "[-0]", '["a\\/b"]', "[true, null]", '{"a": [1]}',
    "[" * 40 + "]" * 40,
]  # fmt: skip
TIMES = [
    "10", "10.0", "10.25", "10.1234", "10.0005", "10.0004999", "4403000000000.123", "7999999999999.999", "8000000000000.5",
    "8800000000000.123", "1712195495519689.047", "4e15", "4000000000000000", "4000000000000001", "-5.5", "-0.001",
    "9000000000000", "9000000000001", '"10.25"', '"x"', *NUMBERS[:12],
]  # fmt: skip
KEYS = [
    "device", "stream", "correlation", "External id", "external id", "bytes", "grid", "block", "registers per thread",
    "shared memory", "est. achieved occupancy %", "graph node id", "In msg nelems", "dtype", "Process Group Name", "Group size",
    "Input Dims", "Input dims", "Input type", "Sequence number", "Fwd thread id", "Module Hierarchy", "Call stack", "Bytes",
    "Byte_", "Addr", "Device Type", "Device Id", "Total Allocated", "Total Reserved", "Device", "STREAM", "other", "ts",
]  # fmt: skip
CATEGORIES = [
    "kernel", "Kernel", "gpu_memcpy", "memset", "cpu_op", "Operator", "cuda_runtime", "user_annotation", "gpu_user_annotation",
    "python_function", "cpu_instant_event", "ac2g", "überhead", "\u212aernel",
]  # fmt: skip
NAMES = [
    "aten::mm",
    "ProfilerStep#3",
    "ProfilerStep#x",
    "[memory]",
    "Record Window End",
    "[mem\\u006fry]",
    "Profiler\\u0053tep#4",
]


@pytest.fixture(scope="module")
def same() -> Iterator[Same]:
    """Stages bytes with the scanner and without it, and compares; what was staged."""
    with duckdb.connect(config={"threads": 2}) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text())
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        path = Path(folder) / "trace"

        def staged() -> Rows:
            for name in tables:
                connection.execute(f"TRUNCATE {name}")
            try:
                source = open_source(path)
                reader_for(source).stage(connection, source, capture=1)
            except TraceError as error:
                return {"refused": Counter([(str(error),)])}
            return {name: Counter(connection.execute(f"FROM {name}").fetchall()) for name in tables}

        def both(data: bytes, *, is_scanned: bool | None = None) -> Rows:
            path.write_bytes(data)
            with without_scanner():
                expected = staged()
            scanned = list[bool]()
            read = EventScan.read

            def noted(*given: Any, **how: Any) -> bool:
                scanned.append(read(*given, **how))
                return scanned[-1]

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(EventScan, "read", noted)
                found = staged()
            assert found == expected
            assert is_scanned is None or scanned == [is_scanned]
            return found

        yield both


def text(events: list[str], *, base_ns: int = 1_700_000_000_000_000_000) -> bytes:
    return f'{{"schemaVersion": 1, "baseTimeNanoseconds": {base_ns}, "traceEvents": [{",".join(events)}]}}'.encode()


def event(number: int, *, ph: str = "X", cat: str = "cpu_op", times: str = '"ts": 10.5, "dur": 2.25', args: str = "") -> str:
    head = f'{{"ph": "{ph}", "cat": "{cat}", "name": "n{number}", "pid": 9, "tid": {number}, {times}'
    return f'{head}, "args": {{{args}}}}}' if args else f"{head}}}"


def chunk_of(*events: str) -> tuple[EventScan, bool]:
    assert event_scan._LIBRARY
    scan = EventScan(event_scan._LIBRARY)
    return scan, scan.read(HeldChunk([",".join(events).encode()]), base_ns=0, is_coarse=False)


def test_what_profilers_write_is_scanned() -> None:
    """Nothing of it takes the slow way, or this file would compare that with itself."""
    scan, is_read = chunk_of(
        event(1, cat="kernel", args='"stream": 7, "grid": [4, 1, 1], "est. achieved occupancy %": 37.5, "External id": 3'),
        event(2, args='"Input Dims": [[2, 3], []], "Input type": ["float", ""], "Call stack": "a.py(3): f\\nb.py(4): \\"g\\""'),
        event(3, ph="B"), event(4, ph="f", cat="ac2g"), event(5, times='"dur": 3'), '{"name": "é"}',
    )  # fmt: skip
    assert (is_read, scan.odd_events(), scan.tally()) == (True, b"", (6, 1, 1, 1))
    with duckdb.connect() as connection:
        for lane, rows in {"kernel": 1, "op": 1, "rare": 1, "call": 0}.items():
            connection.register("lane", scan.lanes()[lane])
            assert connection.execute("SELECT count(*) FROM lane").fetchall() == [(rows,)]
            connection.unregister("lane")
    scan.close()


def test_an_odd_event_is_alone_and_damage_is_the_chunk() -> None:
    odd = event(2, cat="kernel", args='"device": "x"')
    scan, is_read = chunk_of(event(1), odd, event(3), odd)
    assert (is_read, scan.odd_events().decode(), scan.tally()) == (True, f"{odd},{odd}", (2, 0, 0, 0))
    scan.close()
    for rest in (event(1)[:-1], event(1) + ",", event(1).replace(":", "", 1), "", "1", f"[{event(1)}]", event(1) + "\0"):
        scan, is_read = chunk_of(event(0), rest)
        assert (is_read, b"".join(scan.pieces()).decode()) == (False, f"{event(0)},{rest}")
        scan.close()


def test_values_of_every_kind_in_every_field(same: Same) -> None:
    """What is JSON in one file; what is none costs that alone, so each in a file of its own."""
    whole = [value for value in VALUES if _is_json(value)]
    lanes = ("kernel", "cpu_op", "cuda_runtime", "gpu_user_annotation")
    events = [event(9, cat=cat, args=f'"{key}": {value}') for cat in lanes for key in KEYS for value in whole]
    events += [event(9, ph="i").replace('"n9"', '"[memory]"').replace("}", f', "args": {{"Bytes": 1, "{key}": {value}}}}}')
               for key in KEYS for value in whole]  # fmt: skip
    for member in ('"ph": "X"', '"cat": "cpu_op"', '"name": "n9"', '"pid": 9', '"tid": 9'):
        events += [event(9).replace(member, f"{member.split(':')[0]}: {value}") for value in whole]
    found = same(text(events), is_scanned=True)
    assert all(found[f"staged_{name}"] for name in ("kernel", "op", "runtime_call", "annotation", "memory_event"))
    same(text([event(9, ph="B", args=f'"{key}": {value}') for key in KEYS for value in whole]), is_scanned=False)


@pytest.mark.slow
def test_texts_that_are_no_json(same: Same) -> None:
    for value in (*VALUES, *DAMAGED):
        if not _is_json(value) or value in DAMAGED:
            for key in ("grid", "other"):
                found = same(
                    text([event(1), event(2, args=f'"{key}": {value}, "device": 1', cat="kernel"), event(3)]), is_scanned=False
                )
                assert sum(found["staged_op"].values()) == 2


def test_times_of_every_kind(same: Same) -> None:
    for head in ("10.5", "1712195495519689.047"):  # of a chunk, which tells how all of it is read
        pairs = [(ts, dur) for ts in TIMES for dur in ("2.25", "-1.5", "null", "0.0005", "9000000000000.5")]
        pairs += [("10.25", dur) for dur in TIMES]
        times = [f'"ts": {ts}, "dur": {dur}' for ts, dur in pairs if _is_json(ts) and _is_json(dur)]
        first = event(0, times=f'"ts": {head}, "dur": 1')
        events = [event(number, ph=ph, times=each) for number, each in enumerate(times) for ph in ("X", "i")]
        same(text([first, *events, event(1, times='"dur": 1'), event(2, times='"ts": 1')]), is_scanned=True)
        same(text([first, *(event(number, ph="B", times=each) for number, each in enumerate(times))]), is_scanned=False)


def test_begins_and_ends_of_one_instant_come_as_they_stand_in_the_file(same: Same) -> None:
    """An end with an odd value goes another way than the begin beside it: the chunk goes with it."""
    odd = '"args": {"correlation": 1.5}'
    edges = [
        f'{{"ph": "{phase}", "cat": "cpu_op", "name": "a", "pid": 1, "tid": 1, "ts": {ts}, {rest}}}'
        for phase, ts, rest in (("B", 10, '"s": 0'), ("E", 12, odd), ("B", 12, '"s": 0'), ("E", 14, '"s": 0'))
    ]
    found = same(text(edges, base_ns=0), is_scanned=False)
    assert sorted(row[3:5] for row in found["staged_op"]) == [(10_000, 12_000), (12_000, 14_000)]
    same(text([edge for edge in edges if odd not in edge], base_ns=0), is_scanned=True)


def test_keys_that_are_spelled_otherwise(same: Same) -> None:
    pairs = [
        '"External id": 3', '"external id": 4', '"External id" : 5', '"Bytes": 6', '"Bytes" : 7', '"bytes": 8', '"Byte_": 9',
        '"\\u0042ytes": 10', '"Input Dims": [1]', '"Input dims": [2]', '"Input dims" : [3]', '"device": 1', '"device": 2',
    ]  # fmt: skip
    args = [*pairs, *(f"{one}, {other}" for one in pairs for other in pairs)]
    for first in ("External id", "external id"):
        events = [event(0, args=f'"{first}": 1')]
        events += [event(number, cat=cat, args=each) for number, each in enumerate(args) for cat in ("kernel", "cpu_op")]
        events += [event(0, ph="i", args=each).replace('"n0"', '"[memory]"') for each in args]
        events += [
            event(1).replace('"pid"', key) for key in ('"ph": "i", "pid"', '"PH"', '"\\u0070id"', '"args": null, "args"')
        ]
        same(text(events), is_scanned=True)


def _shuffled(  # noqa: PLR0917
    ph: str, cat: str, name: str, ts: str, dur: str, args: list[tuple[str, str]], order: random.Random, space: str
) -> str:
    inner = f",{space}".join(f'"{key}":{space}{value}' for key, value in args)
    texts = {"ph": ph, "cat": cat, "name": name, "tid": "stream 7"}
    others = {"ts": ts, "dur": dur, "pid": "1", "args": f"{{{inner}}}"}
    members = [f'"{key}":{space}"{value}"' for key, value in texts.items()]
    members += [f'"{key}":{space}{value}' for key, value in others.items()]
    order.shuffle(members)
    return f"{{{space}" + f"{space},".join(members) + f"{space}}}"


FRAGMENTS = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=4)
EVENTS = st.builds(
    _shuffled,
    st.sampled_from(["X", "X", "X", "i", "I", "B", "E", "M", "s"]), st.sampled_from(CATEGORIES), st.sampled_from(NAMES),
    st.sampled_from(TIMES), st.sampled_from(TIMES), FRAGMENTS, st.randoms(use_true_random=False),
    st.sampled_from(["", " ", "\r\n\t"]),
)  # fmt: skip


def damaged(events: list[str], at: int, byte: int) -> bytes:
    whole = text(events)
    start = whole.index(b"[") + 1
    place = start + at % (len(whole) - start)
    return whole[:place] + bytes([byte]) + whole[place + 1 :]


DAMAGED_EVENTS = st.builds(
    damaged, st.lists(EVENTS, min_size=1, max_size=12), st.integers(0, 10_000), st.sampled_from(b'"{}[],:\\\0\xff 9')
)


@FEW
@given(data=st.one_of(DAMAGED_EVENTS, traces().map(lambda trace: trace.text().encode())))
def test_random_events(same: Same, data: bytes) -> None:
    same(data)


@pytest.mark.slow
@MANY
@given(
    data=st.one_of(DAMAGED_EVENTS, st.lists(EVENTS, max_size=12).map(text), traces().map(lambda trace: trace.text().encode()))
)
def test_many_random_events(same: Same, data: bytes) -> None:
    same(data)


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS, reason="CROSSPROF_CORPUS names no folder of captures")
def test_captures_and_their_damaged_copies(same: Same) -> None:
    generator = random.Random(1)
    paths = [path for path in Path(str(CORPUS)).rglob("*.json*") if b'"ph"' in open_source(path).head]
    assert len(paths) > 20
    for path in paths:
        data = open_source(path).read()
        same(data)
        for _ in range(3):
            torn = bytearray(data[: 1 << 20])
            for _ in range(3):
                torn[generator.randrange(len(torn))] = generator.choice(b'"{}[],:\\\0\xff 9')
            same(bytes(torn))


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return value not in ("NaN", "Infinity", "1e999") and not any(half in value for half in ('"\\ud83d"', '"\\ude00"'))


def test_an_error_in_a_void_transaction_is_told_as_it_is() -> None:
    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        with event_scan.event_scan(connection):
            connection.execute("BEGIN")
            with suppress(duckdb.Error):
                connection.execute("SELECT error('void')")
            raise ValueError("the cause")

    with duckdb.connect() as connection, pytest.raises(ValueError, match="the cause"):
        fail(connection)
