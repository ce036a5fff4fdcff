"""The views of the store: found by listing views/, ordered by what each says it uses, created in a connection.

Base relations (the tables of schema.sql) live in the schema `base` and are exposed in `main` under their own name, except where
a view has that name (`finding`). Roll-ups are tables in the schema `rollup`; the view of the same name adds the run's name.
A view whose name starts with an underscore is private: other views read it, people need not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.resources import files
from types import ModuleType

import duckdb

from crossprof.store.literal import literal

__all__ = [
    "FILLED",
    "ROLLUPS",
    "View",
    "create_base",
    "create_rollups",
    "create_views",
    "expose_base",
    "fill_rollup",
    "filled_with",
    "import_fillings",
    "rollups_before",
    "rollups_without_rows",
    "views",
]

ROLLUPS = (
    "step_time",
    "_launching_device",
    "kernel_summary",
    "_kernel_path",
    "op_summary",
    "operation_summary",
    "category_summary",
    "_device_time",
    "_op_work",
    "_clock",
    "device_busy",
    "breakdown",
    "idle_cause",
    "memory_peak",
    "memory_phase",
    "launch_summary",
    "_launch_sample",
    "_collective_sample",
    "_work_sample",
    "_quality_sample",
    "critical_path",
    "peer_metric",
    "run_metric",
)
_BASE_RELATIONS = """
    SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'base' AND database_name = current_database()
    UNION ALL
    SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'base' AND database_name = current_database()
"""
_BASE_COLUMNS = """
    SELECT table_name, column_name, comment FROM duckdb_columns()
    WHERE schema_name = 'base' AND database_name = current_database() AND comment IS NOT NULL
"""
_USES = re.compile(r"^--\s*uses:\s*(.+)$", re.MULTILINE)
_PREMISE = re.compile(r"^--\s*empty without:\s*(.+)$", re.MULTILINE)
_CREATING = re.compile(r"^CREATE VIEW \w+ AS\b", re.MULTILINE)


@dataclass(frozen=True)
class Filling:
    """The module whose `fill_<name>` finds rows that no query finds, and the views that are read for it."""

    module: str
    uses: tuple[str, ...]


FILLED = {
    "critical_path": Filling("critical_path", ("category_summary", "_clock")),
    "peer_metric": Filling("peers", ("_peer_file",)),
    "run_metric": Filling("metrics", ("metric", "metric_sample")),
}
"""The roll-ups that are computed from the others, with NumPy and Arrow: imported then, which takes a tenth of a second."""

SWEPT = {
    "_device_time": Filling("device_sweep", ("_capture", "_host_wait", "_profiled_step")),
    "_kernel_path": Filling("kernel_path", ()),
}
"""Roll-ups that NumPy fills as their query would, in a tenth of its time."""

_FILLED_WITH = {"idle_cause": "_device_time"}
"""Roll-ups that another's filling fills too."""


@dataclass(frozen=True)
class View:
    """One view: its name, the statements that create and comment it, the views it reads, whether publish holds its rows.

    `premises` are relations, with a condition or without, of which one has rows if the view has any; none: it is not said.
    """

    name: str
    sql: str
    uses: tuple[str, ...]
    premises: tuple[str, ...]
    is_rollup: bool

    @property
    def comments(self) -> str:
        """The COMMENT statements of the file alone."""
        return self.sql[len(self.definition) :]

    @property
    def definition(self) -> str:
        """The statements of the file without the comments."""
        return self.sql.partition("\nCOMMENT ON")[0]

    @property
    def query(self) -> str:
        """The query of the view alone."""
        return _CREATING.split(self.definition, maxsplit=1)[1].rstrip().removesuffix(";")

    @property
    def definition_over_rollup(self) -> str:
        """The statement for a catalog that holds this view's rows, without the run's name, in `rollup.<name>`."""
        select = f"SELECT held.run_id, run.run, held.* EXCLUDE (run_id) FROM rollup.{self.name} AS held JOIN run USING (run_id)"
        return f"CREATE OR REPLACE VIEW {self.name} AS {select};\n"


@cache
def views() -> tuple[View, ...]:
    """Every view, each after the views that it uses."""
    found = {view.name: view for view in map(_read, _sources())}
    order = TopologicalSorter({name: found[name].uses for name in sorted(found)}).static_order()
    return tuple(found[name] for name in order)


def create_views(connection: duckdb.DuckDBPyConnection, *, only: Iterable[str] | None = None) -> None:
    """Creates the views, all of them or those named in `only`, by their definitions over base relations."""
    wanted = None if only is None else set(only)
    for view in views():
        if wanted is None or view.name in wanted:
            connection.execute(view.sql)


