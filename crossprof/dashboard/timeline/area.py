"""What lies in an area of one or two runs: the time of each name inside of it, runs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from crossprof.dashboard import wording
from crossprof.dashboard.quantity import NONE, Scale, percent, scale_for
from crossprof.dashboard.timeline.timeline import Timeline, Window

__all__ = ["GROUPINGS", "area_table", "joined"]

_MOST_ROWS = 200
GROUPINGS = {"name": ["name", "category"], "category": ["category"]}


def joined(sides: Sequence[tuple[Timeline, Window]], *, by: str = "name") -> pl.DataFrame:
    """A row for each name (with its category) or each category: calls_N, total_ns_N, share_ratio_N of the N-th area, or null.

    Of two, `change_ns` is the second less the first. What takes most time in either comes first.
    """
    keys = GROUPINGS[by]
    found = None
    for place, (timeline, window) in enumerate(sides):
        shown = (window.from_ns, window.to_ns, list(window.lanes), list(window.hidden))
        rows = timeline.frame(f"FROM area_by_{by}($1, $2, $3, $4)", *shown)
        rows = rows.rename({name: f"{name}_{place}" for name in ("calls", "total_ns", "share_ratio")})
        found = rows if found is None else found.join(rows, on=keys, how="full", coalesce=True)
    assert found is not None
    totals = [f"total_ns_{place}" for place in range(len(sides))]
    if len(totals) == 2:
        change = pl.col(totals[1]).fill_null(0) - pl.col(totals[0]).fill_null(0)
        found = found.with_columns(change.alias("change_ns"))
    return found.sort(pl.max_horizontal(*totals), pl.col(keys[0]), descending=[True, False])


def area_table(sides: Sequence[tuple[Timeline, Window]], labels: Sequence[str], *, by: str = "name") -> dict[str, Any]:
    """The table as JSON: heads, over them the runs with the columns of each, rows of texts, how many rows are left out."""
    found = joined(sides, by=by)
    rows = found.head(_MOST_ROWS).to_dicts()
    places = range(len(sides))
    scale = scale_for("ns", [row[f"total_ns_{place}"] for row in rows for place in places])
    texts = [key.capitalize() for key in GROUPINGS[by]]
    heads = [*texts, *(head for _ in places for head in ("Calls", f"Time, {scale.unit}", "Share"))]
    groups: list[list[Any]] = []
    if len(sides) == 2:
        heads.append(f"Change, {scale.unit}")
        groups = [["", len(texts)], *([label, 3] for label in labels), ["", 1]]
    body = [_cells(row, by, places, scale) for row in rows]
    return {"groups": groups, "columns": heads, "texts": len(texts), "rows": body, "left_out": len(found) - len(rows)}


def _cells(row: Mapping[str, Any], by: str, places: Iterable[int], scale: Scale) -> list[str]:
    cells = [*([row["name"]] if by == "name" else []), wording.part(row["category"])]
    for place in places:
        calls, total, share = (row[f"{name}_{place}"] for name in ("calls", "total_ns", "share_ratio"))
        cells += [NONE if calls is None else f"{calls:,}", scale.text(total), NONE if share is None else percent(share)]
    return [*cells, scale.signed(row["change_ns"])] if "change_ns" in row else cells
