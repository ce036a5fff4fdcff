"""Survey `/survey?rows=measured&open=a,b#a`: the survey's tables, its figure beside the one that was measured here."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dash import MATCH, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from crossprof.dashboard import cards, components
from crossprof.dashboard.addresses import compare_address, result_address, sql_address, survey_address
from crossprof.dashboard.choices import choice
from crossprof.dashboard.compare.waterfall import parts_table
from crossprof.dashboard.pages.page import Page
from crossprof.dashboard.quantity import instant
from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.survey.choosing import decisions, hardware, software, words
from crossprof.dashboard.survey.claims import claims_table
from crossprof.dashboard.survey.component import component
from crossprof.dashboard.survey.detail import facts, has_detail, parts_of, summary
from crossprof.dashboard.survey.reported import reported
from crossprof.dashboard.survey.words import BENCH, TITLE, anchors, is_any_measured, is_measured
from crossprof.dashboard.toggles import Toggle, connect_toggles
from crossprof.store import Store
from crossprof.survey.report import Report, Table
from crossprof.survey.row import Row

__all__ = ["PAGE", "body"]

_ROWS = Toggle("rows", "Rows", {"all": "All rows", "measured": "Measured"})
_BENCHES = (
    "select tags['bench'] as bench, max(started_ns) as started_ns from run where tags['bench'] is not null "
    "group by bench order by started_ns desc nulls last, bench limit 50"
)
_MOST_RUNS = 8


def layout(snapshot: Snapshot, query: Mapping[str, str]) -> Any:
    """The page: its title, and room for what comes by a request of its own, since many runs take seconds to compare."""
    bench = query.get("bench", "")
    waiting = "Comparing what was measured. New runs take some seconds, once."
    return [
        _title_row(snapshot.store(), query, bench),
        html.Div(
            html.P(waiting, className="skeleton waiting"),
            id={"page": "survey", "figure": "body"},
            className="survey-body",
            style={"--height": "480px"},
        ),
        dcc.Store(id={"page": "survey", "retry": "body"}),
        dcc.Store(id="survey-shown", data={"bench": bench, "open": query.get("open", "").split(",")}),
    ]


def body(snapshot: Snapshot, held: Mapping[str, Any]) -> list[Component]:
    """What to choose, the tables, what was measured on. Raises CrossprofError: there is no such session."""
    report = reported(snapshot, held["bench"])
    below = partial(_below, snapshot.store(), held["open"])
    command = shlex.join(["crossprof", "bench", "report", *(["--bench", held["bench"]] if held["bench"] else [])])
    return [
        _tables(report),
        _decisions(report, command) if is_any_measured(report) else _unmeasured(),
        *(_table(table, below, command) for table in report.tables),
        _circumstances(report, command),
    ]


def _title_row(store: Store, query: Mapping[str, str], bench: str) -> html.Div:
    file = html.A("Report", href=survey_address(bench), download="survey.html", title="One HTML file to send on")
    return html.Div(
        [
            html.H1("Survey"),
            html.Nav(file, className="page-links", **components.labelled("This page elsewhere")),
            html.Div(className="spacer"),
            *_benches(store, bench),
            _ROWS.control("survey", query),
        ],
        className="title-row",
    )


def _tables(report: Report) -> html.Nav:
    links = [html.A(table.title, href=f"#{cards.card_id(table.title)}") for table in report.tables]
    return html.Nav(links, className="page-links", **components.labelled("Tables"))


def _benches(store: Store, bench: str) -> list[html.Label]:
    """Which benchmark the figures are of, where there are several."""
    known = {row["bench"]: f"{instant(row['started_ns'])[:16]} · {row['bench']}" for row in frame(store, _BENCHES).to_dicts()}
    if len(known) < 2:
        return []
    return [choice("bench", "Measured in", {"": "the latest of each", **known}, bench)]


def _decisions(report: Report, command: str) -> html.Section:
    reading = "From measured rows alone; each sentence leads to its row."
    return cards.card("What to choose", reading, decisions(component, report), command=command)


def _unmeasured() -> html.Section:
    """How to fill the tables."""
    told = f"Below is what the survey “{TITLE.partition(',')[0]}” claims. This measures every table on this machine:"
    return cards.notice("Nothing measured yet", told, html.P(components.command(BENCH)))


def _table(table: Table, below: Callable[[str, Row], Component | None], command: str) -> html.Section:
    rows = claims_table(component, table, below)
    none = html.P(
        ["No row is measured: ", components.command(f"crossprof bench --table {table.name}")], className="none-measured"
    )
    return cards.card(
        table.title,
        f"{table.question} {table.method}".strip(),
        html.Div(rows, className="scroll"),
        *([] if any(map(is_measured, table.rows)) else [none]),
        command=f"{command} --table {table.name}",
    )


def _below(store: Store, opened: Sequence[str], anchor: str, row: Row) -> Component | None:
    """What opens below a row. It is drawn when it opens: all of it at once would be most of the page."""
    if not has_detail(row):
        return None
    is_open = anchor in opened
    return html.Details(
        [
            html.Summary(summary(row), id=_part("summary", anchor)),
            html.Div(_detail(store, row) if is_open else [], id=_part("detail", anchor)),
        ],
        open=is_open,
        **{"data-row": anchor},
    )


def _part(part: str, row: Any) -> dict[str, Any]:
    """The id of a part of what stands below a row."""
    return {"page": "survey", "part": part, "row": row}


def _detail(store: Store, row: Row) -> list[Component]:
    parts = parts_of(row)
    held = [facts(component, row), _links(store, row)]
    if parts and row.base is not None and row.other is not None:
        held.append(html.Div(parts_table(row.base.run, row.other.run, parts), className="scroll"))
    if row.sql:
        held.append(html.Pre(html.Code(row.sql), tabIndex=0))
    return held


def _links(store: Store, row: Row) -> html.Div:
    """Where both sides are compared in full, and what one may take of the row."""
    links: list[Component] = []
    if row.base is not None and row.other is not None:
        sides = [*_named(store, row.base.run, row.base.run_ids), *_named(store, row.other.run, row.other.run_ids)]
        links.append(dcc.Link("Compare the two", href=compare_address(sides[:_MOST_RUNS], sides[0])))
    if row.sql:
        links += [
            html.A("Open in SQL", href=sql_address(row.sql)),
            html.A("CSV", href=result_address(row.sql, "csv"), download=""),
            html.Button("Copy SQL", type="button", className="button", **{"data-act": "sql"}),
        ]
    return html.Div(links, className="row-links", **({"data-sql": row.sql} if row.sql else {}))


def _named(store: Store, name: str, run_ids: Sequence[str]) -> list[str]:
    """A side for the page Compare: its runs as one, where no others bear their name."""
    pooled = f"{name}@all"
    return [pooled] if set(store.resolve(pooled)) == set(run_ids) else list(run_ids)


def _circumstances(report: Report, command: str) -> html.Section:
    made = html.P(f"Read by crossprof {report.version} on {instant(report.made_ns)} UTC.", className="dimmed")
    held = [hardware(component, report), software(component, report), words(component), made]
    return cards.card("Measured on", "", *held, command=f"{command} --json")


def connect(app: Dash, snapshot: Snapshot) -> None:
    """The tables, and below a row what it is made of once it is opened; assets/survey.js keeps what is open in the address."""

    def tell(held: Mapping[str, Any], _again: int | None = None) -> Any:
        return cards.told(lambda: body(snapshot, held), page="survey", name="body")

    def fill(_clicks: int | None, place: Mapping[str, str], held: Mapping[str, Any]) -> list[Component]:
        report = reported(snapshot, held["bench"])
        rows = {anchor: row for table in report.tables for anchor, row in zip(anchors(table), table.rows, strict=True)}
        row = rows.get(place["row"])
        return [cards.absent("the store has changed: reload the page.")] if row is None else _detail(snapshot.store(), row)

    app.callback(
        Output({"page": "survey", "figure": "body"}, "children"),
        Input("survey-shown", "data"),
        Input({"page": "survey", "retry": "body"}, "data"),
    )(tell)
    app.callback(
        Output(_part("detail", MATCH), "children"),
        Input(_part("summary", MATCH), "n_clicks"),
        State(_part("detail", MATCH), "id"),
        State("survey-shown", "data"),
        prevent_initial_call=True,
    )(fill)
    connect_toggles(app, "survey")


PAGE = Page("/survey", "Survey", layout, connect, key="v", shows_runs=False)
