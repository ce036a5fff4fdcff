"""The page: its controls, the grid over all kernels or operators, and the place for what is known of the chosen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.addresses import flame_address, page_address
from crossprof.dashboard.grids import COLUMN, GRID_OPTIONS, number_column, titled
from crossprof.dashboard.operations.rows import categories, extent, known, select
from crossprof.dashboard.operations.subject import MOST_RUNS, Scope, Subject
from crossprof.dashboard.quantity import Scale
from crossprof.dashboard.selection import chosen, picker, unfilled
from crossprof.dashboard.snapshot import Snapshot
from crossprof.store import Store

__all__ = ["layout"]

_BLOCK = 100
_ROW_PIXELS = 30
_HEADER_PIXELS = 44
_GROUP_PIXELS = 44
_MOST_ROWS = 14
_NAME: dict[str, Any] = {
    "field": "name",
    "headerName": "Name",
    "minWidth": 190,
    "flex": 1,
    "cellRenderer": "LongName",
    "cellClass": "mono",
}


def layout(snapshot: Snapshot, query: Mapping[str, str], subject: Subject) -> Any:
    """The page of a subject for the runs, level, measure, filters, order and choice that an address names."""
    store = snapshot.store()
    runs = chosen(store, query, most=MOST_RUNS)
    if not runs:
        return unfilled(subject.title)
    scope = _scope(store, subject, runs, query)
    held = categories(store, scope)
    title = [html.H1(subject.title), html.Div(className="spacer"), picker(store, runs, most=MOST_RUNS)]
    if not held:
        return [html.Div(title, className="title-row"), _lacking(subject, runs)]
    return [
        html.Div(title, className="title-row"),
        *_controls(scope, held, query),
        *([_flames(theme.lanes(runs, None))] if subject.key == "operators" else []),
        _card(store, scope, theme.lanes(runs, None), query),
        html.Div(html.Div(className="skeleton") if query.get("sel") else None, id=f"{subject.key}-detail", className="detail"),
        dcc.Store(id=f"{subject.key}-chosen", data=query.get("sel")),
    ]


def _flames(lanes: Sequence[theme.Lane]) -> html.Div:
    """Operators by how they nest, as a flame graph of each run."""
    links = [
        html.A(
            "Flame graph" if len(lanes) == 1 else f"Flame graph of {lane.label}",
            href=flame_address(lane.run_id, lane.label),
            target="_blank",
            rel="noopener",
        )
        for lane in lanes
    ]
    return html.Div(links, className="legend")


def _scope(store: Store, subject: Subject, runs: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> Scope:
    """What the address names, as far as there is such a thing; else the first level, and the first measure of all the runs."""
    run_ids = tuple(str(run["run_id"]) for run in runs)
    level = query["level"] if query.get("level") in subject.levels else next(iter(subject.levels))
    measure = query.get("by", "")
    if measure not in subject.measures:
        measure = (known(store, subject, run_ids, level) or subject.measures)[0]
    return Scope(subject, run_ids, level, measure)


def _lacking(subject: Subject, runs: Sequence[Mapping[str, Any]]) -> html.Section:
    """Why there is nothing to list, and where to look or what to record."""
    run_ids = [str(run["run_id"]) for run in runs]
    other = ("/operators", "Operators") if subject.key == "kernels" else ("/kernels", "Kernels")
    look = html.P(["See the page ", dcc.Link(other[1], href=page_address(other[0], run_ids)), " for the same runs."])
    record = html.P(
        [components.command("@crossprof.profile"), " over a training function records both, where there is a device."]
    )
    return cards.notice(subject.title, "", cards.absent(subject.lack), look, record)


def _controls(scope: Scope, held: Sequence[str], query: Mapping[str, str]) -> list[html.Div]:
    subject = scope.subject
    text = dcc.Input(
        id=f"{subject.key}-filter",
        value=query.get("q", ""),
        placeholder="Filter by words of the name",
        className="filter",
        type="text",
        debounce=0.25,
    )
    asked = [name for name in query.get("categories", "").split(",") if name in held]
    chips = [
        dmc.Chip([html.I(className="swatch", style={"--chip": theme.category_color(name)}), name], value=name, size="xs")
        for name in theme.category_order(held)
    ]
    label = html.Label(f"Filter {subject.key}", htmlFor=f"{subject.key}-filter", className="hidden-label")
    group = html.Div(
        dmc.ChipGroup(chips, id=f"{subject.key}-categories", multiple=True, value=asked),
        className="chips",
        role="group",
        **components.labelled("Categories"),
    )
    levels = _switch(f"{subject.key}-level", "Level", subject.levels, scope.level)
    measures = {field: subject.column(field).title for field in subject.measures}
    measure = _switch(f"{subject.key}-measure", "Compared in", measures, scope.measure)
    if len(scope.run_ids) == 1:
        measure.style = {"display": "none"}
    return [html.Div([label, text, levels, measure], className="controls"), group]


def _switch(id: str, title: str, options: Mapping[str, str], value: str) -> html.Div:
    """A choice that opens the page anew; assets/operations.js does it."""
    data = [{"value": name, "label": label} for name, label in options.items()]
    field = dmc.Select(id=id, data=data, value=value, size="xs", allowDeselect=False, w=170, **components.labelled(title))
    return html.Div([html.Span(title, className="dimmed"), field], className="switch")


def _card(store: Store, scope: Scope, lanes: Sequence[theme.Lane], query: Mapping[str, str]) -> html.Section:
    count, units = extent(store, scope)
    sql, params = select(scope)
    return cards.card(
        scope.subject.title,
        scope.subject.reading + " Select a row for more.",
        _grid(scope, _columns(scope, lanes, units), query, count),
        dcc.Store(
            id=f"{scope.subject.key}-shown",
            data={
                "runs": list(scope.run_ids),
                "level": scope.level,
                "measure": scope.measure,
                "sort": _first(scope),
                "scales": {field: [scale.unit, scale.divisor] for field, scale in units.items()},
            },
        ),
        html.P(id=f"{scope.subject.key}-count", className="dimmed count", role="status"),
        query=cards.spelled(f"{sql} order by {_first(scope)[1:]} desc nulls last", *params),
    )


def _first(scope: Scope) -> str:
    """The order at first, as an address writes it: a minus for the largest first."""
    return f"-{scope.subject.sort}" if len(scope.run_ids) == 1 else "-value_0"


def _columns(scope: Scope, lanes: Sequence[theme.Lane], units: Mapping[str, Scale]) -> list[dict[str, Any]]:
    """Name, shapes, category and figures; of several runs a pair of columns for each but the baseline."""
    named = [_NAME, *([_shapes()] if scope.level == "operator and shape" else []), _category()]
    if len(scope.run_ids) == 1:  # a column that no row fills is left out
        figures = [
            {**number_column(one.field, titled(one.title, units[one.field].unit), one.width), "headerTooltip": one.meaning}
            for one in scope.subject.columns
            if one.field in units
        ]
        return named + figures
    measure = scope.subject.column(scope.measure)
    groups: list[dict[str, Any]] = []
    for place, lane in enumerate(lanes):
        unit = units[f"value_{place}"]
        column = number_column(f"value_{place}", titled(measure.title, unit.unit), 176 if place == 0 else 116)
        held = [{**column, "headerTooltip": measure.meaning}]
        if place:
            held.append(number_column(f"change_{place}", titled("Change", unit.unit), 116))
        title = theme.shortened(lane.label, most=24) + ("" if place else " (baseline)")
        groups.append({"headerName": title, "headerTooltip": lane.label, "children": held, "headerClass": "wraps"})
    return named + groups


def _category() -> dict[str, Any]:
    return {"field": "category", "headerName": "Category", "minWidth": 146, "width": 146, "cellRenderer": "CategoryChip"}


def _shapes() -> dict[str, Any]:
    return {
        "field": "shapes",
        "headerName": "Shapes",
        "minWidth": 180,
        "flex": 1,
        "sortable": False,
        "tooltipField": "shapes",
        "cellClass": "mono",
    }


def _grid(scope: Scope, columns: list[dict[str, Any]], query: Mapping[str, str], count: int) -> dag.AgGrid:
    asked = query.get("sort") or _first(scope)
    for column in (part for group in columns for part in group.get("children", [group])):
        if column["field"] == asked.lstrip("-"):
            column["sort"] = "desc" if asked.startswith("-") else "asc"
    heads = _HEADER_PIXELS + (_GROUP_PIXELS if len(scope.run_ids) > 1 else 0)
    return dag.AgGrid(
        id=f"{scope.subject.key}-grid",
        rowModelType="infinite",
        columnDefs=columns,
        getRowId="params.data.key",
        defaultColDef={**COLUMN, "wrapHeaderText": True, "autoHeaderHeight": True, "sortingOrder": ["desc", "asc"]},
        dashGridOptions={
            **GRID_OPTIONS,
            "rowHeight": _ROW_PIXELS,
            "groupHeaderHeight": _GROUP_PIXELS,
            "cacheBlockSize": _BLOCK,
            "maxBlocksInCache": 20,
            "maxConcurrentDatasourceRequests": 1,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "tooltipShowDelay": 300,
        },
        className="grid",
        style={"height": heads + _ROW_PIXELS * min(max(count, 2), _MOST_ROWS)},
    )
