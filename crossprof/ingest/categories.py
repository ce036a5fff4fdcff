"""What sort of work a kernel or an operator is, by one ordered table of rules over names."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import duckdb

__all__ = ["CATEGORIES", "Rule", "classify", "rules"]

CATEGORIES = (
    "gemm", "attention", "conv", "norm", "softmax", "elementwise", "reduce", "embedding", "index", "optimizer", "loss",
    "pooling", "rng", "copy", "communication", "fusion", "input", "control", "other",
)  # fmt: skip
_SCOPES = {"kernel": ("kernel", "both"), "op": ("op", "both"), "hlo": ("hlo",)}


@dataclass(frozen=True)
class Rule:
    """One line of the table: names that match the pattern are of the category. The first rule that matches wins."""

    scope: str
    pattern: str
    category: str
    source: str


@cache
def rules() -> tuple[Rule, ...]:
    """The rules in order. Raises ValueError for a line of an unknown scope or category."""
    text = files("crossprof.ingest").joinpath("category_rules.csv").read_text()
    table = tuple(Rule(**row) for row in csv.DictReader(text.splitlines()))
    for rule in table:
        if rule.category not in CATEGORIES or rule.scope not in {"kernel", "op", "both", "hlo"}:
            raise ValueError(f"category_rules.csv: {rule}")
    return table


def classify(connection: duckdb.DuckDBPyConnection) -> None:
    """Make kernel_category and op_category: one row for each distinct name in staged_kernel and staged_op."""
    for table in ("kernel", "op"):
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {table}_category AS
            SELECT name, hlo_category, coalesce({_case("hlo", "hlo_category")}, {_case(table, "name")}, 'other') AS category
            FROM (SELECT DISTINCT name, hlo_category FROM staged_{table})""")


def _case(scope: str, column: str) -> str:
    """One CASE over all rules of a scope. Its patterns are constants, which DuckDB compiles once and not for each row."""
    branches = " ".join(
        f"WHEN regexp_matches({column}, {_quoted(rule.pattern)}) THEN '{rule.category}'"
        for rule in rules()
        if rule.scope in _SCOPES[scope]
    )
    return f"CASE {branches} END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
