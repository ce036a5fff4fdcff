"""What is known of one kernel or operator: its figures in each run, durations, steps, where it comes from, what it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from crossprof.dashboard import cards, components, theme
from crossprof.dashboard.addresses import page_address
from crossprof.dashboard.operations import relations
from crossprof.dashboard.operations.rows import chosen_rows, identity
from crossprof.dashboard.operations.subject import Scope
from crossprof.dashboard.quantity import NONE, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["VIEWS", "of", "query"]

VIEWS = {"durations": ("operation_histogram", "operation_quantile"), "steps": ("operation_step",)}
_TITLES = {
    "durations": ("Durations", "Calls by how long they take: counted for each run, and as the share that takes no longer."),
    "steps": (
        "From step to step",
        "Time and calls of each step, ranks and devices together. Hollow: steps that are not measured.",
    ),
}
_ONE = "level = ? and name = ? and kind = ? and category = ? and shapes is not distinct from ?"


def query(scope: Scope, view: str, key: str) -> list[Any]:
    """The query of the rows of a view about one operation in these runs, and its parameters."""
    return [f"select * from {view} where list_contains(?, run_id) and {_ONE}", list(scope.run_ids), scope.level, *identity(key)]


def of(store: Store, scope: Scope, key: str) -> list[Any]:
    """The cards of one operation; one that says so where no run has it."""
    rows = chosen_rows(store, scope, key)
    if not rows:
        why = f"no run here has a {scope.subject.one} of that name: it is of another run or level."
        return [cards.notice(f"The chosen {scope.subject.one}", "", html.Code(identity(key)[0]), cards.absent(why), _close())]
    runs = frame(store, "select run_id, run, framework from run where list_contains(?, run_id)", list(scope.run_ids)).to_dicts()
    runs.sort(key=lambda run: scope.run_ids.index(run["run_id"]))
    shown = {"runs": list(scope.run_ids), "level": scope.level, "measure": scope.measure}
    figures = []
    for name, (title, subtitle) in _TITLES.items():
        sql = cards.spelled(*query(scope, VIEWS[name][0], key))
        figures.append(cards.figure_card(scope.subject.key, name, title, subtitle, query=sql, height=310))
    return [
        _summary(scope, rows, theme.lanes(runs, None), key),
        cards.columns(figures[:1], figures[1:]),
        *relations.cards_of(store, scope, rows[0], theme.lanes(runs, None)),
        dcc.Store(id=f"{scope.subject.key}-drawn", data={"shown": shown, "key": key, "runs": runs}),
    ]


def _summary(scope: Scope, rows: Sequence[Mapping[str, Any]], lanes: Sequence[theme.Lane], key: str) -> html.Section:
    row = rows[0]
    facts: list[Any] = [html.Span(row["category"], className="chip", style={"--chip": theme.category_color(row["category"])})]
    if row["kind"] not in ("op", "kernel"):
        facts.append(html.Span(row["kind"], className="badge"))
    if row["family"] not in (None, row["name"]):
        facts.append(html.Span(["family ", html.Code(row["family"])], className="dimmed"))
    links = [
        html.A(f"In the timeline of {lane.label}" if len(lanes) > 1 else "In the timeline", href=_timeline(lane, row["name"]))
        for lane in lanes
        if any(lane.run_id == held["run_id"] for held in rows)
    ]
    return cards.card(
        f"The chosen {scope.subject.one}",
        "",
        html.P(
            html.Code([row["name"], html.Br(), row["shapes"]] if row["shapes"] else row["name"]), className="operation-name"
        ),
        html.Div([*facts, *links, html.Span(className="spacer"), _close()], className="operation-facts"),
        html.Div(_table(scope, rows, lanes), className="scroll"),
        query=cards.spelled(*query(scope, "operation_summary", key)),
    )


def _timeline(lane: theme.Lane, name: str) -> str:
    return page_address("/timeline", [lane.run_id], find=name)


def _close() -> html.Button:
    return html.Button("Close", type="button", className="button", **{"data-act": "close-operation"})


def _table(scope: Scope, rows: Sequence[Mapping[str, Any]], lanes: Sequence[theme.Lane]) -> html.Table:
    columns = scope.subject.columns
    scales = {column.field: scale_for(column.unit, [row[column.field] for row in rows]) for column in columns}
    titles = [f"{one.title}, {scales[one.field].unit}" if scales[one.field].unit else one.title for one in columns]
    head = [html.Th("Run", scope="col")]
    head += [
        html.Th(title, title=one.meaning, className="number", scope="col") for one, title in zip(columns, titles, strict=True)
    ]
    held = {row["run_id"]: row for row in rows}
    body = []
    shades = theme.shades([lane.framework for lane in lanes])
    for lane, shade in zip(lanes, shades, strict=True):
        row = held.get(lane.run_id, {})
        cells = [html.Td(_cell(row.get(one.field), scales[one.field], one.unit), className="number") for one in columns]
        body.append(html.Tr([html.Th(components.chip(lane.framework, lane.label, shade=shade), scope="row"), *cells]))
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(body)], className="plain")


def _cell(value: Any, scale: Any, unit: str) -> str:
    if value is None:
        return NONE
    return f"{value:,}" if unit == "count" and isinstance(value, int) else scale.text(value)
