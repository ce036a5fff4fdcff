"""The answer to a query as the page shows it: a grid of its rows, a plan, or what went wrong and where; and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_ag_grid as dag
from dash import html
from flask import Flask, Response, request

from crossprof.dashboard import cards
from crossprof.dashboard.grids import COLUMN, GRID_OPTIONS
from crossprof.dashboard.sandbox.answer import PAGE_BYTES
from crossprof.dashboard.sandbox.pool import Column, Rows, Sandbox, SandboxError

__all__ = ["connect_downloads", "failure", "grid", "place", "summary"]

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
_WIDEST = 420
_OPTIONS: Mapping[str, Any] = {
    **GRID_OPTIONS,
    "rowHeight": 28,
    "enableCellTextSelection": True,
    "tooltipShowDelay": 600,
    "autoSizeStrategy": {"type": "fitCellContents", "defaultMaxWidth": _WIDEST, "defaultMinWidth": 90},
}


def grid(found: Rows) -> Any:
    """The rows under the names that the query gave them; the plan as text where the query asked for one."""
    if [column.name for column in found.columns] == ["explain_key", "explain_value"]:
        return html.Pre("\n".join(str(row[1]) for row in found.rows), className="plan", tabIndex=0)
    if not found.rows:
        return cards.absent("the query matches no row.")
    return dag.AgGrid(
        id="sql-grid",
        rowData=[{str(place): cell for place, cell in enumerate(row)} for row in found.rows],
        columnDefs=[_column(place, column) for place, column in enumerate(found.columns)],
        defaultColDef=dict(COLUMN),
        dashGridOptions=dict(_OPTIONS),
        className="grid",
        style={"height": min(38 + 28 * len(found.rows) + 18, 480)},
    )


def _column(place: int, column: Column) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "field": str(place),
        "headerName": column.name,
        "headerTooltip": f"{column.name} {column.type}",
        "tooltipField": str(place),
        "valueFormatter": {"function": "sqlText(params.value, '" + ("number" if column.is_number else "text") + "')"},
        "cellClassRules": {"sql-null": "params.value == null"},
    }
    if column.is_number:
        return shared | {
            "type": "rightAligned",
            "cellClass": ["ag-right-aligned-cell", "number"],
            "comparator": {"function": "compareNumbers"},
        }
    return shared


def summary(found: Rows) -> str:
    """How many rows in how much time, and whether there are more."""
    count = len(found.rows)
    text = f"{count:,} row{'' if count == 1 else 's'}"
    if found.limit == "rows":
        text = f"the first {text}; there are more, which a file holds"
    elif found.limit == "bytes":
        text = f"the first {text}, {PAGE_BYTES >> 20} MiB of text; there are more, which a file holds"
    return f"{text} · {found.seconds:.2f} s"


def failure(error: SandboxError) -> list[Any]:
    """What went wrong, in one line, and the line of the query that it is about."""
    if error.position is None:
        return [cards.failed(str(error))]
    line, column = place(error.sql, error.position)
    text = error.sql.splitlines()[line - 1] if error.sql.splitlines() else ""
    excerpt = f"{text}\n{' ' * (column - 1)}^"
    return [cards.failed(f"{error} (line {line}, column {column})"), html.Pre(excerpt, className="plan", tabIndex=0)]


def place(sql: str, position: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character of a query."""
    before = sql[:position]
    line = before.count("\n") + 1
    lines = len(sql.splitlines()) or 1
    return min(line, lines), position - (before.rfind("\n") + 1) + 1


def connect_downloads(server: Flask, sandbox: Sandbox) -> None:
    """Answer /sql/result.csv, .parquet and .arrow?q=QUERY with a file."""

    def download(form: str) -> Response:
        if form not in _TYPES:
            return Response(f"A result is no {form}: csv, parquet or arrow.\n", 404, mimetype="text/plain")
        try:
            content = sandbox.file(request.args.get("q", ""), form)
        except SandboxError as error:
            return Response(f"{error}\n", 400, mimetype="text/plain")
        headers = {"Content-Disposition": f'attachment; filename="result.{form}"', "Cache-Control": "no-store"}
        return Response(content, content_type=_TYPES[form], headers=headers)

    server.add_url_rule("/sql/result.<form>", "sql_result", download)
