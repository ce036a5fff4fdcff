"""Which statements may run: one that asks, over the store's views, with known functions. Decided on DuckDB's own parse of it.

Whatever is not known to be harmless is refused: kinds of statements, of nodes anywhere in the tree, tables and functions.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

__all__ = ["Refusal", "check", "functions"]

_LONGEST = 100_000
_NODES = {
    "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE",
    "BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF",
    "ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER",
    "ORDER_DEFAULT", "ASCENDING", "DESCENDING",
}  # fmt: skip
_EXPRESSIONS = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW",
}  # fmt: skip
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
_LISTS = {'"tables"', "__show_tables_expanded"}
"""What SHOW TABLES and SHOW ALL TABLES are in the tree."""


class Refusal(Exception):
    """A statement that may not run here. The message is one line; `position` is where in the text, None where unknown."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        self.position = position
        super().__init__(reason)


def check(connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[str]) -> None:
    """Raises Refusal unless the text is one statement that only asks, over these tables."""
    if len(sql) > _LONGEST:
        raise Refusal(f"The query has {len(sql):,} characters: at most {_LONGEST:,} are taken.")
    if "\0" in sql:
        raise Refusal("The query holds a NUL character.", sql.index("\0"))
    if any("\ud800" <= character <= "\udfff" for character in sql):
        raise Refusal("The query holds half a character.")
    offset = _explained(sql)
    statements = _parsed(connection, sql[offset:], offset)
    if len(statements) != 1:
        raise Refusal("There is no statement here." if not statements else "One statement at a time is answered.")
    try:
        _check_tree(statements[0], tables)
    except RecursionError:
        raise Refusal("The query is nested too deep.") from None


def _explained(sql: str) -> int:
    """Where the statement begins that an EXPLAIN explains; 0 without one."""
    import duckdb

    tokens = [(at, kind) for at, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    text = sql.encode()
    words = [text[at:].decode("utf-8", "replace").lower() for at, _ in tokens[:2]]
    if not words or not _is_word(words[0], "explain"):
        return 0
    if len(words) > 1 and (words[1].startswith("(") or _is_word(words[1], "analyze") or _is_word(words[1], "analyse")):
        raise Refusal("EXPLAIN ANALYZE and options of EXPLAIN are not allowed here: they run the query or change settings.")
    return len(text[: tokens[0][0]].decode()) + len("explain")


def _is_word(text: str, word: str) -> bool:
    following = text[len(word) : len(word) + 1]
    return text.startswith(word) and not (following.isalnum() or following == "_")


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str, offset: int) -> list[Any]:
    ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    try:
        parsed = json.loads(text)
    except RecursionError:
        raise Refusal("The query is nested too deep.") from None
    if not parsed["error"]:
        statements: list[Any] = parsed["statements"]
        return statements
    if parsed["error_type"] == "not implemented":
        raise Refusal("Only SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES and EXPLAIN are answered here.")
    place = str(parsed.get("position", ""))
    position = len(sql.encode()[: int(place)].decode("utf-8", "ignore")) + offset if place.isdigit() else None
    raise Refusal(f"Parser Error: {str(parsed['error_message']).splitlines()[0]}", position)


def _check_tree(tree: Any, tables: Collection[str]) -> None:
    named = {name.lower() for name in tables} | {name.lower() for name in _common_names(tree) if name.isidentifier()}
    checked: set[int] = set()  # the names of table functions, which are no scalar functions
    for node in _dictionaries(tree):
        reason = _expression_refused(node, checked) if "class" in node else _node_refused(node, named, checked)
        if reason:
            raise Refusal(reason)


def _expression_refused(node: dict[str, Any], checked: Collection[int]) -> str:
    kind = node["class"]
    if kind not in _EXPRESSIONS:
        return "Parameters have no value here." if kind == "PARAMETER" else f"{kind} is not allowed here."
    if kind in ("FUNCTION", "WINDOW") and id(node) not in checked:
        name = str(node["function_name"])
        if name.lower() not in functions() or node["schema"] or node["catalog"]:
            return f"The function {name} is not allowed here."
    return ""


def _node_refused(node: dict[str, Any], named: Collection[str], checked: set[int]) -> str:
    kind = node.get("type")
    if not isinstance(kind, str):
        return ""
    if kind not in _NODES:
        return f"{kind.removesuffix('_NODE').replace('_', ' ')} is not allowed here: a query only asks."
    if kind == "BASE_TABLE":
        return _table_refused(node, named)
    if kind == "SHOW_REF" and node["query"] is None and str(node["table_name"]) not in _LISTS:
        return _table_refused(node, named)
    if kind == "TABLE_FUNCTION":
        function = node["function"]
        name = str(function["function_name"])
        checked.add(id(function))
        if function["class"] != "FUNCTION" or name.lower() not in _TABLE_FUNCTIONS or function["schema"] or function["catalog"]:
            return f"The table function {name} is not allowed here."
    return ""


def _table_refused(node: dict[str, Any], named: Collection[str]) -> str:
    name = str(node["table_name"])
    if node["catalog_name"] or node["schema_name"] not in ("", "main") or name.lower() not in named:
        path = ".".join(part for part in (node["catalog_name"], node["schema_name"], name) if part)
        close = get_close_matches(name.lower(), [one for one in named if not one.startswith("_")], 1)
        return f"There is no view '{path}'." + (f" Did you mean '{close[0]}'?" if close else " The list of views has all.")
    return ""


def _common_names(tree: Any) -> Iterator[str]:
    """The names that WITH gives. Only plain ones count: one with a dot or a slash could name a file elsewhere in the query."""
    for node in _dictionaries(tree):
        for entry in node.get("cte_map", {}).get("map", []) if isinstance(node.get("cte_map"), dict) else []:
            yield str(entry["key"])


def _dictionaries(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON tree, the outer before the inner."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


@cache
def functions() -> frozenset[str]:
    """The functions that compute from their arguments alone, and clocks and random numbers."""
    text = " ".join(files(__package__ or "").joinpath("functions.csv").read_text("utf-8").split())
    return frozenset(name.lower() for name in text.split(", "))
