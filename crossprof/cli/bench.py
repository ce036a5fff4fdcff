"""`bench`: the survey's tables on this machine."""

from __future__ import annotations

import click

from crossprof.cli.bench_report import report

__all__ = ["bench"]


@click.group()
def bench() -> None:
    """The survey's tables, with what was measured here beside the survey's figures."""


bench.add_command(report)
