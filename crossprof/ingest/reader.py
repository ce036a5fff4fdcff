"""The readers of trace files: one per format, chosen by what a file holds, never by what it is called.

A reader's module imports Source from crossprof.ingest.source; this one imports the readers.
"""

from __future__ import annotations

from typing import Protocol

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest.kineto import KinetoReader
from crossprof.ingest.memory_snapshot import MemorySnapshotReader
from crossprof.ingest.nsys import NsysReader
from crossprof.ingest.onnxruntime import OnnxRuntimeReader
from crossprof.ingest.rocprof import RocprofReader
from crossprof.ingest.source import Source, open_source
from crossprof.ingest.xplane import XPlaneReader

__all__ = ["READERS", "Reader", "Source", "open_source", "reader_for"]


class Reader(Protocol):
    """Turns the bytes of one format into the relations of staging.sql."""

    @property
    def format(self) -> str:
        """Name of the format, as artifact.format holds it: kineto, xplane, onnxruntime, ..."""
        ...

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is of this format."""
        ...

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations of a scratch database. Raises TraceError."""
        ...


READERS: tuple[Reader, ...] = (
    KinetoReader(),
    XPlaneReader(),
    NsysReader(),
    OnnxRuntimeReader(),
    RocprofReader(),
    MemorySnapshotReader(),
)

_KNOWN = (
    "crossprof reads Kineto JSON (PyTorch), XPlane protobuf (TensorFlow, JAX), SQLite exports of Nsight Systems, profiles of "
    "ONNX Runtime, JSON of rocprofv3 and memory snapshots of torch, each also as gzip"
)
_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive in an archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
    (b"\xfd7zXZ\x00", "an xz file: unpack it first"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file: unpack it first"),
    (b"SQLite format 3\0", "an SQLite database without the tables of a Nsight Systems export"),
    *((bytes((0x80, protocol)), "a Python pickle of something else than a memory snapshot") for protocol in range(2, 6)),
    (b"\x7fELF", "a program"),
    (b"version https://git-lfs", "a git-lfs pointer: fetch the file itself with `git lfs pull`"),
)


def reader_for(source: Source) -> Reader:
    """The reader of a file. Raises TraceError with what the file is instead of a trace."""
    for reader in READERS:
        if reader.matches(source):
            return reader
    raise TraceError(source.path, f"this is {describe(source.head)}, not a trace. {_KNOWN}.")


def describe(head: bytes) -> str:
    """What a file that no reader takes looks like, in a few words."""
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    text = head.lstrip(b"\xef\xbb\xbf").strip()
    if not text:
        return "an empty file" if not head else "a file of white space"
    if text[:1] == b"<":
        return "an HTML or XML page, perhaps an error page saved in place of the file"
    if text[:1] in b"{[":
        return "JSON without trace events"
    return "a text file" if _is_text(head) else "a binary file of an unknown kind"


def _is_text(head: bytes) -> bool:
    """Whether the bytes hold no control characters but white space."""
    return not any(byte < 32 and byte not in b"\t\n\r\f\b" for byte in head[:4096])
