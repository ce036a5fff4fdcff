"""The rows of a relation as a table, CSV, JSON, Parquet or an Arrow stream, written as they come."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from crossprof.cli import terminal
from crossprof.errors import CrossprofError

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

__all__ = ["FORMATS", "write_rows"]

TABLE_ROWS = 1000
BATCH_ROWS = 10_000
BINARY = ("parquet", "arrow")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UINTEGER", "DOUBLE", "FLOAT", "DECIMAL")


def write_rows(relation: DuckDBPyRelation, form: str, *, output: Path | None = None) -> None:
    """Write all rows to a file, or to stdout. Raises CrossprofError for a binary format on a terminal."""
    if output is None and form in BINARY and sys.stdout.isatty():
        raise CrossprofError(f"{form} is no text for a terminal. Redirect it, or name a file with -o FILE.")
    if output is None and form == "table":
        _print_table(relation)
        return
    with _opened(output) as file:
        FORMATS[form](relation, file)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with output.open("wb") as file:
            yield file


def _as_text(relation: DuckDBPyRelation) -> DuckDBPyRelation:
    return relation.project("COLUMNS(*)::VARCHAR")


def _batches(relation: DuckDBPyRelation) -> Iterator[Iterator[tuple[str | None, ...]]]:
    """The rows in batches, so that a result of any length passes through."""
    for batch in relation.to_arrow_reader(BATCH_ROWS):
        if batch.num_rows:
            yield zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _print_table(relation: DuckDBPyRelation) -> None:
    rows = _as_text(relation.limit(TABLE_ROWS + 1)).fetchall()
    terminal.print_table(_columns(relation), rows[:TABLE_ROWS])
    if len(rows) > TABLE_ROWS:
        terminal.print_note(f"Only the first {TABLE_ROWS} rows are shown; --format csv prints all of them.")


def _columns(relation: DuckDBPyRelation) -> list[terminal.Column]:
    kinds = zip(relation.columns, relation.types, strict=True)
    return [
        terminal.Column(name, is_number=str(kind).startswith(_NUMBERS) and not str(kind).endswith("]")) for name, kind in kinds
    ]


def _write_table(relation: DuckDBPyRelation, file: BinaryIO) -> None:
    file.write(terminal.plain_table(_columns(relation), _as_text(relation).fetchall()).encode())


def _write_csv(relation: DuckDBPyRelation, file: BinaryIO) -> None:
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(relation.columns)
    for rows in _batches(_as_text(relation)):
        writer.writerows(rows)
    text.detach()


def _write_json(relation: DuckDBPyRelation, file: BinaryIO) -> None:
    """One array of objects. NaN and infinities, which JSON lacks, are null."""
    opening = "[\n"
    for rows in _batches(relation.project("to_json(COLUMNS(*))::VARCHAR")):
        objects = (dict(zip(relation.columns, map(_json_value, row), strict=True)) for row in rows)
        file.write((opening + ",\n".join(map(json.dumps, objects))).encode())
        opening = ",\n"
    file.write(b"\n]\n" if opening == ",\n" else b"[]\n")


def _json_value(text: str | None) -> object:
    return None if text is None else json.loads(text, parse_constant=lambda _: None)


def _write_parquet(relation: DuckDBPyRelation, file: BinaryIO) -> None:
    """Through a file beside: DuckDB writes all of its own types, intervals among them, but to a path alone."""
    with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
        path = Path(folder) / "rows.parquet"
        relation.write_parquet(str(path), compression="zstd")
        with path.open("rb") as written:
            shutil.copyfileobj(written, file)


def _write_arrow(relation: DuckDBPyRelation, file: BinaryIO) -> None:
    from pyarrow.ipc import new_stream

    batches = relation.to_arrow_reader(BATCH_ROWS)
    with new_stream(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


FORMATS: dict[str, Callable[[DuckDBPyRelation, BinaryIO], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
    "arrow": _write_arrow,
}
