"""Arrow arrays out of NumPy's and back, without pandas: `pa.array` and scalars of Python import it where it is installed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossprof.store.arrays import unpacked

__all__ = ["arrow", "as_text", "flat", "is_given", "numbers", "places", "texts"]


def arrow(values: np.ndarray, *, given: np.ndarray | None = None) -> pa.Array:
    """Numbers as an Arrow array that shares their memory; null where they are not given."""
    values = np.ascontiguousarray(values)
    bitmap = None if given is None else pa.py_buffer(np.packbits(given, bitorder="little"))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [bitmap, pa.py_buffer(values)])


def texts(values: Iterable[str]) -> pa.Array:
    """Texts as an Arrow array."""
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


_ZERO = arrow(np.zeros(1, np.int64))[0]


def numbers(values: pa.Array) -> np.ndarray:
    """64-bit integers off the wire, where a zero is left out."""
    return unpacked(pc.fill_null(values, _ZERO))


def places(values: pa.Array, known: pa.Array) -> np.ndarray:
    """Where each value stands among those that are known; behind the last where it is none of them."""
    behind = arrow(np.array([len(known)], np.int32))[0]
    return unpacked(pc.fill_null(pc.index_in(values, value_set=known), behind))


def is_given(values: pa.Array) -> np.ndarray:
    """Which of the values are not null."""
    if not values.null_count:
        return np.ones(len(values), bool)
    bits = np.unpackbits(np.frombuffer(values.buffers()[0], np.uint8), count=values.offset + len(values), bitorder="little")
    return bits[values.offset :].view(bool)


def flat(lists: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The items of all lists, and for each the number of its list."""
    return lists.flatten(), unpacked(lists.value_parent_indices())


def as_text(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Bytes as text. Bytes that are not UTF-8 come out with replacement characters."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        found = [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()]
        return pa.array(found, pa.string())
