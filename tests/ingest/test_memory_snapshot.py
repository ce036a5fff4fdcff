"""Memory snapshots of torch onto memory events: a history of a few actions by hand, hostile pickles, and a real snapshot."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError
from crossprof.ingest import ingest, snapshot_pickle
from crossprof.ingest.reader import open_source, reader_for

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]

CORPUS = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
CORPUS /= "memsnap_magma27_memory_snapshot"
MIB = 1 << 20
US = 1000


def action(name: str, at: int, addr: int, size: int, **more: Any) -> dict[str, Any]:
    return {"action": name, "addr": addr, "size": size, "stream": 0, "time_us": at, "frames": [], **more}


def segment(total: int, *live: int, device: int = 0) -> dict[str, Any]:
    blocks = [{"size": size, "requested_size": size, "state": "active_allocated"} for size in live]
    blocks.append({"size": total - sum(live), "requested_size": 0, "state": "inactive"})
    sizes = {"total_size": total, "allocated_size": sum(live), "active_size": sum(live)}
    return {"device": device, "address": 0, **sizes, "segment_type": "large", "blocks": blocks}


def written(path: Path, *traces: list[dict[str, Any]], segments: list[dict[str, Any]], **more: Any) -> Path:
    snapshot = {
        "segments": segments,
        "device_traces": list(traces),
        "allocator_settings": {"expandable_segments": False},
        **more,
    }
    path.write_bytes(pickle.dumps(snapshot))
    return path


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()


TOTALS = "SELECT device_id, at_ns, bytes, allocated_bytes, reserved_bytes FROM memory_event ORDER BY device_id, at_ns"


def test_a_whole_history_begins_at_zero(ingested: Ingested, tmp_path: Path) -> None:
    history = [
        action("segment_alloc", 10, 100, 2 * MIB),
        action("alloc", 11, 100, 600),  # the allocator hands out multiples of 512
        action("alloc", 12, 200, 4),
        action("alloc", 13, 300, 512),
        action("free_requested", 14, 300, 512),
        action("free_completed", 15, 300, 512),
    ]
    path = written(tmp_path / "snapshot.pickle", history, segments=[segment(2 * MIB, 1024, 512)])
    database = ingested(path)
    assert reader_for(open_source(path)).format == "memory_snapshot"
    assert rows(database, TOTALS) == [
        (0, 10 * US, 0, 0, 2 * MIB),
        (0, 11 * US, 1024, 1024, 2 * MIB),
        (0, 12 * US, 512, 1536, 2 * MIB),
        (0, 13 * US, 512, 2048, 2 * MIB),
        (0, 15 * US, -512, 1536, 2 * MIB),
    ]
    assert rows(database, "SELECT address FROM memory_event ORDER BY at_ns LIMIT 2") == [(100,), (100,)]
    assert rows(database, "SELECT code FROM finding") == []
    assert rows(database, "SELECT device_id, kind FROM device ORDER BY 1") == [(-1, "cpu"), (0, "gpu")]
    facts = dict(rows(database, "SELECT key, value FROM staged_fact"))
    assert facts == {"framework": "torch", "n_events": "6", "options_effective": '{"expandable_segments": false}'}


def test_a_history_that_lost_its_start_is_counted_back_from_its_end(ingested: Ingested, tmp_path: Path) -> None:
    history = [
        action("free_completed", 20, 300, 1024),  # allocated before the first event
        action("alloc", 21, 400, 2048),
        action("segment_free", 22, 900, MIB),
    ]
    database = ingested(written(tmp_path / "snapshot.pickle", history, segments=[segment(4096, 2048, 512)]))
    assert rows(database, TOTALS) == [
        (0, 20 * US, -1024, 512, 4096 + MIB),
        (0, 21 * US, 2048, 2560, 4096 + MIB),
        (0, 22 * US, 0, 2560, 4096),
    ]
    ((code, severity, count, detail),) = rows(database, "SELECT code, severity, count, detail FROM finding")
    assert (code, severity, count) == ("memory_history_partial", "warning", 2)
    assert "2 blocks of together 1.5 KiB" in detail


def test_each_device_has_its_own_totals(ingested: Ingested, tmp_path: Path) -> None:
    traces = [[], [action("segment_map", 1, 0, MIB), action("alloc", 2, 0, 512), action("segment_unmap", 3, 0, 512)]]
    segments = [segment(4096, 512, device=0), segment(MIB - 512, 512, device=1)]
    database = ingested(written(tmp_path / "snapshot.pickle", *traces, segments=segments))
    assert rows(database, TOTALS) == [
        (1, 1 * US, 0, 0, MIB),
        (1, 2 * US, 512, 512, MIB),
        (1, 3 * US, 0, 512, MIB - 512),
    ]


def test_out_of_memory_is_told(ingested: Ingested, tmp_path: Path) -> None:
    failed = {"action": "oom", "device_free": 7, "size": 4096, "stream": 0, "time_us": 5}
    history = [action("alloc", 1, 0, 512), failed]
    database = ingested(written(tmp_path / "snapshot.pickle", history, segments=[segment(4096, 512)]))
    assert rows(database, "SELECT severity, count, detail FROM finding WHERE code = 'out_of_memory'") == [
        ("warning", 1, "Device 0 ran out of memory 1 times, at the last asked for 4096 bytes with 7 free.")
    ]
    assert len(rows(database, TOTALS)) == 1


def test_ranges_are_annotations(ingested: Ingested, tmp_path: Path) -> None:
    def edge(stage: str, name: str, at: int) -> dict[str, Any]:
        return {"stage": stage, "name": name, "device": 0, "time_us": at}

    edges = [edge("START", "step", 1), edge("START", "forward", 2), edge("END", "forward", 3), edge("END", "step", 4)]
    path = written(
        tmp_path / "snapshot.pickle",
        [action("alloc", 1, 0, 1)],
        segments=[],
        external_annotations=[*edges, edge("START", "cut", 9)],
    )
    assert rows(ingested(path), "SELECT name, kind, start_ns, dur_ns FROM annotation ORDER BY start_ns") == [
        ("step", "user", 1 * US, 3 * US),
        ("forward", "user", 2 * US, 1 * US),
    ]


def frame(file: str, line: int) -> dict[str, Any]:
    return {"name": "forward", "filename": file, "line": line}


@pytest.mark.parametrize(("frames", "line"), [
    ([frame("/work/train.py", 3)], "/work/train.py:3"),
    ([frame("??", 0), frame("/v/lib/python3.11/site-packages/torch/nn/linear.py", 9), frame("C:\\m.py", 7)], "C:\\m.py:7"),
    ([frame("/pytorch/c10/cuda/Allocator.cpp", 5), frame("/usr/lib/python3.11/runpy.py", 1), frame("<stdin>", 2)], "<stdin>:2"),
    ([frame("/usr/lib64/python3.9/x.py", 5), frame("C:\\Python311\\Lib\\x.py", 1), frame("m.py", 2)], "m.py:2"),
    ([frame("/v/Lib/site-packages/torch/optim.py", 9), frame("<frozen runpy>", 4)], "/v/Lib/site-packages/torch/optim.py:9"),
    ([7, {"filename": "a.py"}, {"filename": 3, "line": 4}, frame("/" * 1000, 4)], None),
    ([frame("/v/site-packages/a.py", 1)] * 1000 + [frame("b.py", 2)], "/v/site-packages/a.py:1"),
    ("no list", None),
    ([], None),
])  # fmt: skip
def test_an_event_stems_from_the_innermost_line_of_the_user(
    ingested: Ingested, tmp_path: Path, frames: Any, line: str | None
) -> None:
    history = [action("alloc", 1, 0, 512, frames=frames)]
    database = ingested(written(tmp_path / "snapshot.pickle", history, segments=[segment(4096, 512)]))
    assert rows(database, "SELECT source_line FROM memory_event") == [(line,)]


def test_the_lines_that_hold_memory_at_the_peak_add_up_to_it(tmp_path: Path) -> None:
    def at(line: int) -> list[dict[str, Any]]:
        return [frame("/work/train.py", line)]

    history = [
        action("alloc", 10, 100, 512, frames=at(1)),
        action("free_completed", 11, 100, 512, frames=at(1)),
        action("alloc", 11, 100, 1024, frames=at(2)),  # the address is given out again within the same microsecond
        action("alloc", 12, 200, 2048),
        action("alloc", 13, 300, 512, frames=at(2)),  # the peak: 1024 and 512 of line 2, 2048 of no line, 4096 of before
        action("free_completed", 14, 100, 1024, frames=at(3)),
        action("alloc", 15, 400, 512, frames=at(4)),
    ]
    path = written(tmp_path / "snapshot.pickle", history, segments=[segment(2 * MIB, 4096, 2048, 512, 512)])
    ingest([path], store=tmp_path / "store")
    with duckdb.connect(str(tmp_path / "store" / "crossprof.duckdb"), read_only=True) as catalog:
        query = "SELECT device_id, at_ns, source_line, blocks, held_bytes, share_ratio FROM memory_holder ORDER BY held_bytes"
        assert rows(catalog, query) == [
            (0, 13 * US, "/work/train.py:2", 2, 1536, 0.2),
            (0, 13 * US, None, None, 6144, 0.8),
        ]
        assert rows(catalog, "SELECT peak_allocated_bytes FROM memory_peak WHERE device_id = 0") == [(7680,)]


def test_without_times_the_order_stands_in(ingested: Ingested, tmp_path: Path) -> None:
    history = [{"action": "alloc", "addr": 0, "size": 512}, {"action": "free_completed", "addr": 0, "size": 512}]
    database = ingested(written(tmp_path / "snapshot.pickle", history, segments=[segment(4096)]))
    assert rows(database, TOTALS) == [(0, 0, 512, 512, 4096), (0, 1, -512, 0, 4096)]
    assert rows(database, "SELECT code, count FROM finding") == [("events_without_time", 2)]


def test_a_state_without_a_history_is_told(ingested: Ingested, tmp_path: Path) -> None:
    database = ingested(written(tmp_path / "snapshot.pickle", [], segments=[segment(4096, 512)]))
    ((code, detail),) = rows(database, "SELECT code, detail FROM finding")
    assert code == "no_events"
    assert "512 bytes in use, 4096 reserved" in detail


def test_entries_of_other_types_are_passed_over(ingested: Ingested, tmp_path: Path) -> None:
    history: list[Any] = [7, action("alloc", 1, 0, 512), {"action": ["alloc"], "size": "512"}, {"size": 1 << 80}]
    database = ingested(written(tmp_path / "snapshot.pickle", history, segments=[segment(4096, 512), "x"]))  # type: ignore[list-item]
    assert rows(database, TOTALS) == [(0, 1 * US, 512, 512, 4096)]


def test_a_run_of_memory_alone_has_a_start_and_a_device(tmp_path: Path) -> None:
    history = [action("alloc", 1_700_000_000_000_000, 0, 512), action("alloc", 1_700_000_000_000_009, 512, 512)]
    path = written(tmp_path / "snapshot.pickle", history, segments=[segment(4096, 512, 512)])
    [result] = ingest([path], store=tmp_path / "store")
    assert (result.status, result.run, result.n_events) == ("added", "snapshot", 2)
    with duckdb.connect(str(tmp_path / "store" / "crossprof.duckdb"), read_only=True) as catalog:
        query = "SELECT framework, device_kind, device_count, started_ns, ended_ns - started_ns FROM run"
        assert rows(catalog, query) == [("torch", "gpu", 1, 1_700_000_000_000_000_000, 9_000)]
        query = "SELECT metric, value FROM run_metric WHERE value IS NOT NULL AND rank IS NULL ORDER BY metric"
        assert rows(catalog, query) == [
            ("memory_fragmentation", 0.75),
            ("peak_memory_allocated", 1024.0),
            ("peak_memory_reserved", 4096.0),
        ]


class Runs:
    """Runs a command when it is unpickled by an ordinary unpickler."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def refusal(path: Path, content: bytes, ingested: Ingested) -> str:
    path.write_bytes(content)
    with pytest.raises(TraceError) as error:
        ingested(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_pickle_that_runs_a_command_is_refused_and_not_run(ingested: Ingested, tmp_path: Path) -> None:
    mark = tmp_path / "was_run"
    for protocol in range(2, 6):
        content = pickle.dumps({"device_traces": [[Runs(f"touch {mark}")]], "segments": []}, protocol=protocol)
        assert "system, which no snapshot does; nothing of it was run" in refusal(tmp_path / "s.pickle", content, ingested)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        ({"device_traces": [[action("alloc", 1, 0, 512)]], "segments": [segment(4096, 512)]}, None),
        ({"device_traces": [[Runs("exit")]]}, "nothing of it was run"),
        ({"segments": []}, "it has no device_traces"),
        ({"device_traces": [[None] * 1000] * 100}, "more events than its bytes can hold"),
        ({"device_traces": [], "allocator_settings": {(1, 2): 3}}, "it is cut or damaged (TypeError)"),
    ],
)
def test_the_program_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Any, says: str | None
) -> None:
    monkeypatch.setattr(snapshot_pickle, "_limit_memory", lambda most_bytes: None)  # of the tests' own process
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(pickle.dumps(snapshot))))
    reason = snapshot_pickle.main(tmp_path, 1 << 30)
    if says:
        assert says in (reason or "")
    else:
        assert reason is None
        assert json.loads((tmp_path / "segments.json").read_text()) == [
            {"device": 0, "total_size": 4096, "active_size": 512, "live_blocks": 1}
        ]


