"""The store as its readers see it: one snapshot, answering SQL."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import duckdb

from crossprof.errors import QueryError, RunNotFound, StoreError
from crossprof.settings import store_path
from crossprof.store import contents
from crossprof.store.layout import Layout
from crossprof.store.publish import publish

if TYPE_CHECKING:
    import pyarrow as pa

    from crossprof.store.alignment import LevelName
    from crossprof.store.compare import Comparison
    from crossprof.store.step_unit import StepUnit

__all__ = ["Store"]

_ALL = "@all"
_SPILL = "crossprof-spill-"
_PATIENCE_S = 10.0  # what an interrupted query may take to end
_LATEST_FIRST = "ORDER BY started_ns DESC NULLS LAST, ingested_ns DESC, run_id DESC"
_VANISHED = ("No files found that match the pattern", "Cannot open file", "No such file or directory")
_Result = TypeVar("_Result")


class Store:
    """A snapshot of a store: what was published when it was opened. A path that holds no store reads as an empty one.

    Each thread that asks gets its own cursor. Raises StoreError: the store can't be opened.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = store_path(path)
        self._cursors = threading.local()
        self._refreshing = threading.Lock()
        self._handed_out: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"

    def sql(self, query: str, params: object = None) -> duckdb.DuckDBPyRelation:
        """What a query answers, as a DuckDB relation: .pl(), .df(), .to_arrow_table(), .fetchall() or a further query.

        The relation runs when it is read. Raises QueryError: DuckDB refuses the query.
        """
        return self._attempt(query, lambda cursor: _relation(cursor, query, params))

    def arrow(self, query: str, params: object = None) -> pa.Table:
        """The rows of a query, read at once, so that every error of the query is a QueryError."""
        return self._attempt(query, lambda cursor: _relation(cursor, query, params).to_arrow_table())

    def runs(self) -> duckdb.DuckDBPyRelation:
        """All runs, the latest first."""
        return self.sql(f"SELECT * FROM run {_LATEST_FIRST}")

    def resolve(self, name: str) -> tuple[str, ...]:
        """The ids of the runs that a name means.

        A run's name (the latest of it), its id, a unique beginning of either, or NAME@all (every run of that name, the latest
        first). Raises RunNotFound.
        """
        wanted = name.removesuffix(_ALL)
        found = self._ids("run = ?", wanted)
        if name.endswith(_ALL):
            if not found:
                raise RunNotFound(name, self._names())
            return found
        found = found[:1] or self._ids("run_id = ?", name) or self._beginning(name)
        if not found:
            raise RunNotFound(name, self._names())
        return found

    def compare(
        self,
        base: str,
        *others: str,
        metrics: Sequence[str] | None = None,
        by: LevelName | None = None,
        per: StepUnit = "step",
    ) -> Comparison:
        """How the other runs differ from the base, metric by metric; work `per` step, sample or token. Raises RunNotFound."""
        from crossprof.store.compare import compare

        return compare(self, self.resolve(base), [self.resolve(other) for other in others], metrics=metrics, by=by, per=per)

    @contextmanager
    def scratch(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to this snapshot for work in temporary tables, which go with it. DuckDB's errors are QueryErrors."""
        cursor = self._connection.cursor()
        self._handed_out.add(cursor)
        try:
            yield cursor
        except duckdb.Error as error:
            raise QueryError("", str(error)) from error
        finally:
            cursor.close()

    def refresh(self) -> None:
        """Moves on to what is published now. Relations handed out before keep their snapshot as long as they are kept."""
        self._move_on(self._connection)

    def interrupt(self) -> None:
        """Ends what runs now, in whatever thread, with duckdb.InterruptException there. An idle thread notices nothing."""
        for cursor in list(self._handed_out):
            cursor.interrupt()

    def close(self) -> None:
        """Lets go of the snapshot; what runs in another thread is ended. Its relations can't be read any more."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._connection.close()
                return
            except duckdb.ResourceInUseException:
                if time.monotonic() > end:
                    return
                self.interrupt()
                time.sleep(0.01)

    def _attempt(self, query: str, work: Callable[[duckdb.DuckDBPyConnection], _Result]) -> _Result:
        """Tries again on a fresh snapshot when a file has vanished: its run was deleted after this one was opened."""
        snapshot = self._connection
        try:
            try:
                return work(self._cursor())
            except duckdb.IOException as error:
                if not any(sign in str(error) for sign in _VANISHED):
                    raise
                self._move_on(snapshot)
                return work(self._cursor())
        except duckdb.Error as error:
            raise QueryError(query, str(error)) from error

    def _move_on(self, snapshot: duckdb.DuckDBPyConnection) -> None:
        """Leaves a snapshot, unless another thread did so. It closes with the last cursor or relation that reads it."""
        with self._refreshing:
            if self._connection is snapshot:
                self._connection = self._open()
                self._cursors = threading.local()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._cursors, "cursor", None)
        if cursor is None:
            cursor = self._cursors.cursor = self._connection.cursor()
            self._handed_out.add(cursor)
        return cursor

    def _open(self) -> duckdb.DuckDBPyConnection:
        layout = Layout(self.path)
        current = layout.current()
        if current is None and not layout.runs.is_dir():
            return _empty()
        if current is None:
            current = publish(self.path).path
        try:
            connection = _connect(current)
        except FileNotFoundError:  # pruned between the two
            connection = _connect(publish(self.path).path)
        return self._at_home(connection)

    def _at_home(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """The connection, if its catalog was made for this path and by this version; else one to a catalog made anew."""
        ((root, definitions),) = connection.execute("SELECT root, definitions FROM store.catalog").fetchall()
        is_moved = Path(root) != self.path.resolve()
        if not is_moved and definitions == contents.definitions():
            return connection
        try:
            path = publish(self.path).path
        except StoreError as error:
            if not is_moved:
                return connection
            connection.close()
            raise StoreError(
                f"The store {self.path} was published as {root} and can't be written here. "
                f"Run `crossprof reindex --store {self.path}` as a user who may write it, or open it at its old path."
            ) from error
        connection.close()
        return _connect(path)

    def _ids(self, condition: str, *values: str) -> tuple[str, ...]:
        rows = self.arrow(f"SELECT run_id FROM run WHERE {condition} {_LATEST_FIRST}", values)
        return tuple(rows["run_id"].to_pylist())

    def _beginning(self, name: str) -> tuple[str, ...]:
        if not name:
            return ()
        by_id = self._ids("starts_with(run_id, ?)", name)
        if len(by_id) == 1:
            return by_id
        names = self.arrow("SELECT DISTINCT run FROM run WHERE starts_with(run, ?) ORDER BY run", [name])["run"].to_pylist()
        if len(names) == 1 and not by_id:
            return self._ids("run = ?", names[0])[:1]
        if by_id or names:
            raise RunNotFound(name, [*names, *by_id])
        return ()

    def _names(self) -> list[str]:
        rows = self.arrow(
            "SELECT run FROM (SELECT run, max(started_ns) AS latest_ns FROM run GROUP BY run) ORDER BY latest_ns DESC LIMIT 6"
        )
        names: list[str] = rows["run"].to_pylist()
        return names


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        if not path.exists():
            raise FileNotFoundError(path)
        try:
            connection = duckdb.connect(str(path), read_only=True)
        except (duckdb.IOException, duckdb.ConnectionException):
            connection = _connect_to_copy(path)
    except (OSError, duckdb.Error) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise StoreError(f"Can't open {path}: {str(error).splitlines()[0]}. `crossprof reindex` builds it anew.") from error
    _spill_elsewhere(connection)
    return connection


def _spill_elsewhere(connection: duckdb.DuckDBPyConnection) -> None:
    """What memory can't hold would else go beside the catalog, where a reader may not write. Once for a file."""
    ((current,),) = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    if _SPILL not in current:
        folder = str(Path(tempfile.gettempdir()) / f"{_SPILL}{uuid.uuid4().hex}").replace("'", "''")
        connection.execute(f"SET temp_directory = '{folder}'")


def _connect_to_copy(path: Path) -> duckdb.DuckDBPyConnection:
    """Another client holds the file open for writing, which shuts everybody else out. The copy is gone once it is closed."""
    with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        return duckdb.connect(str(copy), read_only=True)


def _relation(cursor: duckdb.DuckDBPyConnection, query: str, params: object) -> duckdb.DuckDBPyRelation:
    relation = cursor.sql(query, params=params) if params is not None else cursor.sql(query)
    return relation if relation is not None else cursor.sql("SELECT true AS success")


def _empty() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    contents.create(connection)
    return connection
