"""SQL `/sql?q=select ...`: any question over the views, answered in a process of its own; as a grid, a chart or a file."""

from __future__ import annotations

import json
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from plotly.graph_objects import Figure

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.addresses import result_address
from crossprof.dashboard.figures.query import KINDS, chart, left_out
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.sandbox.pool import Rows, Sandbox, SandboxError
from crossprof.dashboard.sandbox.service import reach, sandbox_over
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.sql import results
from crossprof.dashboard.sql.examples import EXAMPLES
from crossprof.errors import CrossprofError

__all__ = ["PAGE"]

logger = logging.getLogger(__name__)

_COLUMNS = """
    select view_name, v.comment as view_comment, column_name, data_type, c.comment
    from duckdb_views() as v join duckdb_columns() as c
        on c.database_oid = v.database_oid and c.schema_oid = v.schema_oid and c.table_name = v.view_name
    where not v.internal and v.schema_name = 'main' and v.database_name = current_database() and not starts_with(view_name, '_')
    order by view_name, column_index
"""
_KEPT = 4
_CHART = ("kind", "x", "y", "colour")


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: views on the left, the editor, the answer under it. A query in the address is run."""
    note = reach().note
    asked = query.get("q", "").strip()
    views = _views(snapshot)
    return [
        html.Div([html.H1("SQL"), html.Span(note, className="dimmed")], className="title-row"),
        dcc.Store(id="sql-asked", data={"sql": asked, "key": secrets.token_hex(8)} if asked else None),
        dcc.Store(id="sql-chart", data={name: query.get(name) for name in _CHART}),
        html.Div([_schema(views), html.Div([_editor(asked), _answer()], className="column")], className="sql"),
    ]


def _views(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """Each view: its comment and its columns, each name, type, comment."""
    views: dict[str, dict[str, Any]] = {}
    for view, meaning, *column in frame(snapshot.store(), _COLUMNS).iter_rows():
        views.setdefault(view, {"comment": meaning or "", "columns": []})["columns"].append([part or "" for part in column])
    return views


def _schema(views: Mapping[str, Mapping[str, Any]]) -> html.Section:
    """The list of views; assets/sql.js fills in the columns of one that is opened."""
    field = dcc.Input(id="sql-find", type="search", placeholder="Find a view or column", className="filter")
    entries = [
        html.Details([html.Summary(name, title=held["comment"]), html.Div(className="sql-columns")], **{"data-view": name})
        for name, held in views.items()
    ]
    listed = html.Details([html.Summary("Views"), html.Div(entries, className="sql-views")], open=True, className="sql-tree")
    label = html.Label("Find a view or column", htmlFor="sql-find", className="hidden-label")
    return html.Section([label, field, listed], id="sql-schema", className="card", **{"data-schema": json.dumps(views)})


def _editor(asked: str) -> html.Section:
    label = html.Label("Query", htmlFor="sql-text", className="hidden-label")
    text = dcc.Textarea(id="sql-text", value=asked, spellCheck="false", className="sql-text")
    bar = [
        _button("Run", "sql-run", id="sql-run", class_name="button primary"),
        _button("Stop", "sql-stop", id="sql-stop", hidden=True),
        html.Span([html.Kbd("Ctrl"), " ", html.Kbd("Enter")], className="sql-hint"),
        _choice("sql-examples", "Examples", EXAMPLES),
        _choice("sql-history", "History", {}),
        html.Div(className="spacer"),
        html.Span(id="sql-state", className="dimmed", role="status"),
        _button("Copy link", "sql-link"),
    ]
    return html.Section([html.Div([label, text], id="sql-editor"), html.Div(bar, className="sql-bar")], className="card")


def _button(title: str, act: str, *, class_name: str = "button", **more: Any) -> html.Button:
    return html.Button(title, type="button", className=class_name, **{"data-act": act}, **more)


def _choice(name: str, title: str, queries: Mapping[str, str]) -> html.Select:
    """A field that puts the query that one chooses into the editor; assets/sql.js does it."""
    options = [html.Option(title, value=""), *(html.Option(one, value=sql) for one, sql in queries.items())]
    return html.Select(options, id=name, className="filter sql-choice", **components.labelled(title))


def _answer() -> html.Div:
    hint = html.P("Run a query to see its rows. Each runs in a process of its own, which can't write or reach the network.")
    return html.Div(cards.notice("Answer", "", hint), id="sql-answer", className="sql-answer")


def _answered(found: Rows, sql: str, held: Mapping[str, str | None]) -> list[html.Section]:
    files = [
        html.A(
            form.upper() if form == "csv" else form.title(),
            href=result_address(sql, form),
            download="",
            className="button sql-file",
        )
        for form in ("csv", "parquet", "arrow")
    ]
    line = html.Div(
        [html.H2("Answer"), html.Span(results.summary(found), className="dimmed"), html.Div(className="spacer"), *files],
        className="sql-bar",
    )
    shown = [html.Section([line, results.grid(found)], className="card")]
    return shown + ([_chart_card(found, held)] if _numeric(found) and found.rows else [])


def _numeric(found: Rows) -> list[str]:
    return [column.name for column in found.columns if column.is_number]


def _chart_card(found: Rows, held: Mapping[str, str | None]) -> html.Section:
    names = list(dict.fromkeys(column.name for column in found.columns))
    texts = [column.name for column in found.columns if not column.is_number]
    x = _known(held.get("x"), names) or (texts or names)[0]
    y = _known(held.get("y"), names) or next((name for name in _numeric(found) if name != x), x)
    kind = held.get("kind") if held.get("kind") in KINDS else "none"
    pickers = [
        dmc.SegmentedControl(
            id="sql-kind", value=kind, data=["none", *KINDS], size="xs", **components.labelled("Kind of chart")
        ),
        _picker("x", names, x),
        _picker("y", names, y),
        _picker("colour", names, _known(held.get("colour"), names)),
    ]
    figure = html.Div(id="sql-figure", role="group", **components.labelled("Chart of the answer"))
    return html.Section([html.Div([html.H2("Chart"), *pickers], className="sql-bar"), figure], className="card")


def _known(name: str | None, names: list[str]) -> str | None:
    return name if name in names else None


def _picker(name: str, names: list[str], value: str | None) -> dmc.Select:
    extra = {"value": value} if value else {}
    return dmc.Select(
        id=f"sql-{name}", data=names, size="xs", placeholder=name, clearable=name == "colour", searchable=True,
        className="sql-picker", leftSection=name if name != "colour" else None, **extra, **components.labelled(name),
    )  # fmt: skip


class _Answers:
    """What was last answered, so that another chart of it asks nothing. Lost with the catalog that it is of."""

    def __init__(self, snapshot: Snapshot, sandbox: Sandbox) -> None:
        self._snapshot, self._sandbox = snapshot, sandbox
        self._held: OrderedDict[tuple[str, str], Rows] = OrderedDict()
        self._lock = Lock()

    def ask(self, sql: str, key: str = "") -> Rows:
        """The rows, asked anew, under a key that the sandbox can stop them by."""
        found = self._sandbox.rows(sql, key=key)
        with self._lock:
            self._held[self._snapshot.version, sql] = found
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return found

    def held(self, sql: str) -> Rows:
        """The rows as last answered; asked anew where they are not kept."""
        with self._lock:
            found = self._held.get((self._snapshot.version, sql))
        return found or self.ask(sql)


def connect(app: Dash, snapshot: Snapshot) -> None:
    """Answer queries, draw charts, give files away."""
    sandbox = sandbox_over(snapshot)
    answers = _Answers(snapshot, sandbox)

    def answer(asked: dict[str, str] | None, held: dict[str, str | None]) -> Any:
        try:
            if not asked:
                sandbox.warm()  # while the query is being typed
                return no_update
            return _answered(answers.ask(asked["sql"], asked.get("key", "")), asked["sql"], held or {})
        except SandboxError as error:
            return html.Section([html.H2("Answer"), *results.failure(error)], className="card")
        except CrossprofError as error:
            return cards.notice("Answer", "", cards.failed(str(error)))
        except Exception as error:
            logger.exception("A query could not be asked.")
            return cards.notice("Answer", "", cards.failed(f"{type(error).__name__}: {error}"))

    def draw(kind: str, x: str, y: str, colour: str | None, scheme: str | None, asked: dict[str, str]) -> Any:
        if kind not in KINDS:
            return None
        return _chart(lambda: answers.held(asked["sql"]), kind, (x, y, colour), scheme)

    def stop(_clicks: int | None, asked: Mapping[str, str] | None) -> None:
        sandbox.stop((asked or {}).get("key", ""))

    running = [
        (Output("sql-run", "disabled"), True, False),
        (Output("sql-stop", "hidden"), False, True),
        (Output("sql-state", "children"), "Running …", ""),
    ]
    app.callback(Output("sql-answer", "children"), Input("sql-asked", "data"), State("sql-chart", "data"), running=running)(
        answer
    )
    app.callback(Input("sql-stop", "n_clicks"), State("sql-asked", "data"), prevent_initial_call=True)(stop)
    pickers = [Input(f"sql-{name}", "value") for name in _CHART]
    app.callback(Output("sql-figure", "children"), *pickers, Input("look", "data"), State("sql-asked", "data"))(draw)
    app.clientside_callback(ClientsideFunction("crossprof", "keepChart"), Output("sql-chart", "data"), *pickers)
    app.clientside_callback(
        ClientsideFunction("crossprof", "mountEditor"), Output("sql-editor", "role"), Input("sql-text", "id")
    )
    results.connect_downloads(app.server, sandbox)


def _chart(rows: Callable[[], Rows], kind: str, names: tuple[str, str, str | None], scheme: str | None) -> Any:
    """A figure of the answer, and what of it is left out; or why there is none."""
    notes: list[Any] = []

    def draw() -> Figure:
        found = rows()
        x, y, colour = (_cells(found, name) for name in names)
        if x is None or y is None:
            raise cards.Absent("no column is chosen for x or y.")
        if note := left_out(kind, x):
            notes.append(html.P(note, className="subtitle"))
        return chart(kind, x, y[:2], colour[:2] if colour else None, theme.theme(scheme))

    drawn = cards.drawn(draw, page="sql", name="figure")
    return [*notes, *(drawn if isinstance(drawn, list) else [drawn])]


def _cells(found: Rows, name: str | None) -> tuple[str, list[str | None], bool] | None:
    """A column of the answer: its name, its cells, whether they are numbers. Raises Absent where there is none of that name."""
    if not name:
        return None
    place = next((at for at, column in enumerate(found.columns) if column.name == name), None)
    if place is None:
        raise cards.Absent(f"the answer has no column {name}.")
    return name, [row[place] for row in found.rows], found.columns[place].is_number


PAGE = Page("/sql", "SQL", layout, connect, key="s", shows_runs=False)
