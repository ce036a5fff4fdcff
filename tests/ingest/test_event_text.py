"""Cutting the text of a trace at event borders: no event lost, none torn, in any layout and any chunk size."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from crossprof.errors import TraceError
from crossprof.ingest import event_text
from crossprof.ingest.event_chunk import HeldChunk
from crossprof.ingest.event_text import EventText
from crossprof.ingest.reader import reader_for
from crossprof.ingest.source import open_source

# What the borders of events look like occurs inside strings, in objects within arguments, and in the keys after the events.
EVENTS: list[dict[str, Any]] = [
    {
        "ph": "X",
        "cat": "cpu_op",
        "name": 'f<int>{ }, {"ph": 1} \\" [',
        "ts": 1.5,
        "dur": 2,
        "args": {"Input Dims": [[2, 3], []]},
    },
    {"ph": "X", "cat": "kernel", "name": "ключ", "ts": 2, "args": {"list": [{"name": "a"}, {"name": "b"}], "after": 1}},
    {"args": {"sort_index": 3}, "ph": "M", "name": "process_name"},
    {"ph": "i", "name": "[memory]", "args": {"Bytes": -4}},
] * 5
KEYS = {"deviceProperties": [{"id": 0, "name": "A"}, {"id": 1, "name": "B"}], "baseTimeNanoseconds": 1_700_000_000_000_000_000}


def one_field_a_line(events: list[dict[str, Any]]) -> str:
    """The layout of torch 2.13."""
    parts = [
        "  {\n" + ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in event.items()) + "\n  }" for event in events
    ]
    return ",\n".join(parts)


LAYOUTS = {
    "one line": json.dumps({**KEYS, "traceEvents": EVENTS}),
    "compact": json.dumps({"traceEvents": EVENTS, **KEYS}, separators=(",", ":")),
    "indented, keys after": json.dumps({"schemaVersion": 1, "traceEvents": EVENTS, **KEYS}, indent=4),
    "torch 2.13": f' {{\n    "baseTimeNanoseconds": {KEYS["baseTimeNanoseconds"]},\n "deviceProperties": [],\n'
    + '    "traceEvents": [\n'
    + one_field_a_line(EVENTS)
    + '\n  ],"traceName": "x" }',
    "array": json.dumps(EVENTS, indent=1),
    "array without end": json.dumps(EVENTS)[:-1],
}


def chunks_of(path: Path, content: bytes) -> tuple[EventText, list[bytes]]:
    path.write_bytes(content)
    with event_text.event_text(open_source(path)) as text:
        return text, [b"".join(chunk.pieces()) for chunk in text.chunks()]


def events_in(chunks: list[bytes]) -> list[Any]:
    return [event for chunk in chunks for event in json.loads(b"[" + chunk + b"]")]


@pytest.mark.parametrize("chunk_bytes", [1, 50, 300, 1000, 1 << 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_event_comes_once(layout: str, chunk_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_text, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr("crossprof.ingest.source.BLOCK_BYTES", 37)
    text, chunks = chunks_of(tmp_path / "t", LAYOUTS[layout].encode())
    assert events_in(chunks) == EVENTS
    assert not text.is_cut
    assert not text.is_header_lost
    assert len(chunks) > 1 or chunk_bytes >= 1000


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "array" not in name])
def test_keys_beside_the_events(layout: str, tmp_path: Path) -> None:
    text, _ = chunks_of(tmp_path / "t", LAYOUTS[layout].encode())
    assert text.header["baseTimeNanoseconds"] == KEYS["baseTimeNanoseconds"]
    assert text.header["traceEvents"] == []


@pytest.mark.parametrize("pad", [0, 1 << 17])
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "array" not in name])
def test_the_base_time_is_found_wherever_it_is(layout: str, pad: int, tmp_path: Path) -> None:
    """At the head, at the end, between two long keys; in a packed file as well."""
    padding = f'"note": "{"x" * pad}", "baseTimeNanoseconds"'.encode()
    content = LAYOUTS[layout].encode().replace(b'"baseTimeNanoseconds"', padding)
    for written in (content, content[: content.rindex(b"}")] + b", " + padding[:-23] + b"}", gzip.compress(content)):
        (tmp_path / "t").write_bytes(written)
        with event_text.event_text(open_source(tmp_path / "t")) as text:
            assert text.base_time_ns() == KEYS["baseTimeNanoseconds"]


def test_a_base_time_across_the_end_of_the_head_is_read_whole(tmp_path: Path) -> None:
    key = b'"baseTimeNanoseconds": 1700000000000000000, "traceEvents": ['
    content = b"{" + b" " * ((1 << 16) - 30) + key + b",".join([b'{"ph": "X", "name": "n"}'] * 10_000) + b"]}"
    (tmp_path / "t").write_bytes(content)
    with event_text.event_text(open_source(tmp_path / "t")) as text:
        assert text.base_time_ns() == 1_700_000_000_000_000_000


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_cut_text_keeps_every_whole_event(layout: str, tmp_path: Path) -> None:
    content = LAYOUTS[layout].encode()
    for end in range(content.index(b'"process_name"') + 40, content.rindex(b'"[memory]"'), 97):
        text, chunks = chunks_of(tmp_path / "t", content[:end])
        events = events_in(chunks)
        assert events == EVENTS[: len(events)]
        # Only the event that was cut is missing.
        assert content[:end].count(b'"ph"') - len(events) in {0, 1}
        assert text.is_cut or not text.header


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    _, chunks = chunks_of(tmp_path / "t", (mark + json.dumps({"traceEvents": EVENTS}, ensure_ascii=False)).encode(encoding))
    assert events_in(chunks) == EVENTS


@pytest.mark.parametrize("content", [b"", b"  \n ", b'{"traceEvents": []}', b'{"a": 1}', b"[", b"[]"])
def test_texts_without_events(content: bytes, tmp_path: Path) -> None:
    _, chunks = chunks_of(tmp_path / "t", content)
    assert chunks == []


def test_keys_are_searched_once_and_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = b'"note": "' + b"x" * (8 << 20) + b'"'
    before, after = b"{" + note + b',"traceEvents": [{"ph": "X"}]}', b'{"traceEvents": [{"ph": "X"}],' + note + b"}"
    monkeypatch.setattr(
        "crossprof.ingest.source.BLOCK_BYTES", 1 << 12
    )  # 2048 blocks: a search from the start each time is slow
    for content in (before, after):
        text, chunks = chunks_of(tmp_path / "t", content)
        assert (events_in(chunks), len(text.header["note"])) == ([{"ph": "X"}], 8 << 20)
    monkeypatch.setattr(event_text, "_MOST_KEY_BYTES", 1 << 20)
    for content, place in ((before, "before"), (after, "follows")):
        with pytest.raises(TraceError, match=f"{place} the events takes more than 1 MiB"):
            chunks_of(tmp_path / "t", content)
    monkeypatch.setattr(event_text, "_MOST_UNCUT_BYTES", 1 << 20)
    monkeypatch.setattr(event_text, "CHUNK_BYTES", 1 << 16)
    with pytest.raises(TraceError, match="without the border"):
        chunks_of(tmp_path / "t", after)


def test_gzip_by_content_not_by_name(tmp_path: Path) -> None:
    plain = LAYOUTS["one line"].encode()
    for content in (
        plain,
        gzip.compress(plain),
        gzip.compress(gzip.compress(plain)),
        gzip.compress(plain[:99]) + gzip.compress(plain[99:]),
    ):
        _, chunks = chunks_of(tmp_path / "trace.json", content)
        assert events_in(chunks) == EVENTS


def test_damaged_gzip_yields_what_is_left(tmp_path: Path) -> None:
    plain = LAYOUTS["one line"].encode()
    packed = gzip.compress(plain)
    wrong_sum = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    path = tmp_path / "t"
    for content, code, share in (
        (packed[:-20], "file_truncated", 0.3),
        (packed[:-3], "file_truncated", 1),
        (wrong_sum, "gzip_damaged", 1),
    ):
        path.write_bytes(content)
        source = open_source(path)
        assert len(source.read()) >= share * len(plain)
        assert source.damage_code == code
        assert source.damage


def test_a_first_member_of_a_few_bytes_hides_nothing(tmp_path: Path) -> None:
    """gzip written piece by piece: the first block that comes is no measure of the file."""
    content = LAYOUTS["one line"].encode()
    path = tmp_path / "t.json.gz"
    path.write_bytes(gzip.compress(content[:2]) + gzip.compress(content[2:20]) + gzip.compress(content[20:]))
    assert reader_for(open_source(path)).format == "kineto"


def test_a_piece_is_let_go_when_the_next_one_is_taken() -> None:
    chunk = HeldChunk([b"a", b"b", b"c"])
    pieces = chunk.pieces()
    assert next(pieces) == b"a"
    assert sorted(chunk.held) == [b"b", b"c"]
    assert list(pieces) == [b"b", b"c"]
    assert chunk.held == []
