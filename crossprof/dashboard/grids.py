"""Tables of many rows: what all grids share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["COLUMN", "GRID_OPTIONS", "number_column", "titled"]

GRID_OPTIONS: Mapping[str, Any] = {
    "theme": {"function": "gridTheme(themeQuartz)"},
    "animateRows": False,
    "ensureDomOrder": True,  # for screen readers
}
COLUMN: Mapping[str, Any] = {"resizable": True, "sortable": True, "suppressHeaderMenuButton": True}


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


def titled(title: str, unit: str) -> str:
    """The head of a column with its unit, which stays beside the last word where there are several to break between."""
    space = "\u00a0" if " " in title else " "
    return f"{title},{space}{unit}" if unit else title
