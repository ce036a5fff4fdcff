"""The reader of Kineto JSON, the trace format of PyTorch's profiler."""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import partial

import duckdb

from crossprof.ingest.event_map import text_damage
from crossprof.ingest.event_text import event_text, head_text
from crossprof.ingest.kineto_chunk import ARGUMENTS, ELEMENT_BYTES, EVERY_SOURCE, Form, Tally, mending, staging
from crossprof.ingest.scratch import json_text
from crossprof.ingest.source import Source
from crossprof.ingest.statement import set_variables, sql_of
from crossprof.store.threads import shared_out

__all__ = ["KinetoReader"]

_EVENTS_KEY = re.compile(rb'"traceEvents"\s*:\s*\[')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_FOREIGN_ARRAY = re.compile(rb'"cat"\s*:\s*"(?:Session|Node)"')  # ONNX Runtime

_HEADER_KEYS = {
    "deviceProperties", "distributedInfo", "ERROR", "WARNING", "host_name", "traceName", "trace_id", "crossprof_run",
    "with_stack",
    "profile_memory", "record_shapes", "with_flops", "with_modules", "cuda_driver_version", "cuda_runtime_version",
    "hip_driver_version", "hip_runtime_version", "torch_version", "pytorch_version",
}  # fmt: skip
_EDGES = f"""CREATE OR REPLACE TABLE kineto_edge (
    is_begin BOOLEAN, cat VARCHAR, name VARCHAR, pid VARCHAR, tid VARCHAR, args {ARGUMENTS}, at_ns BIGINT,
    chunk_number INTEGER)"""


class KinetoReader:
    """Reads Kineto JSON: an object with traceEvents, or an array of events."""

    format = "kineto"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is Kineto JSON."""
        text = head_text(source)
        if text.startswith(b"{"):
            found = _EVENTS_KEY.search(text)
            is_header = b'"schemaVersion"' in text and b'"deviceProperties"' in text
            return _depth(text[: found.start()]) <= 1 if found else is_header
        return text.startswith(b"[") and b'"ph"' in text and not _FOREIGN_ARRAY.search(text)

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. What a damaged file still holds is read, with a finding."""
        connection.execute(_EDGES)
        damaged: set[int] = set()
        with event_text(source) as text:
            form = Form.of(source, base_ns=text.base_time_ns(), capture=capture)
            tallies = dict(shared_out(connection, enumerate(text.chunks()), partial(staging, form=form, damaged=damaged)))
            if damaged:
                again = ((number, chunk) for number, chunk in enumerate(text.chunks()) if number in damaged)
                with mending(connection, form=form) as mend:  # alone: what memory has no room for then is the event itself
                    tallies |= dict(map(mend, again))
        tally = Tally.of(tallies.values())
        if tally.edges:
            tally.events -= _map_pairs(connection, capture=capture, edges=tally.edges)
        connection.execute("DROP TABLE kineto_edge")
        header = {key: value for key, value in text.header.items() if key in _HEADER_KEYS}
        set_variables(connection, capture=capture, header=json_text(header), **asdict(tally))
        connection.execute(sql_of("kineto_header.sql"))
        for finding in text_damage(source, text, tally.lost):
            connection.execute("INSERT INTO staged_finding VALUES (?, 'error', ?, ?, ?, ?)", [*finding, capture])


def _map_pairs(connection: duckdb.DuckDBPyConnection, *, capture: int | None, edges: int) -> int:
    """Stage the events that were written as a begin and an end. How many there are; what is left of the edges is a finding."""
    connection.execute(ELEMENT_BYTES)
    connection.execute(sql_of("kineto_pair.sql"))
    set_variables(connection, event_source="FROM kineto_pair", **EVERY_SOURCE, capture=capture, chunk_number=None)
    pairs = int(connection.execute(sql_of("kineto.sql")).fetchall()[0][0])
    connection.execute("DROP TABLE kineto_pair")
    if unpaired := edges - 2 * pairs:
        detail = f"{unpaired} of {edges} begins and ends of events have no other half."
        row = ["events_unpaired", "warning", unpaired, detail, "They are left out, with the time between them.", capture]
        connection.execute("INSERT INTO staged_finding VALUES (?, ?, ?, ?, ?, ?)", row)
    return pairs


def _depth(text: bytes) -> int:
    """How many brackets are open at the end of a JSON text: a report that quotes a trace has its events further inside."""
    outside = _STRING.sub(b"", text)
    return sum(map(outside.count, (b"{", b"["))) - sum(map(outside.count, (b"}", b"]")))
