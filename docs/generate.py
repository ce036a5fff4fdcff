"""Write docs/reference/ from the code: tables, views, metrics, commands, settings. `--check` only says what is stale."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
import duckdb

from crossprof import settings
from crossprof.cli import cli
from crossprof.store import catalog

REFERENCE = Path(__file__).parent / "reference"
HEADER = "<!-- Written by `make docs` from {source}. Edit that, not this. -->\n\n"


def connection() -> duckdb.DuckDBPyConnection:
    """A connection with the empty tables and all views."""
    made = duckdb.connect()
    catalog.create_base(made)
    catalog.create_views(made)
    return made


def columns(source: duckdb.DuckDBPyConnection, name: str) -> str:
    """The columns of a table or view as a Markdown table."""
    rows = source.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where table_name = ? and schema_name = 'main' and not internal order by column_index",
        [name],
    ).fetchall()
    body = "".join(f"| `{column}` | {kind} | {escaped(comment)} |\n" for column, kind, comment in rows)
    return "| column | type | meaning |\n|---|---|---|\n" + body


def escaped(text: str | None) -> str:
    """Text for a cell of a Markdown table."""
    return (text or "").replace("|", "\\|").replace("\n", " ")


def tables() -> str:
    """Every table with its columns."""
    source = connection()
    rows = source.execute(
        "select table_name, comment from duckdb_tables() where not internal and schema_name = 'base' order by table_name"
    ).fetchall()
    text = (
        HEADER.format(source="crossprof/store/schema.sql")
        + "# Tables\n\nOne rank of one run is a part: one Parquet file for each of these.\n"
    )
    for name, comment in rows:
        text += f"\n## {name}\n\n{comment}\n\n{columns(source, name)}"
    return text


def views() -> str:
    """Every view with its question and its columns."""
    source = connection()
    text = HEADER.format(source="crossprof/store/views/*.sql") + "# Views\n\n`crossprof views NAME` prints the same.\n"
    for view in sorted(catalog.views(), key=lambda item: item.name):
        if view.name.startswith("_"):
            continue
        row = source.execute("select comment from duckdb_views() where view_name = ? and not internal", [view.name]).fetchone()
        text += f"\n## {view.name}\n\n{row[0] if row else ''}\n\n{columns(source, view.name)}"
    return text


def metrics() -> str:
    """The metric registry."""
    rows = connection().execute("select * from metric order by peer nulls first, id")
    names = [item[0] for item in rows.description or ()]
    text = (
        HEADER.format(source="crossprof/store/views/metric.sql")
        + "# Metrics\n\nEvery number that crossprof shows has one definition.\n"
    )
    for row in rows.fetchall():
        facts = dict(zip(names, row, strict=True))
        text += f"\n## {facts.pop('id')}\n\n{facts.pop('title')}\n\n"
        text += "".join(f"- {name.replace('_', ' ')}: {value}\n" for name, value in facts.items() if value is not None)
    return text


def commands() -> str:
    """`--help` of every command."""
    context = context_of(cli, "crossprof")
    text = HEADER.format(source="crossprof/cli") + "# Commands\n\n```\n" + cli.get_help(context) + "\n```\n"
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None:
            text += f"\n## {name}\n\n```\n{command.get_help(context_of(command, name, context))}\n```\n"
    return text


def context_of(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    """The context that a command's help is printed in, made as on the command line, with its own settings."""
    return command.make_context(name, [], parent, resilient_parsing=True, terminal_width=100, max_content_width=100)


def environment() -> str:
    """The settings that come from the environment."""
    text = HEADER.format(source="crossprof/settings.py") + "# Settings\n\nArguments win over the environment.\n\n"
    text += "| variable | default | meaning |\n|---|---|---|\n"
    for setting in settings.SETTINGS:
        text += (
            f"| `{setting.name}` | {f'`{setting.default}`' if setting.default is not None else 'unset'} | {setting.help} |\n"
        )
    return text


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables,
    "views.md": views,
    "metrics.md": metrics,
    "commands.md": commands,
    "settings.md": environment,
}


def stale() -> list[str]:
    """Names of the pages whose file differs from what the code says."""
    written = {name: REFERENCE / name for name in PAGES}
    return [name for name, make in PAGES.items() if not written[name].is_file() or written[name].read_text() != make()]


def main() -> int:
    """Write the pages, or with --check name the stale ones."""
    if "--check" in sys.argv[1:]:
        names = stale()
        if names:
            sys.stderr.write(f"docs/reference is stale: {', '.join(names)}. Run `make docs`.\n")
        return 1 if names else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make())
    return 0


if __name__ == "__main__":
    sys.exit(main())
