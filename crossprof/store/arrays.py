"""Arrow arrays as NumPy's and back, without pandas: Arrow imports it where it is installed, which takes a tenth of a second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["columns", "packed", "packed_texts", "unpacked"]


def columns(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, NDArray[Any]]:
    """The answer as arrays, without nulls; flags are bytes in it, since Arrow packs bits."""
    table = connection.sql(query).to_arrow_table().combine_chunks()
    found = {}
    for name in table.column_names:
        column = table.column(name)
        values = unpacked(column.chunk(0)) if column.num_chunks else np.empty(0, str(column.type))
        found[name] = values.astype(bool) if values.dtype == np.uint8 else values
    return found


def unpacked(values: pa.Array) -> np.ndarray:
    """Integers or doubles as a NumPy array that shares their memory. What it holds for a null is undefined."""
    kind = np.dtype(str(values.type))
    if not len(values):
        return np.empty(0, kind)
    return np.frombuffer(values.buffers()[1], kind, count=len(values), offset=values.offset * kind.itemsize)


def packed(values: np.ndarray) -> pa.Array:
    """A NumPy array of numbers as Arrow's, which shares its memory."""
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def packed_texts(values: Sequence[str]) -> pa.Array:
    """Texts as an Arrow array."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])
