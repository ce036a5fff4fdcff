"""What an operation belongs to: the launches, operators and modules behind a kernel; the kernels and shapes of an operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from dash import dcc, html

from crossprof.dashboard import cards
from crossprof.dashboard.addresses import page_address
from crossprof.dashboard.operations.rows import key_of
from crossprof.dashboard.operations.subject import Scope
from crossprof.dashboard.quantity import NONE, Scale, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.dashboard.theme import Lane, shortened
from crossprof.store import Store

__all__ = ["cards_of"]

_MOST_NODES = 80
_MOST_ROWS = 15


def cards_of(store: Store, scope: Scope, row: Mapping[str, Any], lanes: Sequence[Lane]) -> list[Any]:
    """The cards of what a row of operation_summary belongs to."""
    if scope.subject.key == "kernels":
        return [_origin(store, scope, row, lanes)]
    kernels, shapes = _kernels(store, scope, row, lanes), _shapes(store, scope, row, lanes)
    return [cards.columns([kernels], [shapes])] if len(lanes) <= 2 else [kernels, shapes]


def _pivoted(scope: Scope, view: str, identity: str, condition: str) -> str:
    """The rows of a view with calls and time of each run in columns of its own, the most time first."""
    values = "".join(
        f", max(calls) filter (run_id = ?) as calls_{place}, max(total_ns) filter (run_id = ?) as ns_{place}"
        for place in range(len(scope.run_ids))
    )
    order = ", ".join(f"ns_{place} desc nulls last" for place in range(len(scope.run_ids)))
    return (
        f"select {identity}{values} from {view} where list_contains(?, run_id) and {condition} "
        f"group by {identity} order by {order}, {identity}"
    )


def _params(scope: Scope, *of_condition: object) -> list[object]:
    return [*(run_id for run_id in scope.run_ids for _ in range(2)), list(scope.run_ids), *of_condition]


def _origin(store: Store, scope: Scope, row: Mapping[str, Any], lanes: Sequence[Lane]) -> html.Section:
    condition = "level = ? and name = ? and kind = ? and category = ?"
    query = _pivoted(scope, "kernel_origin", "path, depth, sort, label", condition)
    params = _params(scope, scope.level, row["name"], row["kind"], row["category"])
    nodes = frame(store, query, *params)
    title = "Where it comes from"
    subtitle = (
        "The call that launched it, the operators around that from the outermost in, the module. "
        "A graph is one call for all of its kernels, and belongs to the operator around its launch."
    )
    sql = cards.spelled(query, *params)
    if nodes.is_empty():
        why = "the trace tells neither what launched it nor an operator or module that it is of."
        return cards.card(title, subtitle, cards.absent(why), query=sql)
    shown = _in_tree_order(nodes.head(_MOST_NODES))
    labels = [
        html.Td(_node(scope, node), className="tree", style={"--depth": node["depth"]}, title=node["sort"]) for node in shown
    ]
    table = _table("Call, operators, module", labels, shown, lanes)
    return cards.card(title, subtitle, table, _rest(len(nodes), _MOST_NODES, "nodes"), query=sql)


def _in_tree_order(nodes: pl.DataFrame) -> list[dict[str, Any]]:
    """Each node after the one above it; of those below one node, the ones with the most time first, as they come."""
    rank = {tuple(node["path"]): place for place, node in enumerate(nodes.to_dicts())}

    def place(node: Mapping[str, Any]) -> list[int]:
        path = tuple(node["path"])
        return [rank.get(path[: depth + 1], len(rank)) for depth in range(len(path))]

    return sorted(nodes.to_dicts(), key=place)


def _node(scope: Scope, node: Mapping[str, Any]) -> Any:
    if node["sort"] != "operator":
        return html.Span([node["label"], html.Span(f" {node['sort']}", className="dimmed")])
    return dcc.Link(node["label"], href=page_address("/operators", scope.run_ids, q=node["label"]))


def _kernels(store: Store, scope: Scope, row: Mapping[str, Any], lanes: Sequence[Lane]) -> html.Section:
    query = _pivoted(scope, "op_kernel", "name, kind, category", "op_name = ?")
    params = _params(scope, row["name"])
    kernels = frame(store, query, *params)
    title, subtitle = "Its kernels", "Device work launched inside the operator, at any depth and of any shape."
    sql = cards.spelled(query, *params)
    if kernels.is_empty():
        why = "no kernel was launched inside it: it works on the host alone, or the trace has no device work."
        return cards.card(title, subtitle, cards.absent(why), query=sql)
    shown = kernels.head(_MOST_ROWS).to_dicts()
    labels = [html.Td(_kernel(scope, kernel), className="clipped", title=kernel["name"]) for kernel in shown]
    return cards.card(
        title, subtitle, _table("Kernel", labels, shown, lanes), _rest(len(kernels), _MOST_ROWS, "kernels"), query=sql
    )


def _kernel(scope: Scope, kernel: Mapping[str, Any]) -> dcc.Link:
    address = page_address("/kernels", scope.run_ids, sel=key_of({**kernel, "shapes": None}))
    return dcc.Link(kernel["name"], href=address)


def _shapes(store: Store, scope: Scope, row: Mapping[str, Any], lanes: Sequence[Lane]) -> html.Section:
    condition = "level = 'operator and shape' and name = ? and category = ? and shapes is not null"
    query = _pivoted(scope, "operation_summary", "shapes", condition)
    params = _params(scope, row["name"], row["category"])
    shapes = frame(store, query, *params)
    title, subtitle = "Its shapes", "Shapes of its inputs, the most host time first."
    sql = cards.spelled(query, *params)
    if shapes.is_empty():
        why = "no shapes were recorded. crossprof.profile records them with shapes=True."
        return cards.card(title, subtitle, cards.absent(why), query=sql)
    shown = shapes.head(_MOST_ROWS).to_dicts()
    labels = [html.Td(html.Code(one["shapes"]), className="clipped", title=one["shapes"]) for one in shown]
    return cards.card(
        title, subtitle, _table("Shapes", labels, shown, lanes), _rest(len(shapes), _MOST_ROWS, "shapes"), query=sql
    )


def _rest(count: int, most: int, what: str) -> html.P | None:
    return html.P(f"{most} of {count:,} {what}; the query gives all.", className="dimmed") if count > most else None


def _table(title: str, labels: Sequence[html.Td], rows: Sequence[Mapping[str, Any]], lanes: Sequence[Lane]) -> html.Div:
    """A row for each label; calls and time of each run."""
    places = range(len(lanes))
    scale = scale_for("ns", [row[f"ns_{place}"] for row in rows for place in places])
    runs = [html.Th(shortened(lane.label, most=26), colSpan=2, scope="colgroup", title=lane.label) for lane in lanes]
    head = [html.Tr([html.Td(), *runs])] if len(lanes) > 1 else []
    texts = ("Calls", f"Total, {scale.unit}") * len(lanes)
    head.append(html.Tr([html.Th(title, scope="col"), *(html.Th(text, className="number", scope="col") for text in texts)]))
    body = []
    for label, row in zip(labels, rows, strict=True):
        cells = [part for place in places for part in _cells(row[f"calls_{place}"], row[f"ns_{place}"], scale)]
        body.append(html.Tr([label, *cells]))
    return html.Div(html.Table([html.Thead(head), html.Tbody(body)], className="plain relations"), className="scroll")


def _cells(calls: int | None, ns: int | None, scale: Scale) -> list[html.Td]:
    texts = (NONE if calls is None else f"{calls:,}", scale.text(ns))
    return [html.Td(text, className="number") for text in texts]
