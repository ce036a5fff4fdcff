"""Tables of a view's rows: one unit a column, the column's definition as its tooltip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash_ag_grid as dag
import polars as pl

from crossprof.dashboard.grids import COLUMN, GRID_OPTIONS, number_column, titled
from crossprof.dashboard.quantity import NONE, Scale, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["Column", "comments", "listing"]

_HEIGHT = 30
_TALLEST = 440


@dataclass(frozen=True)
class Column:
    """A column of a view as a table shows it. `unit` is that of the stored values; None for text."""

    field: str
    title: str
    unit: str | None = None
    width: int = 118
    scale: Scale | None = None
    """A unit to show in place of the one that suits the largest value."""
    flex: int = 0
    is_code: bool = False


def listing(name: str, rows: pl.DataFrame, columns: Sequence[Column], told: Mapping[str, str]) -> dag.AgGrid:
    """The rows as a grid, in their order, without columns that hold no value. `told` has the definition of each column."""
    kept = [column for column in columns if rows[column.field].null_count() < len(rows)]
    scales = {column.field: column.scale or scale_for(column.unit, rows[column.field]) for column in kept if column.unit}
    data = rows.select(column.field for column in kept).to_dicts()
    for place, row in enumerate(data):
        row |= {f"{field}_text": _text(scale, row[field]) for field, scale in scales.items()}
        row["key"] = str(place)
    return dag.AgGrid(
        id=name,
        rowData=data,
        columnDefs=[_definition(column, scales.get(column.field), told.get(column.field, "")) for column in kept],
        getRowId="params.data.key",
        defaultColDef={**COLUMN, "wrapHeaderText": True, "autoHeaderHeight": True},
        dashGridOptions={**GRID_OPTIONS, "rowHeight": _HEIGHT, "tooltipShowDelay": 300},
        className="grid",
        style={"height": min(66 + _HEIGHT * len(data), _TALLEST)},
    )


def _text(scale: Scale, value: float | None) -> str:
    return NONE if value is None else f"{value:,}" if not scale.unit and isinstance(value, int) else scale.text(value)


def _definition(column: Column, scale: Scale | None, told: str) -> dict[str, Any]:
    if scale is None:
        plain = {"field": column.field, "headerName": column.title, "minWidth": column.width, "width": column.width}
        shown = {"cellRenderer": "LongName", "cellClass": "mono" if column.is_code else ""}
        return {**plain, **shown, "headerTooltip": told, **({"flex": column.flex} if column.flex else {})}
    return {**number_column(column.field, titled(column.title, scale.unit), column.width), "headerTooltip": told}


def comments(store: Store, view: str) -> dict[str, str]:
    """What each column of a view is, by its name."""
    query = "select column_name, comment from duckdb_columns() where table_name = ? and schema_name = 'main'"
    return {name: comment or "" for name, comment in frame(store, query, view).iter_rows()}
