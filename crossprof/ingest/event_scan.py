"""The compiled scanner of Kineto events (event_scan.c), where it was built: a chunk of JSON as columns."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import duckdb

from crossprof.ingest.event_chunk import Chunk

__all__ = ["LANES", "EventScan", "event_scan", "is_built"]

LANES = ("rare", "kernel", "op", "call", "annotation", "memory")
"""The relations that the scanner fills: a lane has every event that kineto.sql may take for them, and the fields for that.

Whatever several of them take, or what is seldom, is in the lane `rare` as well, with all fields.
"""
_CAPSULE = b"arrow_array_stream"
_PIECE_BYTES = 1 << 20


class _Stream(ctypes.Structure):
    """struct lane_stream of event_table.h."""

    _fields_ = (("stream", ctypes.c_void_p * 5), ("state", ctypes.c_void_p * 3))


class _Lane:
    """Rows of one lane, for whoever knows the Arrow PyCapsule interface."""

    def __init__(self, scan: EventScan, number: int) -> None:
        self._scan, self._number = scan, number

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._scan.stream(self._number)


class EventScan:
    """Reads one chunk of events after the other into lanes, until it is told to clear them. The rest is of the last chunk."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._scan = library.scan_new()
        if not self._scan:
            raise MemoryError
        self._streams: list[_Stream] = []

    def read(self, chunk: Chunk, *, base_ns: int, is_coarse: bool) -> bool:
        """Read a chunk; False where another reader is to read all of it: no lane has anything of it then.

        So it is where the chunk is not plainly JSON, where begins and ends of events lie beside something odd, and where the
        lanes find no memory. Raises MemoryError where the text of the chunk finds none.
        """
        self._library.scan_begin(self._scan)
        chunk.copy(self)
        return bool(self._library.scan_events(self._scan, base_ns, is_coarse))

    def add(self, piece: bytes) -> None:
        """Add a piece of a chunk."""
        ctypes.memmove(self._room(len(piece)), piece, len(piece))
        self._library.scan_written(self._scan, len(piece))

    def fill(self, size: int, read: Callable[[memoryview], int]) -> None:
        """Add as many bytes of a chunk as a function says that it has filled."""
        memory = (ctypes.c_char * size).from_address(self._room(size))
        self._library.scan_written(self._scan, read(memoryview(memory).cast("B")))

    def _room(self, size: int) -> int:
        if not (room := self._library.scan_room(self._scan, size)):
            raise MemoryError
        return int(room)

    def clear(self) -> None:
        """Empty the lanes."""
        self._streams.clear()
        self._library.scan_clear(self._scan)

    def bytes_held(self) -> int:
        """What the lanes take."""
        return int(self._library.scan_bytes(self._scan))

    def pieces(self) -> Iterator[bytes]:
        """The chunk as it came, in pieces up to a closing brace each: no key and no number is torn."""
        text = self._view(self._library.scan_text)
        start = 0
        while start < len(text):
            end = text.find(b"}", min(start + _PIECE_BYTES, len(text))) + 1 or len(text)
            yield text[start:end]
            start = end

    def odd_events(self) -> bytes:
        """Events, with commas between them, that are in no lane: something in them is to be read by who reads any JSON."""
        return self._view(self._library.scan_odd)

    def tally(self) -> tuple[int, int, int, int]:
        """Counts of the other events: all, those without a phase, spans without a time, and begins and ends."""
        counts = (ctypes.c_int64 * 4)()
        self._library.scan_tally(self._scan, counts)
        return (counts[0], counts[1], counts[2], counts[3])

    def lanes(self) -> dict[str, _Lane]:
        """What DuckDB registers: the rows of each lane when it asks."""
        return {name: _Lane(self, number) for number, name in enumerate(LANES)}

    def stream(self, lane: int) -> object:
        """A capsule with an Arrow stream of the rows of a lane."""
        stream = _Stream()
        self._library.scan_stream(self._scan, lane, ctypes.byref(stream))
        self._streams.append(stream)
        return _new_capsule(ctypes.addressof(stream), _CAPSULE, None)

    def close(self) -> None:
        """Give the memory back."""
        self._library.scan_free(self._scan)
        self._scan = None

    def _view(self, of: Any) -> bytes:
        size = ctypes.c_size_t()
        start = of(self._scan, ctypes.byref(size))
        return ctypes.string_at(start, size.value) if size.value else b""


@contextmanager
def event_scan(connection: duckdb.DuckDBPyConnection) -> Iterator[EventScan | None]:
    """A scanner whose lanes a connection sees as scanned_<lane>; None where it was not built."""
    if not _LIBRARY:
        yield None
        return
    scan = EventScan(_LIBRARY)
    try:
        for name, lane in scan.lanes().items():
            connection.register(f"scanned_{name}", lane)
        yield scan
    finally:
        for name in LANES:
            with suppress(duckdb.Error):  # a void transaction lets go of nothing
                connection.unregister(f"scanned_{name}")
        scan.close()


def is_built() -> bool:
    """Whether a C compiler has built the scanner. Without it DuckDB reads every event, which takes twice as long."""
    return _LIBRARY is not None


def _built() -> ctypes.CDLL | None:
    for suffix in EXTENSION_SUFFIXES:
        try:
            library = ctypes.CDLL(str(Path(__file__).with_name(f"_event_scan{suffix}")))
        except OSError:
            continue
        pointer, size = ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
        for name, result, arguments in (
            ("scan_new", pointer, ()),
            ("scan_free", None, (pointer,)),
            ("scan_begin", None, (pointer,)),
            ("scan_room", pointer, (pointer, ctypes.c_size_t)),
            ("scan_written", None, (pointer, ctypes.c_size_t)),
            ("scan_events", ctypes.c_int, (pointer, ctypes.c_int64, ctypes.c_int)),
            ("scan_clear", None, (pointer,)),
            ("scan_bytes", ctypes.c_int64, (pointer,)),
            ("scan_text", pointer, (pointer, size)),
            ("scan_odd", pointer, (pointer, size)),
            ("scan_tally", None, (pointer, ctypes.POINTER(ctypes.c_int64))),
            ("scan_stream", None, (pointer, ctypes.c_int, ctypes.POINTER(_Stream))),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        return library
    return None


_LIBRARY = _built()
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
