"""The kernels or operators of a comparison side by side: a grid, what its rows are matched by, and which of them it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
from dash import Dash, Input, Output, State, html

from crossprof.dashboard import cards, theme, wording
from crossprof.dashboard.addresses import page_address
from crossprof.dashboard.compare.compared import compared
from crossprof.dashboard.grids import COLUMN, GRID_OPTIONS, number_column
from crossprof.dashboard.quantity import percent, scale_for, significant
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.toggles import Toggle
from crossprof.store.alignment import Level, OperationDifference
from crossprof.store.compare import Comparison

__all__ = ["connect_operations", "matched_by", "operations_card", "rows_and_columns"]

_MOST = 300
_HEIGHT = 520
_AUTOMATIC = "best"
_WORDS = {"name": "Name", "operator and shape": "Operator and shape", "operator": "Operator", "family": "Family"}
_ONLY = Toggle("only", "Which rows are shown", {"all": "All", "common": "In all runs", "lone": "Not in all"})
_QUERIES = {
    "device": "select run, rank, name, family, category, measured_calls, measured_ns from kernel_summary "
    "where list_contains(?, run_id) and measured_calls > 0 order by measured_ns desc",
    "host": "select run, rank, name, category, calls, self_ns from op_summary "
    "where list_contains(?, run_id) order by self_ns desc",
}

Rows = list[dict[str, Any]]


def operations_card(found: Comparison, address: Mapping[str, str]) -> html.Section:
    """The card: how names are matched, which rows are shown, and the grid; or why nothing can be set side by side."""
    title = "Kernels or operators"
    levels = [level.name for level in _levels(found, "")]
    if not levels:
        reasons = [html.P(["None, because ", other.apart], className="absent") for other in found.others if other.apart]
        return cards.card(title, "", *(reasons or [cards.absent("the runs hold no work of a measured step.")]))
    by = _by(found)
    chosen = by.chosen(address)
    rows, columns = rows_and_columns(found, chosen, _ONLY.chosen(address))
    place = next(one.place for level in _levels(found, chosen) for one in level.operations)
    return cards.card(
        f"{'Kernels' if place == 'device' else 'Operators'} side by side",
        "",
        html.P(_reading(found, chosen), id="operations-reading", className="subtitle"),
        html.Div([by.control("compare", address), _ONLY.control("compare", address)], className="toolbar"),
        _grid(rows, columns),
        query=cards.spelled(_QUERIES[place], _ids(found)),
    )


def matched_by(found: Comparison, address: Mapping[str, str]) -> str:
    """The level that an address asks for, as the command line names it; empty where it asks for none."""
    asked = _by(found).chosen(address)
    return "" if asked == _AUTOMATIC else asked


def _by(found: Comparison) -> Toggle:
    """The switch between the levels that these runs have."""
    known = dict.fromkeys(level.name for other in found.others for level in other.levels)
    return Toggle("by", "What rows are matched by", {_AUTOMATIC: "Best"} | {_slug(name): _WORDS[name] for name in known})


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _levels(found: Comparison, by: str) -> list[Level]:
    """The chosen level of each of the other runs that has it."""
    return [level for place in range(len(found.others)) if (level := _level(found, place, by)) is not None]


def _level(found: Comparison, place: int, by: str) -> Level | None:
    other = found.others[place]
    return next((level for level in other.levels if _slug(level.name) == by), other.level if by in ("", _AUTOMATIC) else None)


def _ids(found: Comparison) -> list[str]:
    return [*found.base_ids, *(run_id for other in found.others for run_id in other.run_ids)]


def _reading(found: Comparison, by: str) -> str:
    """How to read the grid: by what its rows are matched, and how much of the time has a counterpart."""
    parts = [f"Time per {found.per} of measured steps, the largest difference first; a name leads to its page."]
    levels = _levels(found, by)
    if len(found.others) == 1:
        shares = ", ".join(f"{one.name} {percent(one.matched_ratio)}" for one in found.others[0].levels)
        parts.append(f"Matched by {levels[0].name}; time with a counterpart: {shares}.")
    else:
        held = [(other.run, _level(found, place, by)) for place, other in enumerate(found.others)]
        shares = ", ".join(f"{run} {percent(level.matched_ratio)}" for run, level in held if level)
        parts.append(f"Matched by {levels[0].name}; time with a counterpart: {shares}.")
        if lacking := [run for run, level in held if level is None]:
            parts.append(f"None of {', '.join(lacking)}: see above.")
    return " ".join(parts)


def rows_and_columns(found: Comparison, by: str, only: str) -> tuple[Rows, list[dict[str, Any]]]:
    """The rows of the grid, the largest difference first, and its columns."""
    rows = _rows(found, by)
    values = ["value_base", *(f"value_{place}" for place in range(len(found.others)) if _level(found, place, by))]
    if only != "all":
        rows = [row for row in rows if all(row[value] is not None for value in values) == (only == "common")]
    rows = rows[:_MOST]
    scale = scale_for("ns", [value for row in rows for key, value in row.items() if key.startswith("value") and value])
    for row in rows:
        for key in [key for key in row if key.startswith(("value", "delta"))]:
            row[f"{key}_text"] = scale.signed(row[key]) if key.startswith("delta") else scale.text(row[key])
    return rows, _columns(found, scale.unit)


def _rows(found: Comparison, by: str) -> Rows:
    ids = [found.base_ids[0], *(other.run_ids[0] for other in found.others)]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    places = [place for place in range(len(found.others)) if _level(found, place, by)]
    for place in places:
        level = _level(found, place, by)
        for one in level.operations if level else ():
            row = rows.setdefault((one.name, one.category), _empty(one, ids, by=level.name if level else ""))
            row |= {"value_base": one.base_ns, f"value_{place}": one.other_ns, f"delta_{place}": one.delta_ns}
            row |= {"calls_base": one.base_calls, f"calls_{place}": one.other_calls}
    for row in rows.values():
        for place in places:  # in another run, but neither in the baseline nor in this one
            row.setdefault(f"value_{place}", None)
            row.setdefault(f"delta_{place}", None)
        held = (row["calls_base"], *(row.get(f"calls_{place}") for place in places))
        row["calls"] = " / ".join("–" if calls is None else significant(calls) for calls in held)
    deltas = [f"delta_{place}" for place in places]
    return sorted(rows.values(), key=lambda row: -max(abs(row[delta] or 0.0) for delta in deltas))


def _empty(one: OperationDifference, ids: Sequence[str], *, by: str) -> dict[str, Any]:
    is_kernel = one.place == "device" and by in ("name", "family")
    sought = one.name.partition(" [")[0] if by == "operator and shape" else one.name
    return {
        "key": f"{one.category}|{one.name}",
        "name": one.name,
        "category": wording.part(one.category),
        "href": page_address("/kernels" if is_kernel else "/operators", ids, find=sought),
    }


def _columns(found: Comparison, unit: str) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = [
        {
            "field": "name",
            "headerName": "Name",
            "minWidth": 240,
            "flex": 1,
            "cellRenderer": "OperationLink",
            "cellClass": "mono",
        },
        {"field": "category", "headerName": "Category", "minWidth": 120, "width": 120},
        _times(found.base, "value_base", unit),
    ]
    for place, other in enumerate(found.others):
        columns.append(_times(other.run, f"value_{place}", unit))
        change = number_column(f"delta_{place}", f"Change, {unit}", 110)
        columns.append(change | {"comparator": {"function": "byMagnitude"}})
    calls = {"field": "calls", "headerName": f"Calls per {found.per}", "minWidth": 130, "width": 130, "sortable": False}
    return [*columns, calls | {"type": "rightAligned"}]


def _times(run: str, field: str, unit: str) -> dict[str, Any]:
    """The times of a run, under its name: two lines of a long one, whose second is the id where there is one."""
    title = theme.shortened(run, most=32)
    column = number_column(field, f"{title},\u00a0{unit}", 136 if len(title) <= 24 else 176)
    return {**column, "headerTooltip": run}


def _grid(rows: Rows, columns: list[dict[str, Any]]) -> dag.AgGrid:
    return dag.AgGrid(
        id="operations",
        rowData=rows,
        columnDefs=columns,
        getRowId="params.data.key",
        defaultColDef={**COLUMN, "wrapHeaderText": True, "autoHeaderHeight": True},
        dashGridOptions={**GRID_OPTIONS, "rowHeight": 30},
        className="grid",
        style={"height": min(110 + 30 * max(len(rows), 1), _HEIGHT)},
    )


def connect_operations(app: Dash, snapshot: Snapshot) -> None:
    """Another level or choice of rows changes the grid in place."""

    def fill(by: str, only: str, held: Mapping[str, Any]) -> tuple[Rows, list[dict[str, Any]], str]:
        found = compared(snapshot, tuple(held["names"]), held["per"])
        return *rows_and_columns(found, by, only), _reading(found, by)

    app.callback(
        Output("operations", "rowData"),
        Output("operations", "columnDefs"),
        Output("operations-reading", "children"),
        Input({"page": "compare", "toggle": "by"}, "value"),
        _ONLY.input("compare"),
        State("runs-shown", "data"),
        prevent_initial_call=True,
    )(fill)
