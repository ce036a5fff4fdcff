"""`report`: a comparison as one document to send on."""

from __future__ import annotations

from pathlib import Path

import click

from crossprof.cli.options import open_store, store_path
from crossprof.cli.output import STDOUT, write_text
from crossprof.cli.terminal import print_line
from crossprof.errors import CrossprofError

__all__ = ["report"]

_NAMES = {"html": "report.html", "markdown": "report.md"}
_MARKDOWN = (".md", ".markdown")
_OURS = ('<meta name="generator" content="crossprof', "<!-- crossprof ")
_HEAD_CHARACTERS = 1000


@click.command()
@click.argument("base")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="File to write, replaced if it is there. Default: report.html or report.md, replaced only if it is a report.",
)
@click.option(
    "--format", "form", type=click.Choice(list(_NAMES)), help="Default: markdown for a file that ends in .md, else html."
)
@store_path
def report(base: str, others: tuple[str, ...], output: str | None, form: str | None, store: Path) -> None:
    """Write a comparison as one HTML or Markdown file with figures and definitions, readable with no network."""
    from crossprof.dashboard.report import as_html, as_markdown, gather

    form = form or ("markdown" if output and output.endswith(_MARKDOWN) else "html")
    target = output or _default(form)
    with open_store(store) as opened:
        content = gather(opened, base, others)
    write_text(target, as_html(content) if form == "html" else as_markdown(content))
    if target != STDOUT:
        print_line(f"Wrote {target}")


def _default(form: str) -> str:
    """The file that is written unless one is named: only a report of ours is replaced."""
    path = Path(_NAMES[form])
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            if not any(mark in file.read(_HEAD_CHARACTERS) for mark in _OURS[form == "markdown" :]):
                raise CrossprofError(f"{path} is there and no report of crossprof: replace it with -o {path}, or name another.")
    return str(path)
