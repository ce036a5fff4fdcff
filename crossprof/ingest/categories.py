"""What sort of work a kernel or an operator is, by one ordered table of rules over names."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import duckdb

from crossprof import settings
from crossprof.errors import CrossprofError
from crossprof.store.literal import literal

__all__ = ["CATEGORIES", "Rule", "classify", "rules", "rules_version"]

CATEGORIES = (
    "gemm", "attention", "conv", "norm", "softmax", "elementwise", "reduce", "embedding", "index", "optimizer", "loss",
    "pooling", "rng", "copy", "communication", "fusion", "input", "control", "other",
)  # fmt: skip
_COLUMNS = ("scope", "pattern", "category", "source")
_KNOWN_SCOPES = ("kernel", "op", "both", "hlo")
_SCOPES = {"kernel": ("kernel", "both"), "op": ("op", "both"), "hlo": ("hlo",)}


@dataclass(frozen=True)
class Rule:
    """One line of the table: names that match the pattern are of the category. The first rule that matches wins."""

    scope: str
    pattern: str
    category: str
    source: str


def rules() -> tuple[Rule, ...]:
    """The rules in order: those of the user's file, then ours. Raises CrossprofError for a line of either that is no rule."""
    path = settings.get("CROSSPROF_CATEGORY_RULES")
    return (_rules_of(Path(path).expanduser()) if path else ()) + _own_rules()


def rules_version() -> str:
    """What tells one table of rules from another: the start of a hash over all of them."""
    return hashlib.sha256(repr([astuple(rule)[:3] for rule in rules()]).encode()).hexdigest()[:12]


def classify(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make kernel_category or op_category: one row for each distinct name in staged_kernel or staged_op."""
    connection.execute(f"""
        CREATE OR REPLACE TABLE {table}_category AS
        SELECT name, hlo_category, coalesce({_case("hlo", "hlo_category")}, {_case(table, "name")}, 'other') AS category
        FROM (SELECT DISTINCT name, hlo_category FROM staged_{table})""")


@cache
def _own_rules() -> tuple[Rule, ...]:
    _, *rows = csv.reader(_own_text().splitlines())
    return tuple(Rule(*row) for row in rows if row)  # a test checks them: each pattern alone takes DuckDB half a millisecond


def _own_text() -> str:
    return files("crossprof.ingest").joinpath("category_rules.csv").read_text(encoding="utf-8")


def _rules_of(path: Path) -> tuple[Rule, ...]:
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CrossprofError(f"The category rules {path} can't be read: {reason}. Check CROSSPROF_CATEGORY_RULES.") from None


def _parsed(text: str, name: str) -> tuple[Rule, ...]:
    reader = csv.reader(text.splitlines())
    head = next(reader, [])
    if head != list(_COLUMNS):
        raise CrossprofError(f"{name}, line 1: the columns are {','.join(head)}; write {','.join(_COLUMNS)}.")
    found = []
    with duckdb.connect() as connection:
        for row in filter(None, reader):
            if reason := _fault(connection, row):
                raise CrossprofError(f"{name}, line {reader.line_num}: {reason}.")
            found.append(Rule(*row))
    return tuple(found)


def _fault(connection: duckdb.DuckDBPyConnection, row: list[str]) -> str | None:
    """What is wrong with a line. None for a rule."""
    if len(row) != len(_COLUMNS):
        return f"it has {len(row)} columns where {','.join(_COLUMNS)} are {len(_COLUMNS)}; quote a pattern that holds a comma"
    scope, pattern, category, _ = row
    if scope not in _KNOWN_SCOPES:
        return f"the scope is '{scope}'; known are {', '.join(_KNOWN_SCOPES)}"
    if category not in CATEGORIES:
        return f"the category is '{category}'; known are {', '.join(CATEGORIES)}"
    try:
        connection.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        return f"the pattern '{pattern}' is no regular expression of RE2 ({str(error).splitlines()[0]})"
    return None


def _case(scope: str, column: str) -> str:
    """One CASE over all rules of a scope. Its patterns are constants, which DuckDB compiles once and not for each row."""
    branches = " ".join(
        f"WHEN regexp_matches({column}, {literal(rule.pattern)}) THEN '{rule.category}'"
        for rule in rules()
        if rule.scope in _SCOPES[scope]
    )
    return f"CASE {branches} END"