def test_a_pickle_of_something_else_is_refused(ingested: Ingested, tmp_path: Path) -> None:
    path = tmp_path / "s.pickle"
    assert "a Python pickle of something else" in refusal(path, pickle.dumps({"weights": [1, 2]}), ingested)
    assert "it has no device_traces" in refusal(path, pickle.dumps(["device_traces"]), ingested)
    assert "it refers to objects outside" in refusal(path, b"\x80\x02X\x0d\0\0\0device_tracesQ.", ingested)


def test_a_cut_pickle_is_refused(ingested: Ingested, tmp_path: Path) -> None:
    path = written(tmp_path / "s.pickle", [action("alloc", 1, 0, 512)], segments=[])
    assert "it is cut or damaged" in refusal(path, path.read_bytes()[:-9], ingested)


def test_bombs_are_refused(ingested: Ingested, tmp_path: Path) -> None:
    path = tmp_path / "s.pickle"
    shared = [[action("alloc", 1, 0, 512)] * 1000] * 100_000
    content = pickle.dumps({"device_traces": shared, "segments": []})
    assert len(content) < MIB
    assert "more events than its bytes can hold" in refusal(path, content, ingested)
    # A memo slot of a high number makes the unpickler fill a table up to it.
    high_slot = b"\x80\x02X\x0d\0\0\0device_tracesr" + struct.pack("<I", 0x3000_0000) + b"."
    assert "MiB of memory" in refusal(path, high_slot, ingested)
    # The hash of nested tuples recurses in C, without a bound.
    nested = b"\x80\x02X\x0d\0\0\0device_traces0})" + b"\x85" * 3_000_000 + b"K\x01s."
    assert "it breaks the process that reads it" in refusal(path, nested, ingested)


