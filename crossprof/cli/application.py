"""The group of all commands, and the one place where an error becomes a line on stderr and an exit code.

0: fine. 1: the user's error, or a failure of crossprof. 2: wrong usage. 130: Ctrl-C.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from crossprof import settings
from crossprof._version import __version__
from crossprof.cli.commands import Commands
from crossprof.cli.terminal import print_error
from crossprof.errors import CrossprofError

__all__ = ["cli", "main", "run"]

_INTERRUPTED = 130
_DUCKDB_INTERRUPTED = "Query interrupted"  # a RuntimeError: what Ctrl-C is while a query runs


@click.group(commands=Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="crossprof")
@click.option("-v", "--verbose", count=True, help="Log to stderr and show tracebacks; twice for debugging.")
def cli(verbose: int) -> None:
    """Which framework is faster, by how much, how sure are we, and where does the difference sit."""
    if verbose:
        level = logging.DEBUG if verbose > 1 else logging.INFO
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def run() -> NoReturn:
    """Run the command of this process and leave, with its exit code.

    Freeing one by one what the system takes back at once costs as much as a small query: 50 ms after an ingest.
    """
    code = main()
    if threading.active_count() > 1:  # Python waits for the others, as it should
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Errors are printed here and nowhere else."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _accept_any_character()
    try:
        with cli.make_context("crossprof", arguments) as context:
            cli.invoke(context)
        sys.stdout.flush()
        code = 0
    except click.exceptions.Exit as wanted:  # --help, --version, or a command that has said what failed
        code = wanted.exit_code
    except BrokenPipeError:  # `| head` has seen enough; what Python would still flush at exit goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (KeyboardInterrupt, click.Abort):
        code = _INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except CrossprofError as error:
        print_error(str(error))
        code = 1
    except Exception as error:
        if str(error) == _DUCKDB_INTERRUPTED:
            return _INTERRUPTED
        _print_unexpected(error, wants_traceback=_wants_traceback(arguments))
        code = 1
    return code


def _wants_traceback(arguments: Sequence[str]) -> bool:
    return settings.is_on("CROSSPROF_STRICT") or any(word in {"-v", "-vv", "--verbose"} for word in arguments)


def _print_unexpected(error: Exception, *, wants_traceback: bool) -> None:
    if wants_traceback:
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.filename and error.strerror:
        print_error(f"{error.filename}: {error.strerror}")
    else:
        hint = "" if wants_traceback else " (not foreseen; CROSSPROF_STRICT=1 or `crossprof -v` shows the traceback)"
        print_error(f"{type(error).__name__}: {error}{hint}")


def _accept_any_character() -> None:
    """A terminal that can't show a character gets a question mark, not an exception."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
