"""`sql`, `views` and `metrics`: questions to the store, and what its columns and numbers mean."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread

import click

from crossprof.cli import terminal
from crossprof.cli.options import as_json, open_store, print_json, store_path
from crossprof.cli.rows import FORMATS, write_rows
from crossprof.errors import CrossprofError, QueryError

__all__ = ["metrics", "sql", "views"]

_VIEWS = """
    SELECT view_name AS name, comment FROM duckdb_views()
    WHERE NOT internal AND schema_name = 'main' AND database_name = current_database() AND NOT starts_with(view_name, '_')
    ORDER BY name
"""
_COLUMNS = """
    SELECT column_name AS name, data_type AS type, comment FROM duckdb_columns()
    WHERE schema_name = 'main' AND database_name = current_database() AND table_name = ? ORDER BY column_index
"""
_METRICS = "SELECT * FROM metric"
_ATTEMPTS = 20
_ATTEMPT_SECONDS = 0.1


@click.command()
@click.argument("query")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to stdout.")
@store_path
def sql(query: str, form: str, output: Path | None, store: Path) -> None:
    """Answer an SQL query over the views of the store. `crossprof views` names them."""
    from duckdb import Error

    opened = open_store(store)
    try:
        _attended(lambda: write_rows(opened.sql(query), form, output=output), opened.interrupt)
    except (QueryError, Error) as error:  # DuckDB's own while the rows are computed, after Store.sql has returned
        raise QueryError(query, f"{error} (`crossprof views` lists what can be asked)") from None


def _attended(work: Callable[[], None], interrupt: Callable[[], None]) -> None:
    """Work in a thread, while this one stays free for Ctrl-C: DuckDB keeps a thread that asks until the answer is there.

    An interrupt between two queries is lost, so it is sent until the work has ended. Work that never ends is left behind.
    A thread that has ended its work is waited for: one that still unwinds when the interpreter ends would abort the process.
    """
    ended: Future[None] = Future()

    def attempt() -> None:
        try:
            work()
        except BaseException as error:
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = Thread(target=attempt, name="crossprof-sql", daemon=True)
    thread.start()
    try:
        wait([ended])
        thread.join(_ATTEMPTS * _ATTEMPT_SECONDS)  # it still lets go of its cursor; an interpreter that ends meanwhile aborts
    except KeyboardInterrupt:
        for _ in range(_ATTEMPTS):
            interrupt()
            if wait([ended], timeout=_ATTEMPT_SECONDS).done:
                break
        raise
    ended.result()


@click.command()
@click.argument("name", required=False)
@as_json
@store_path
def views(name: str | None, is_json: bool, store: Path) -> None:
    """List the views, or the columns of one view, with what each means."""
    opened = open_store(store)
    relation = opened.sql(_COLUMNS, [name]) if name else opened.sql(_VIEWS)
    columns, rows = relation.columns, relation.fetchall()
    if name and not rows:
        raise CrossprofError(f"There is no view '{name}'. `crossprof views` lists them.")
    if is_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        terminal.print_table([terminal.Column(column) for column in columns], rows)


@click.command()
@click.argument("name", required=False)
@as_json
@store_path
def metrics(name: str | None, is_json: bool, store: Path) -> None:
    """List the metrics, those of another tool (hta, tracelens, xprof), or the whole definition of one."""
    relation = open_store(store).sql(_METRICS)
    found = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    chosen = [metric for metric in found if name in (metric["id"], metric["peer"])]  # the peer of our own is None, like no name
    if not chosen:
        raise CrossprofError(f"There is no metric '{name}'. `crossprof metrics` lists them.")
    if is_json:
        print_json(chosen)
    elif name == chosen[0]["id"]:
        terminal.print_table([terminal.Column("field"), terminal.Column("value")], list(chosen[0].items()))
    else:
        short = ("id", "unit", "better", "title", "numerator", "denominator")
        terminal.print_table([terminal.Column(key) for key in short], [[metric[key] for key in short] for metric in chosen])
