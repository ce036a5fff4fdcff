"""What the browser gets of a window: a header in JSON and typed arrays behind it, which it reads in place.

    u32 length of the header · the header, padded with spaces to 8 bytes · the arrays, each padded to 8 bytes

The header's `arrays` maps a name to [type, offset in bytes, number of values]; numbers are little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from crossprof.dashboard.timeline.timeline import Timeline, Window

__all__ = ["encoded", "window_answer"]

_ALIGNMENT = 8
_MOST_CALLS = 65_535


def encoded(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A header and its arrays as bytes."""
    placed: dict[str, tuple[str, int, int]] = {}
    parts: list[bytes] = []
    offset = 0
    for name, values in arrays.items():
        held = values.tobytes()
        placed[name] = (str(values.dtype), offset, len(values))
        parts.append(held + bytes(-len(held) % _ALIGNMENT))
        offset += len(parts[-1])
    text = json.dumps({**header, "arrays": placed}, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 4) % _ALIGNMENT)
    return len(text).to_bytes(4, "little") + text + b"".join(parts)


def window_answer(timeline: Timeline, window: Window, *, search: str = "") -> bytes:
    """All that is drawn of a window: slices, bins, counters, and where the searched text is."""
    shift, slices, bins = timeline.drawn(window)
    counter_shift, counters = timeline.counters(window)
    names = timeline.names(pl.concat([slices["name_id"], bins["name_id"]]))
    header: dict[str, Any] = {
        "from": window.from_ns,
        "to": window.to_ns,
        "width": None if shift is None else 1 << shift,
        "counter_width": 1 << counter_shift,
        "names": names,
    }
    arrays = {**_slices(slices), **_bins(bins, shift or 0), **_counters(counters)}
    if search:
        hits = timeline.hits(search, window)
        header |= {"hit_width": 1 << window.shift, "hit_names": timeline.matching(search, names)}
        arrays |= {"hit_lane": _column(hits, "lane_id", np.uint16), "hit_bin": _column(hits, "bin", np.float64)}
    return encoded(header, arrays)


def _slices(slices: pl.DataFrame) -> dict[str, np.ndarray]:
    return {
        "start": _column(slices, "start_ns", np.float64),
        "dur": (slices["finish_ns"] - slices["start_ns"]).to_numpy().astype(np.float64),
        "id": _column(slices, "id", np.float64),
        "name": _column(slices, "name_id", np.uint32),
        "lane": _column(slices, "lane_id", np.uint16),
        "category": _column(slices, "category_id", np.uint8),
        "kind": _column(slices, "kind", np.uint8),
    }


def _bins(bins: pl.DataFrame, shift: int) -> dict[str, np.ndarray]:
    """The busy share of a bin as 0 to 255, rounded up, so that a little work is not drawn as none."""
    share = np.ceil(bins["busy_ns"].to_numpy() / (1 << shift) * 255)
    return {
        "bin": _column(bins, "bin", np.float64),
        "bin_name": _column(bins, "name_id", np.uint32),
        "bin_lane": _column(bins, "lane_id", np.uint16),
        "bin_calls": bins["calls"].clip(0, _MOST_CALLS).to_numpy().astype(np.uint16),
        "bin_category": _column(bins, "category_id", np.uint8),
        "bin_busy": share.astype(np.uint8),
    }


def _counters(counters: pl.DataFrame) -> dict[str, np.ndarray]:
    return {
        "at": _column(counters, "bin", np.float64),
        "highest": _column(counters, "highest", np.float64),
        "last": _column(counters, "last", np.float64),
        "counter": _column(counters, "counter_id", np.uint16),
    }


def _column(rows: pl.DataFrame, name: str, dtype: type) -> np.ndarray:
    return rows[name].to_numpy().astype(dtype)
