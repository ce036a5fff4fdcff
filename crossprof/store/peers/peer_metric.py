"""The numbers that other tools give for the files of runs, held in `rollup.peer_metric`."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from crossprof.store.peers import hta, tensorboard, tracelens, xprof
from crossprof.store.peers.events import File, read_files, statements

__all__ = ["fill_peer_metric"]

_COLUMNS = ("run_id", "rank", "capture", "device_id", "metric", "value")


def fill_peer_metric(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills `rollup.peer_metric` with what each tool gives for each file of the runs of the connection that it can read."""
    connection.execute("DELETE FROM rollup.peer_metric")
    rows = [(file.run_id, file.rank, file.capture, *number) for file in read_files(connection) for number in _numbers(file)]
    if rows:
        *_, fill = statements()
        connection.execute(fill, dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))


def _numbers(file: File) -> Iterator[tuple[int | None, str, float]]:
    yield from ((None, name, value) for name, value in hta.numbers(file))
    yield from tracelens.numbers(file)
    yield from tensorboard.numbers(file)
    yield from ((None, name, value) for name, value in xprof.numbers(file))
