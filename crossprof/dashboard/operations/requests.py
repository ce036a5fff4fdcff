"""What the page asks for as it is used: a block of rows, the cards of the chosen operation, their figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, theme
from crossprof.dashboard.figures import durations, step_trend
from crossprof.dashboard.operations import detail
from crossprof.dashboard.operations.rows import Wanted, block
from crossprof.dashboard.operations.subject import Scope, Subject
from crossprof.dashboard.quantity import Scale
from crossprof.dashboard.snapshot import Snapshot, frame

__all__ = ["connect", "texts"]

_FIGURES: Mapping[str, Callable[..., Figure]] = {"durations": durations.spread, "steps": step_trend.course}


def connect(app: Dash, snapshot: Snapshot, subject: Subject) -> None:
    """Rows by blocks; the chosen row's cards and figures; all state in the address."""
    key = subject.key
    _connect_rows(app, snapshot, subject)
    _connect_detail(app, snapshot, subject)
    for name in _FIGURES:
        _connect_figure(app, snapshot, subject, name)
    browser = "crossprof"
    held = [f"{key}-filter", f"{key}-categories"]
    app.clientside_callback(
        ClientsideFunction(browser, "refilterOperations"),
        *(Input(id, "value") for id in held),
        State(f"{key}-grid", "id"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(browser, "chooseOperation"),
        Output(f"{key}-chosen", "data"),
        Input(f"{key}-grid", "selectedRows"),
        State(f"{key}-chosen", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(browser, "markOperation"),
        Input(f"{key}-count", "children"),
        State(f"{key}-grid", "id"),
        State(f"{key}-chosen", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(browser, "keepOperations"),
        *(Input(id, "value") for id in held),
        Input(f"{key}-grid", "getRowsRequest"),
        Input(f"{key}-chosen", "data"),
        State(f"{key}-shown", "data"),
        prevent_initial_call=True,
    )
    for name in ("level", "measure"):
        app.clientside_callback(
            ClientsideFunction(browser, f"reopen{name.title()}"),
            Input(f"{key}-{name}", "value"),
            State(f"{key}-shown", "data"),
            prevent_initial_call=True,
        )


def _connect_rows(app: Dash, snapshot: Snapshot, subject: Subject) -> None:
    def answer(request: Any, shown: Mapping[str, Any], text: str | None, categories: Sequence[str] | None) -> Any:
        if not request:
            return no_update, no_update
        order = (request.get("sortModel") or [{}])[0]
        wanted = Wanted(text or "", categories or (), order.get("colId", ""), order.get("sort") != "asc")
        rows, count = block(snapshot.store(), _scope(subject, shown), wanted, request["startRow"], request["endRow"])
        return {"rowData": texts(rows, shown["scales"]), "rowCount": count}, _counted(subject, count)

    app.callback(
        Output(f"{subject.key}-grid", "getRowsResponse"),
        Output(f"{subject.key}-count", "children"),
        Input(f"{subject.key}-grid", "getRowsRequest"),
        State(f"{subject.key}-shown", "data"),
        State(f"{subject.key}-filter", "value"),
        State(f"{subject.key}-categories", "value"),
    )(answer)


def _counted(subject: Subject, count: int) -> str:
    return (
        f"{count:,} {subject.one}{'' if count == 1 else 's'}" if count else f"No {subject.one} has these words and categories."
    )


def texts(rows: Sequence[Mapping[str, Any]], scales: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows with the text of each figure beside it, in the unit of its column."""
    units = {field: Scale(*held) for field, held in scales.items()}
    told = []
    for row in rows:
        shown = {
            f"{field}_text": scale.signed(row[field]) if field.startswith("change_") else _text(scale, row[field])
            for field, scale in units.items()
        }
        told.append({**row, **shown, "color": theme.category_color(row["category"])})
    return told


def _text(scale: Scale, value: Any) -> str:
    """Counts in full, where there is no unit to shorten them."""
    return f"{value:,}" if isinstance(value, int) and not scale.unit else scale.text(value)


def _scope(subject: Subject, shown: Mapping[str, Any]) -> Scope:
    return Scope(subject, tuple(shown["runs"]), shown["level"], shown["measure"])


def _connect_detail(app: Dash, snapshot: Snapshot, subject: Subject) -> None:
    def show(chosen: str | None, shown: Mapping[str, Any]) -> Any:
        return detail.of(snapshot.store(), _scope(subject, shown), chosen) if chosen else None

    app.callback(
        Output(f"{subject.key}-detail", "children"),
        Input(f"{subject.key}-chosen", "data"),
        State(f"{subject.key}-shown", "data"),
    )(show)


def _connect_figure(app: Dash, snapshot: Snapshot, subject: Subject, name: str) -> None:
    def draw(scheme: str | None, held: Mapping[str, Any], _again: int | None = None) -> Any:
        def figure() -> Any:
            store, look = snapshot.store(), theme.theme(scheme)
            scope, lanes = _scope(subject, held["shown"]), theme.lanes(held["runs"], scheme)
            found = [frame(store, *detail.query(scope, view, held["key"])) for view in detail.VIEWS[name]]
            return _FIGURES[name](*found, lanes, look)

        return cards.drawn(figure, page=subject.key, name=name)

    app.callback(
        Output({"page": subject.key, "figure": name}, "children"),
        Input("look", "data"),
        Input(f"{subject.key}-drawn", "data"),
        Input({"page": subject.key, "retry": name}, "data"),
    )(draw)
