"""The reader of torch's memory snapshots: the state of a caching allocator and the history that led to it, as a pickle."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest import machine
from crossprof.ingest.source import Source

__all__ = ["MemorySnapshotReader"]

_PICKLE_MAGICS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_PROGRAM = Path(__file__).with_name("snapshot_pickle.py")
# The program that unpickles takes up to 17 times the bytes of a snapshot. It may take twice that, and never more than half of a
# machine's memory.
_MEMORY_SHARE = 2
_MEMORY_TIMES = 32
_LEAST_BYTES = 512 << 20
_LEAST_SECONDS = 60
_BYTES_A_SECOND = 1 << 20

_COLUMNS = {
    "segments": dict.fromkeys(("device", "total_size", "active_size", "live_blocks"), "BIGINT"),
    "events": {
        **dict.fromkeys(("action", "source_line"), "VARCHAR"),
        "addr": "UBIGINT",
        **dict.fromkeys(("device", "size", "time_us", "device_free"), "BIGINT"),
    },
    "annotations": {"name": "VARCHAR", "stage": "VARCHAR", "device": "BIGINT", "time_us": "BIGINT"},
}
_LOAD = """
CREATE OR REPLACE TEMP TABLE snapshot_{name} AS
FROM read_json(?, format = 'array', columns = getvariable('columns'), ignore_errors = true, hive_partitioning = false)"""
_SQL = resources.files("crossprof.ingest").joinpath("memory_snapshot.sql")


class MemorySnapshotReader:
    """Reads what `torch.cuda.memory._dump_snapshot` writes."""

    format = "memory_snapshot"

    def matches(self, source: Source) -> bool:
        """Whether the head of the file is a pickle with the keys of a snapshot."""
        head = source.head
        return head.startswith(_PICKLE_MAGICS) and (
            b"device_traces" in head or (b"segments" in head and b"segment_type" in head)
        )

    def stage(self, connection: duckdb.DuckDBPyConnection, source: Source, *, capture: int | None) -> None:
        """Add the facts of the file to the staged relations. Nothing in the file is run. Raises TraceError."""
        connection.execute("SET VARIABLE capture = ?", [capture])
        with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
            _unpickle(source, Path(folder))
            try:
                _load(connection, Path(folder))
                connection.execute(_SQL.read_text(encoding="utf-8"))
            except (duckdb.DataError, duckdb.InvalidInputException):
                raise _refused(source, "its numbers or its text make no sense") from None


def _unpickle(source: Source, folder: Path) -> None:
    """Have the facts of the pickle written into the folder, by a process that a hostile one can't make exceed its bounds."""
    data = source.read(most=machine.memory_bytes() // _MEMORY_SHARE // _MEMORY_TIMES)
    most = _LEAST_BYTES + len(data) * _MEMORY_TIMES
    command = [sys.executable, "-P", str(_PROGRAM), str(folder), str(most)]
    seconds = _LEAST_SECONDS + len(data) // _BYTES_A_SECOND
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise _refused(source, f"it takes more than {seconds} s to read") from None
    if done.returncode:
        raise _refused(source, source.damage or done.stdout.decode(errors="replace") or "it breaks the process that reads it")


def _load(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make the tables snapshot_<name> of the facts in the folder."""
    connection.execute("SET VARIABLE settings = ?", [(folder / "settings.json").read_text()])
    for name, columns in _COLUMNS.items():
        connection.execute("SET VARIABLE columns = ?", [columns])
        connection.execute(_LOAD.format(name=name), [str(folder / f"{name}.json")])


def _refused(source: Source, reason: str) -> TraceError:
    return TraceError(source.path, f"this memory snapshot can't be read: {reason}. Write it again with torch.cuda.memory.")
