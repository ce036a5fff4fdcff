"""Write docs/reference/ from the code: tables, views, metrics, commands, settings. `--check` only says what is stale."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import click
import duckdb

from crossprof import settings
from crossprof.cli import cli
from crossprof.store import catalog

REFERENCE = Path(__file__).parent / "reference"
HEADER = "<!-- Written by `make docs` from {source}. Edit that, not this. -->\n\n"


@cache
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


def public_views() -> list[catalog.View]:
    """The views that people ask, by name."""
    return sorted((view for view in catalog.views() if not view.name.startswith("_")), key=lambda view: view.name)


def views() -> str:
    """The list of views: what one row is, and a page for each."""
    source = connection()
    comments = dict(source.execute("select view_name, comment from duckdb_views() where not internal").fetchall())
    text = HEADER.format(source="crossprof/store/views/*.sql") + "# Views\n\n`crossprof views NAME` prints the same.\n\n"
    text += "| view | one row is |\n|---|---|\n"
    return text + "".join(
        f"| [`{view.name}`](views/{view.name}.md) | {escaped(comments[view.name])} |\n" for view in public_views()
    )


def view_page(view: catalog.View) -> str:
    """One view: what it answers and its caveats, as its file says, the metrics that come from it, its columns."""
    source = connection()
    text = HEADER.format(source=f"crossprof/store/views/{view.name}.sql") + f"# {view.name}\n\n{prose(view.sql)}\n"
    fed = source.execute("select id from metric where starts_with(source, ?) order by id", [f"{view.name}."]).fetchall()
    if fed:
        text += f"\nMetrics from it: {', '.join(f'[`{name}`](../metrics.md#{name})' for (name,) in fed)}.\n"
    asked = "" if view.name == "metric" else " where run = 'bert'"
    text += f'\n```\ncrossprof sql "from {view.name}{asked}"\n```\n'
    return f"{text}\n{columns(source, view.name)}"


def prose(sql: str) -> str:
    """The comment that opens a view's file, a paragraph for each sentence that begins a line after a full stop."""
    opening = sql.partition("CREATE ")[0].splitlines()
    lines = [line[3:] for line in opening if line.startswith("-- ") and not line.startswith(("-- uses:", "-- empty without:"))]
    return re.sub(r"(?<=[.?:])\n(?=[A-Z`])", "\n\n", "\n".join(lines))


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
    for name, command in sorted(cli.commands.items()):
        own = context_of(command, name, context)
        text += f"\n## {name}\n\n```\n{command.get_help(own)}\n```\n"
        for inner, part in (command.commands if isinstance(command, click.Group) else {}).items():
            text += f"\n### {name} {inner}\n\n```\n{part.get_help(context_of(part, inner, own))}\n```\n"
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
    **{f"views/{view.name}.md": partial(view_page, view) for view in public_views()},
}


def stale() -> list[str]:
    """Names of the pages whose file differs from what the code says, or that nothing writes any more."""
    written = {name: REFERENCE / name for name in PAGES}
    wrong = [name for name, make in PAGES.items() if not written[name].is_file() or written[name].read_text() != make()]
    return wrong + [f"views/{page.name}" for page in (REFERENCE / "views").glob("*.md") if f"views/{page.name}" not in PAGES]


def main() -> int:
    """Write the pages, or with --check name the stale ones."""
    if "--check" in sys.argv[1:]:
        names = stale()
        if names:
            sys.stderr.write(f"docs/reference is stale: {', '.join(names)}. Run `make docs`.\n")
        return 1 if names else 0
    (REFERENCE / "views").mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make())
    return 0


if __name__ == "__main__":
    sys.exit(main())
