"""Tables of many rows: what a grid of kernels or operators looks like, for one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
import polars as pl

from crossprof.dashboard.quantity import percent, scale_for

__all__ = ["COLUMN", "GRID_OPTIONS", "number_column", "work_grid"]

_MOST_OPERATIONS = 300
GRID_OPTIONS: Mapping[str, Any] = {
    "theme": {"function": "gridTheme(themeQuartz)"},
    "animateRows": False,
    "ensureDomOrder": True,  # for screen readers
}
COLUMN: Mapping[str, Any] = {"resizable": True, "sortable": True, "suppressHeaderMenuButton": True}
_NAME: dict[str, Any] = {
    "field": "name",
    "headerName": "Name",
    "minWidth": 220,
    "flex": 1,
    "cellRenderer": "LongName",
    "cellClass": "mono",
}
_CATEGORY: dict[str, Any] = {"field": "category", "headerName": "Category", "minWidth": 130, "width": 130}


def work_grid(rows: pl.DataFrame) -> dag.AgGrid:
    """Kernels or operators of one run: name, category, calls, total_ns; ranks and devices are added up."""
    summed = rows.group_by("name", "category").agg(pl.col("calls", "total_ns").sum())
    total = summed["total_ns"].sum() or 1
    found = summed.sort("total_ns", descending=True).head(_MOST_OPERATIONS).to_dicts()
    scale = scale_for("ns", [row["total_ns"] for row in found])
    for row in found:
        row |= {
            "key": f"{row['category']}|{row['name']}",
            "calls_text": f"{row['calls']:,}",
            "total_ns_text": scale.text(row["total_ns"]),
            "share_ratio": row["total_ns"] / total,
            "share_ratio_text": percent(row["total_ns"] / total),
        }
    columns = [
        _NAME,
        _CATEGORY,
        number_column("calls", "Calls", 110),
        number_column("total_ns", f"Total, {scale.unit}", 120),
        number_column("share_ratio", "Share", 110),
    ]
    return _grid("work", found, columns)


def _grid(name: str, rows: list[dict[str, Any]], columns: list[dict[str, Any]]) -> dag.AgGrid:
    return dag.AgGrid(
        id=name,
        rowData=rows,
        columnDefs=columns,
        getRowId="params.data.key",
        defaultColDef={**COLUMN, "wrapHeaderText": True, "autoHeaderHeight": True},
        dashGridOptions={**GRID_OPTIONS, "rowHeight": 30},
        className="grid",
        style={"height": min(96 + 30 * len(rows), 520)},
    )


def number_column(field: str, title: str, width: int) -> dict[str, Any]:
    """A column that sorts by the value and shows the row's text for it, in the unit of its title."""
    return {
        "field": field,
        "headerName": title,
        "minWidth": width,
        "width": width,
        "type": "rightAligned",
        "cellClass": ["ag-right-aligned-cell", "number"],
        "valueFormatter": {"function": f"params.data.{field}_text || '–'"},
    }
