"""Tables of many rows: what a grid of kernels or operators looks like, for one run and for several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
import polars as pl

from crossprof.dashboard import cards, theme
from crossprof.dashboard.quantity import percent, scale_for
from crossprof.store.compare import Comparison

__all__ = ["COLUMN", "GRID_OPTIONS", "number_column", "operations_grid", "work_grid"]

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


def operations_grid(found: Comparison) -> Any:
    """Kernels or operators of the baseline and the others, per step, the largest difference first."""
    rows = _operation_rows(found)
    if not rows:
        return cards.absent(
            "the runs have no work of one kind: kernels on a device are never set beside operators of a CPU run."
        )
    scale = scale_for("ns", [value for row in rows for key, value in row.items() if key.startswith("value") and value])
    for row in rows:
        for key in [key for key in row if key.startswith(("value", "delta"))]:
            row[f"{key}_text"] = scale.signed(row[key]) if key.startswith("delta") else scale.text(row[key])
    columns = [_NAME, _CATEGORY, number_column("value_base", f"{theme.shortened(found.base, most=28)}, {scale.unit}", 150)]
    for place, other in enumerate(found.others):
        columns.append(number_column(f"value_{place}", f"{theme.shortened(other.run, most=28)}, {scale.unit}", 150))
        columns.append(number_column(f"delta_{place}", f"Change, {scale.unit}", 116))
    return _grid("operations", rows, columns)


def _operation_rows(found: Comparison) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for place, other in enumerate(found.others):
        for one in other.operations:
            empty = {"key": f"{one.category}|{one.name}", "name": one.name, "category": one.category}
            row = rows.setdefault((one.name, one.category), empty)
            row |= {"value_base": one.base_ns, f"value_{place}": one.other_ns, f"delta_{place}": one.delta_ns}
    places = [place for place, other in enumerate(found.others) if other.operations]
    for row in rows.values():
        for place in places:  # in the baseline and in another run, but not in this one
            row.setdefault(f"value_{place}", None)
            row.setdefault(f"delta_{place}", -row["value_base"] if row["value_base"] else None)
    deltas = [f"delta_{place}" for place in places]
    return sorted(rows.values(), key=lambda row: -max(abs(row[delta] or 0.0) for delta in deltas))[:_MOST_OPERATIONS]


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
        "valueFormatter": {
            "function": f"params.data ? params.data.{field}_text || '–' : ''"
        },  # rows come later than their place
    }