def test_numbers_and_text_without_sense_are_refused(ingested: Ingested, tmp_path: Path) -> None:
    path = written(tmp_path / "s.pickle", [action("alloc", 1 << 62, 0, (1 << 63) - 1)], segments=[])
    assert "make no sense" in refusal(path, path.read_bytes(), ingested)


def test_reading_takes_bounded_time(ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "s.pickle", [action("alloc", 1, 0, 512)], segments=[])
    monkeypatch.setattr("crossprof.ingest.memory_snapshot._LEAST_SECONDS", 0)
    assert "takes more than 0 s" in refusal(path, path.read_bytes(), ingested)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_real_snapshot(ingested: Ingested) -> None:
    truth = json.loads((CORPUS / "truth.json").read_text())
    database = ingested(CORPUS / "memory_snapshot.pickle")
    assert rows(database, "SELECT value::BIGINT FROM staged_fact WHERE key = 'n_events'") == [(sum(truth["actions"].values()),)]
    last = rows(database, "SELECT allocated_bytes, reserved_bytes FROM staged_memory_event ORDER BY rowid DESC LIMIT 1")
    assert last == [(truth["active_bytes"], truth["total_reserved_bytes"])]
    counts = (
        "SELECT count(*) FILTER (bytes > 0), count(*) FILTER (bytes < 0), sum(bytes)::BIGINT, min(device_id) FROM memory_event"
    )
    actions, replay = truth["actions"], truth["replay_per_device"][0]
    assert rows(database, counts) == [(actions["alloc"], actions["free_completed"], replay["net_end"], truth["devices"][0])]
    ((lowest, highest),) = rows(database, "SELECT min(allocated_bytes - bytes), max(allocated_bytes) FROM memory_event")
    start = truth["active_bytes"] - replay["net_end"]
    assert lowest == start + replay["min_rel_start"]
    # The figure of the replay sums what was asked for; blocks are multiples of 512 bytes.
    assert 0 <= highest - start - replay["peak_rel_start"] < 512 * actions["alloc"]
    assert rows(database, "SELECT count FROM finding WHERE code = 'memory_history_partial'") == [
        (truth["blocks"]["active_allocated"],)
    ]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_lines_of_a_real_snapshot(tmp_path: Path) -> None:
    """Each block live at the peak belongs to the line of its frames, by a replay in Python."""
    content = BytesIO((CORPUS / "memory_snapshot.pickle").read_bytes())
    (trace,) = snapshot_pickle._PlainUnpickler(content).load()["device_traces"]
    live: dict[int, tuple[int, str | None]] = {}
    total, most, held = 0, 0, {}
    for event in trace:
        size = -(-event["size"] // 512) * 512
        if event["action"] == "alloc":
            own = (f for f in event["frames"] if "site-packages" not in f["filename"] and f["filename"].endswith(".py"))
            live[event["addr"]] = size, next((f"{f['filename']}:{f['line']}" for f in own), None)
            total += size
        elif event["action"] == "free_completed":
            live.pop(event["addr"], None)
            total -= size
        if total > most:
            most, held = total, dict(live)
    expected: dict[str, int] = {}
    for size, line in held.values():
        if line:
            expected[line] = expected.get(line, 0) + size
    ingest([CORPUS / "memory_snapshot.pickle"], store=tmp_path / "store")
    with duckdb.connect(str(tmp_path / "store" / "crossprof.duckdb"), read_only=True) as catalog:
        told = rows(catalog, "SELECT source_line, held_bytes FROM memory_holder WHERE source_line IS NOT NULL")
        assert dict(told) == expected
        ((peak,),) = rows(catalog, "SELECT peak_allocated_bytes FROM memory_peak WHERE device_id = 0")
        assert rows(catalog, "SELECT sum(held_bytes) FROM memory_holder") == [(peak,)]
