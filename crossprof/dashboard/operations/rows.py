"""The rows of the grid: queries over the view operation_summary, a block at a time, and the texts of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossprof.dashboard.operations.subject import Column, Scope, Subject
from crossprof.dashboard.quantity import Scale, scale_for
from crossprof.dashboard.snapshot import frame
from crossprof.store import Store

__all__ = ["Wanted", "block", "categories", "chosen_rows", "extent", "identity", "key_of", "known", "select"]

_IDENTITY = "name, kind, category, shapes"


@dataclass(frozen=True)
class Wanted:
    """Which rows: those that hold all words of a text, of some categories (none: all), in the order of a column."""

    text: str = ""
    categories: Sequence[str] = ()
    sort: str = ""
    descends: bool = True


def select(scope: Scope) -> tuple[str, list[Any]]:
    """The query of all rows, and its parameters: the figures of one run, or of several what they are compared in.

    Several have value_0 of the baseline, and value_1, change_1, ... of the others.
    """
    if len(scope.run_ids) == 1:
        fields = ", ".join(column.field for column in scope.subject.columns)
        query = f"select {_IDENTITY}, {fields} from operation_summary where run_id = ? and level = ?"
        return query, [scope.run_ids[0], scope.level]
    measure, (base, *others) = scope.subject.column(scope.measure).field, scope.run_ids
    values = "".join(
        f", max({measure}) filter (run_id = ?) as value_{place}, max(change_{measure}) filter (run_id = ?) as change_{place}"
        for place in range(1, len(scope.run_ids))
    )
    query = (
        f"select {_IDENTITY}, max(base_{measure}) as value_0{values} from operation_change "
        "where base_run_id = ? and list_contains(?, run_id) and level = ? group by all"
    )
    return query, [*(run_id for run_id in others for _ in range(2)), base, others, scope.level]


def known(store: Store, subject: Subject, run_ids: Sequence[str], level: str) -> list[str]:
    """The measures that all these runs tell; a run without measured steps tells none per step."""
    counts = ", ".join(f"min({measure}) as {measure}" for measure in subject.measures)
    each = ", ".join(f"count({measure}) as {measure}" for measure in subject.measures)
    rows = f"select {each} from operation_summary where list_contains(?, run_id) and level = ? group by run_id"
    (row,) = frame(store, f"select {counts} from ({rows})", list(run_ids), level).to_dicts()
    return [measure for measure in subject.measures if row[measure]]


def block(store: Store, scope: Scope, wanted: Wanted, start: int, end: int) -> tuple[list[dict[str, Any]], int]:
    """The wanted rows from `start` up to `end`, each with its key; and how many there are in all."""
    query, params = select(scope)
    words = wanted.text.lower().split()
    conditions = ["contains(lower(concat_ws(' ', name, shapes)), ?)"] * len(words)
    filters: list[Any] = list(words)
    if wanted.categories:
        conditions.append("list_contains(?, category)")
        filters.append(list(wanted.categories))
    where = f"where {' and '.join(conditions)} " if conditions else ""
    rows = frame(
        store,
        f"select *, count(*) over () as found from ({query}) {where}"
        f"order by {_ordered(scope, wanted)}, name, kind, category, shapes limit ? offset ?",
        *params,
        *filters,
        end - start,
        start,
    ).to_dicts()
    count = [row.pop("found") for row in rows]
    return [{**row, "key": key_of(row)} for row in rows], count[0] if count else 0


def _ordered(scope: Scope, wanted: Wanted) -> str:
    """What to order by. Changes are ordered by their size: the largest first, whichever way."""
    first = scope.subject.sort if len(scope.run_ids) == 1 else "value_0"
    field = wanted.sort if wanted.sort in (*_fields(scope), "name", "category") else first
    direction = "desc" if wanted.descends else "asc"
    return f"{f'abs({field})' if field.startswith('change_') else field} {direction} nulls last"


def _fields(scope: Scope) -> dict[str, Column]:
    """The columns of figures by the name that the query gives them."""
    if len(scope.run_ids) == 1:
        return {column.field: column for column in scope.subject.columns}
    column, others = scope.subject.column(scope.measure), range(1, len(scope.run_ids))
    return {"value_0": column} | {f"{part}_{place}": column for place in others for part in ("value", "change")}


def extent(store: Store, scope: Scope) -> tuple[int, dict[str, Scale]]:
    """How many rows there are, and the unit of each column of figures; columns of one measure share theirs.

    A column of one run that no row fills has none.
    """
    fields = _fields(scope)
    query, params = select(scope)
    figures = ", ".join(f"max({field})::double as {field}" for field in fields)
    held = frame(store, f"select count(*) as rows, {figures} from ({query})", *params).to_dicts()[0]
    if len(scope.run_ids) == 1:
        filled = {field: column for field, column in fields.items() if held[field] is not None}
        return held["rows"], {field: scale_for(column.unit, [held[field]]) for field, column in filled.items()}
    shared = scale_for(fields["value_0"].unit, [value for field, value in held.items() if field.startswith("value")])
    return held["rows"], dict.fromkeys(fields, shared)


def categories(store: Store, scope: Scope) -> list[str]:
    """The sorts of work that the runs have at this level."""
    query = "select distinct category from operation_summary where list_contains(?, run_id) and level = ?"
    return frame(store, query, list(scope.run_ids), scope.level)["category"].to_list()


def key_of(row: Mapping[str, Any]) -> str:
    """What an address calls a row by."""
    return "|".join((row["kind"], row["category"], row["shapes"] or "", row["name"]))


def identity(key: str) -> list[Any]:
    """Name, kind, category and shapes of a key, as parameters of a query; of a text that is no key, of nothing."""
    kind, category, shapes, name = key.split("|", 3) if key.count("|") >= 3 else ("", "", "", key)
    return [name, kind, category, shapes or None]


def chosen_rows(store: Store, scope: Scope, key: str) -> list[dict[str, Any]]:
    """The rows of operation_summary of one operation, those of the runs in order; a run without it has none."""
    query = (
        "select * from operation_summary where list_contains(?, run_id) and level = ? "
        "and name = ? and kind = ? and category = ? and shapes is not distinct from ?"
    )
    rows = frame(store, query, list(scope.run_ids), scope.level, *identity(key)).to_dicts()
    return sorted(rows, key=lambda row: scope.run_ids.index(row["run_id"]))
