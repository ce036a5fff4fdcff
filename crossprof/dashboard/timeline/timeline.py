"""One run's timeline: what is drawn in a window of it, and what lies there. Times are ns from the run's first instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

__all__ = ["MOST_ROWS", "MOST_SLICES", "Timeline", "Window"]

MOST_SLICES = 15_000
"""Up to so many events of a window are drawn as they are."""
MOST_ROWS = 60_000
"""Of slices and bins together in one answer."""
_MOST_HITS = 5_000


@dataclass(frozen=True)
class Window:
    """A stretch of time at a resolution, the lanes that are asked for, and the ids of the categories that are not."""

    from_ns: int
    to_ns: int
    pixels: int
    lanes: tuple[int, ...]
    hidden: tuple[int, ...] = ()

    @property
    def shift(self) -> int:
        """log2 of the width in ns of bins that are no narrower than a pixel."""
        return max(0, (max(1, (self.to_ns - self.from_ns) // max(self.pixels, 1)) - 1).bit_length())


class Timeline:
    """The timeline of one run, over the database that `build` makes. Threads may ask at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        levels = self.frame("SELECT min(shift) AS finest, max(shift) AS coarsest FROM level").row(0)
        self._finest: int | None = levels[0]
        self._coarsest: int | None = levels[1]
        self.categories: list[str] = self.frame("SELECT category FROM category ORDER BY category_id")["category"].to_list()

    @property
    def bytes(self) -> int:
        """Memory that the timeline holds."""
        return int(self.frame("SELECT sum(memory_usage_bytes) AS held FROM duckdb_memory()")["held"][0])

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()

    def frame(self, query: str, *params: object) -> pl.DataFrame:
        """The rows of a query over the tables and macros of timeline.sql, with bound parameters."""
        found = pl.from_arrow(self._arrow(query, *params))
        assert isinstance(found, pl.DataFrame)
        return found

    def rows(self, query: str, *params: object) -> list[dict[str, Any]]:
        """The same as dictionaries."""
        return self.frame(query, *params).to_dicts()

    def _arrow(self, query: str, *params: object) -> pa.Table:
        with self._connection.cursor() as cursor:
            return cursor.sql(query, params=list(params)).to_arrow_table()

    def drawn(self, window: Window) -> tuple[int | None, pl.DataFrame, pl.DataFrame]:
        """The shift of the bins, None where every event is a slice; the slices; the bins. At most MOST_ROWS rows in all."""
        span = (window.from_ns, window.to_ns)
        shown = (list(window.lanes), list(window.hidden))
        if self._are_few(window):
            return None, self.frame("FROM slices($1, $2, 0, $3, $4) ORDER BY category_id", *span, *shown), _NO_BINS
        shift = window.shift
        while True:
            least = 1 << shift
            slices = self.frame("FROM slices($1, $2, $3, $4, $5) ORDER BY category_id", *span, least, *shown)
            bins = self._bins(shift, span, shown)
            if len(slices) + len(bins) <= MOST_ROWS:
                return shift, slices, bins
            shift += 1

    def _bins(self, shift: int, span: tuple[int, int], shown: tuple[list[int], list[int]]) -> pl.DataFrame:
        is_kept = self._finest is not None and self._coarsest is not None and self._finest <= shift <= self._coarsest
        macro = "kept_bins" if is_kept else "cut_bins"
        return self.frame(f"FROM {macro}($1, $2, $3, $4, $5) ORDER BY category_id", shift, *span, *shown)

    def _are_few(self, window: Window) -> bool:
        query = "SELECT count(*) AS events FROM (FROM slices($1, $2, 0, $3, $4) LIMIT $5)"
        span = (window.from_ns, window.to_ns)
        found = self.frame(query, *span, list(window.lanes), list(window.hidden), MOST_SLICES + 1)
        return int(found["events"][0]) <= MOST_SLICES

    def counters(self, window: Window) -> tuple[int, pl.DataFrame]:
        """The shift of the bins, and of each counter the highest and the last value of each bin, and the last before."""
        return window.shift, self.frame("FROM counter_bins($1, $2, $3)", window.shift, window.from_ns, window.to_ns)

    def hits(self, text: str, window: Window) -> pl.DataFrame:
        """The bins of each lane in which something starts that has the text in its name."""
        query = f"FROM hits($1, $2, $3, $4, $5, $6) LIMIT {_MOST_HITS}"
        shown = (list(window.lanes), list(window.hidden))
        return self.frame(query, text, window.shift, window.from_ns, window.to_ns, *shown)

    def tally(self, text: str, lanes: Sequence[int], hidden: Sequence[int]) -> Mapping[str, int]:
        """How many events have the text in their name, their time, and how many different names."""
        return self.rows("FROM tally($1, $2, $3)", text, list(lanes), list(hidden))[0]

    def neighbour(self, text: str, lanes: Sequence[int], hidden: Sequence[int], at_ns: int, *, direction: int) -> Any:
        """The nearest event after an instant, or before it, that has the text in its name; None where there is none."""
        macro = "following" if direction > 0 else "preceding"
        return next(iter(self.rows(f"FROM {macro}($1, $2, $3, $4)", text, list(lanes), list(hidden), at_ns)), None)

    def matching(self, text: str, names: Mapping[int, str]) -> list[int]:
        """Those of some names that have the text in them, by id."""
        query = "SELECT name_id FROM name WHERE list_contains($1, name_id) AND contains(lower(name), lower($2)) ORDER BY ALL"
        return list(self.frame(query, list(names), text)["name_id"])

    def names(self, ids: pl.Series) -> dict[int, str]:
        """The names of name ids."""
        found = self.frame("SELECT name_id, name FROM name WHERE list_contains($1, name_id)", ids.unique().to_list())
        return dict(found.iter_rows())


_NO_BINS = pl.DataFrame(
    schema={
        "lane_id": pl.UInt16,
        "bin": pl.Int64,
        "category_id": pl.UInt8,
        "busy_ns": pl.Int64,
        "calls": pl.Int64,
        "name_id": pl.UInt32,
    }
)
