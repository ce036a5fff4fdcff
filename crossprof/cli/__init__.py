"""The command line: what each command asks of the rooms, and how the answer is printed."""

from crossprof.cli.application import cli, main, run

__all__ = ["cli", "main", "run"]
