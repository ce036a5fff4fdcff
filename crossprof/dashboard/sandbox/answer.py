"""A relation as what is sent back: rows as texts for the page, or a whole file.

The process makes both, so that the server reads JSON of bounded size or hands bytes on. Arrow's reader it would have to trust
with whatever an attacked process writes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from crossprof.dashboard.sandbox.statement import Refusal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["FILE_BYTES", "FORMS", "PAGE_BYTES", "PAGE_ROWS", "rows"]

PAGE_ROWS = 10_000
PAGE_BYTES = 4 << 20
FILE_BYTES = 64 << 20
_FILE_ROWS = 2_000_000
_COLUMNS = 500
_CELL = 10_000
_BATCH = 1_000
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UBIGINT", "UINTEGER", "UHUGEINT",
            "DOUBLE", "FLOAT", "DECIMAL")  # fmt: skip


def rows(relation: duckdb.DuckDBPyRelation) -> bytes:
    """JSON: columns [{name, type, is_number}], rows of texts or null, and by what they were cut off, null if by nothing."""
    _check_width(relation)
    columns = [
        {"name": name, "type": str(kind)[:200], "is_number": _is_number(str(kind))}
        for name, kind in zip(relation.columns, relation.types, strict=True)
    ]
    cut = relation.limit(PAGE_ROWS + 1).project(f"left(COLUMNS(*)::VARCHAR, {_CELL + 1})")
    held: list[list[str | None]] = []
    size, limit = 0, None
    for row in _rows(cut):
        cells = [_shortened(cell) for cell in row]
        size += sum(len(cell.encode("utf-8", "replace")) + 4 if cell else 6 for cell in cells)
        if len(held) == PAGE_ROWS or size > PAGE_BYTES:
            limit = "rows" if len(held) == PAGE_ROWS else "bytes"
            break
        held.append(cells)
    return json.dumps({"columns": columns, "rows": held, "limit": limit}, ensure_ascii=False).encode("utf-8", "replace")


def _rows(texts: duckdb.DuckDBPyRelation) -> Iterator[tuple[str | None, ...]]:
    """The rows of a relation of texts, a batch at a time."""
    for batch in texts.to_arrow_reader(_BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _is_number(kind: str) -> bool:
    return kind.startswith(_NUMBERS) and not kind.endswith("]")


def _shortened(cell: str | None) -> str | None:
    return cell if cell is None or len(cell) <= _CELL else cell[:_CELL] + "…"


def _check_width(relation: duckdb.DuckDBPyRelation) -> None:
    if len(relation.columns) > _COLUMNS:
        raise Refusal(f"The result has {len(relation.columns):,} columns: name at most {_COLUMNS}.")


class _Bounded(io.BytesIO):
    """A file in memory that refuses to grow beyond what is sent."""

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > FILE_BYTES:
            raise Refusal(f"The file would have over {FILE_BYTES >> 20} MiB: narrow the query.")
        return super().write(data)


def _batches(relation: duckdb.DuckDBPyRelation) -> Iterator[pa.RecordBatch]:
    count = 0
    for batch in relation.to_arrow_reader(_BATCH):
        count += batch.num_rows
        if count > _FILE_ROWS:
            raise Refusal(f"The file would have over {_FILE_ROWS:,} rows: narrow the query.")
        yield batch


def _csv(relation: duckdb.DuckDBPyRelation) -> bytes:
    _check_width(relation)
    file = _Bounded()
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(relation.columns)
    writer.writerows(_rows(relation.project("COLUMNS(*)::VARCHAR").limit(_FILE_ROWS)))
    return file.getvalue()


def _arrow(relation: duckdb.DuckDBPyRelation) -> bytes:
    import pyarrow as pa

    _check_width(relation)
    file, schema = _Bounded(), relation.limit(0).to_arrow_table().schema
    with pa.ipc.new_stream(file, schema) as writer:
        for batch in _batches(relation):
            writer.write_batch(batch)
    return file.getvalue()


def _parquet(relation: duckdb.DuckDBPyRelation) -> bytes:
    import pyarrow.parquet

    _check_width(relation)
    file, schema = _Bounded(), relation.limit(0).to_arrow_table().schema
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(relation):
            writer.write_batch(batch)
    return file.getvalue()


FORMS: dict[str, Callable[[duckdb.DuckDBPyRelation], bytes]] = {
    "rows": rows,
    "csv": _csv,
    "parquet": _parquet,
    "arrow": _arrow,
}