def create_rollups(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates all views, those of roll-ups over tables that are empty still."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS rollup")
    for view in views():
        if view.is_rollup and view.name not in FILLED:
            rows = f"SELECT * EXCLUDE (run) FROM ({view.query})"
            connection.execute(f"CREATE TABLE rollup.{view.name} AS {rows} WITH NO DATA; {view.definition_over_rollup}")
        else:
            connection.execute(view.definition)
        connection.execute(view.comments)


def fill_rollup(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Fills a roll-up of a catalog, once those are filled that `rollups_before` says."""
    if name in FILLED or name in SWEPT:
        getattr(_module(name), f"fill_{name}")(connection)
    else:
        connection.execute(_fillings()[name])


def filled_with(name: str) -> list[str]:
    """The roll-ups that `fill_rollup` fills at once: the one of that name, and those that come of it."""
    return [name, *(filled for filled, other in _FILLED_WITH.items() if other == name)]


@cache
def _fillings() -> dict[str, duckdb.Statement]:
    """The parsed statements that fill the roll-ups which a query fills: to parse them takes as long as to run some."""
    queries = {
        view.name: view.query for view in views() if view.is_rollup and view.name not in (*FILLED, *SWEPT, *_FILLED_WITH)
    }
    text = ";\n".join(f"INSERT INTO rollup.{name} SELECT * EXCLUDE (run) FROM ({query})" for name, query in queries.items())
    return dict(zip(queries, duckdb.extract_statements(text), strict=True))


def rollups_without_rows(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> set[str]:
    """The roll-ups that would have no rows, since all is empty that their views say they are empty without.

    `tables` are those with rows. To ask for a row of some sort takes a tenth of what the plan of such a query takes.
    """

    @cache
    def is_met(premise: str) -> bool:
        table, *condition = premise.split(maxsplit=1)
        is_held = table in tables
        return is_held and (not condition or bool(connection.execute(f"SELECT 1 FROM {premise} LIMIT 1").fetchall()))

    premises = {view.name: view.premises for view in views() if view.is_rollup and view.premises}
    without = {name for name, several in premises.items() if not any(map(is_met, several))}
    return without | {name for name, other in _FILLED_WITH.items() if other in without}


def import_fillings() -> None:
    """Imports and parses what `fill_rollup` will need."""
    for name in (*FILLED, *SWEPT):
        _module(name)
    _fillings()


def _module(name: str) -> ModuleType:
    return import_module(f"crossprof.store.{(FILLED | SWEPT)[name].module}")


@cache
def rollups_before() -> dict[str, set[str]]:
    """Every roll-up that is to be filled, with those that its rows are made from."""
    uses = {view.name: view.uses for view in views()} | {name: filling.uses for name, filling in (FILLED | SWEPT).items()}

    def before(name: str) -> set[str]:
        return {rollup for used in uses[name] for rollup in ({used} if used in ROLLUPS else before(used))}

    return {name: {_FILLED_WITH.get(rollup, rollup) for rollup in before(name)} for name in ROLLUPS if name not in _FILLED_WITH}


def create_base(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the empty tables of schema.sql in the schema `base` and exposes them in `main`."""
    catalog = connection.execute("SELECT current_database()").fetchall()[0][0]
    connection.execute(f'CREATE SCHEMA base; USE "{catalog}".base')
    connection.execute(files("crossprof.store").joinpath("schema.sql").read_text("utf-8"))
    connection.execute(f'USE "{catalog}".main')
    expose_base(connection)


def expose_base(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates, for each base relation whose name no view takes, a view of that name in `main`, with the same comments."""
    taken = {view.name for view in views()}
    exposed = [row for row in connection.execute(_BASE_RELATIONS).fetchall() if row[0] not in taken]
    columns = [row for row in connection.execute(_BASE_COLUMNS).fetchall() if row[0] not in taken]
    for name, comment in exposed:
        connection.execute(f"CREATE OR REPLACE VIEW main.{name} AS SELECT * FROM base.{name}")
        if comment is not None:
            connection.execute(f"COMMENT ON VIEW main.{name} IS {literal(comment)}")
    for name, column, comment in columns:
        connection.execute(f"COMMENT ON COLUMN main.{name}.{column} IS {literal(comment)}")


def _sources() -> Iterable[tuple[str, str]]:
    for entry in files("crossprof.store").joinpath("views").iterdir():
        if entry.name.endswith(".sql"):
            yield entry.name.removesuffix(".sql"), entry.read_text("utf-8")


def _read(source: tuple[str, str]) -> View:
    name, sql = source
    return View(name=name, sql=sql, uses=_listed(_USES, sql), premises=_listed(_PREMISE, sql), is_rollup=name in ROLLUPS)


def _listed(line: re.Pattern[str], sql: str) -> tuple[str, ...]:
    match = line.search(sql)
    return tuple(word.strip() for word in match.group(1).split(",")) if match else ()
