"""`record`: an unchanged script, in whatever framework it imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from crossprof import settings
from crossprof.cli import terminal
from crossprof.cli.options import open_store, parsed_tags, store_path
from crossprof.collectors.request import Request
from crossprof.errors import CrossprofError

__all__ = ["record"]

_STARTUP = Path(__file__).parents[1] / "collectors" / "startup"
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that reach the command alone."""

_RECORDED = """
    SELECT run.run, (SELECT count(*) FROM rank WHERE rank.run_id = run.run_id) AS ranks, verdict, step_time.value AS step_ns
    FROM run
    LEFT JOIN run_metric AS step_time ON step_time.run_id = run.run_id AND metric = 'step_time' AND step_time.rank IS NULL
    WHERE run.run_id = ?
"""


def _schedule(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    if value in (None, "auto"):
        return "auto"
    try:
        return [int(part) for part in str(value).split(",")]
    except ValueError:
        raise click.BadParameter("give numbers: unmeasured,bare,warmup,profiled, such as 2,5,1,5.") from None


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--name", help="Name of the run. Default: that of the script.")
@click.option(
    "--step", metavar="NAME", help="What a step is: a function's name, an optimizer's class, or fit, evaluate, predict."
)
@click.option("--framework", type=click.Choice(["torch", "tensorflow", "jax"]), help="Whose profiler. Default: the step's own.")
@click.option("--model", help="Name of the model.")
@click.option("--precision", help="Numeric precision of the work, such as bf16.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", callback=parsed_tags, help="A tag of the run; repeatable.")
@click.option(
    "--schedule", metavar="U,B,W,P", callback=_schedule, help="Steps unmeasured, bare, warm-up, profiled. Default: 2,5,1,5."
)
@click.option("--every", type=int, metavar="STEPS", help="A further window every so many steps.")
@click.option("--every-seconds", type=float, metavar="S", help="A further window every so many seconds.")
@click.option("--after-seconds", type=float, metavar="S", help="A further window after so many seconds.")
@click.option("--slow-step", type=float, metavar="RATIO", help="A further window after a step so many times the median.")
@click.option("--keep-bytes", type=int, default=2**30, help="Bytes of traces that further windows keep. Default: 1 GiB.")
@store_path
def record(command: tuple[str, ...], step: str | None, store: Path, **options: Any) -> None:
    """Run a command and record the Python in it: crossprof record -- python train.py --epochs 3.

    The script is not changed; what it prints, its signals and its exit code are passed through. A step is, whichever is seen
    first: the step of a torch optimizer, a batch of Keras, a call of a jitted function of JAX or of a tf.function.
    """
    try:
        Request(**{**options, "name": "checked"})
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="crossprof-record-") as folder:
        noted = Path(folder) / "recorded"
        wanted = {**options, "step": step, "store": os.fspath(store), "noted": os.fspath(noted)}
        code = _run(_as_python(command), _environment(wanted))
        recorded = [Path(line) for line in noted.read_text("utf-8").splitlines()] if noted.exists() else []
    try:
        _report(recorded, store)
    except (CrossprofError, OSError) as error:  # the script's own end is what counts
        terminal.print_warning(f"what was recorded can't be shown: {error}")
    if code:
        raise click.exceptions.Exit(code if code > 0 else 128 - code)


def _as_python(command: Sequence[str]) -> list[str]:
    """The command, with Python put before a script or -m."""
    is_script = command[0] == "-m" or (command[0].endswith(".py") and not os.access(command[0], os.X_OK))
    return [sys.executable, *command] if is_script else list(command)


def _environment(wanted: dict[str, Any]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [os.fspath(_STARTUP), os.environ.get("PYTHONPATH")]))
    given = {"PYTHONPATH": path, "CROSSPROF_RECORD": json.dumps(wanted), "CROSSPROF_INGEST": "0"}
    return {"KINETO_LOG_LEVEL": "99", **os.environ, **given}  # read before torch starts: else it prints lines of its own


def _run(command: list[str], environment: dict[str, str]) -> int:
    """The exit code of the command, negative where a signal ended it. Raises CrossprofError where there is no such program."""
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise CrossprofError(f"{command[0]}: {error.strerror}") from None
    with _passing_on_signals(child):
        return child.wait()


@contextmanager
def _passing_on_signals(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Live as long as the child does, whatever comes: its end is what decides."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    numbers = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in numbers}
    before[signal.SIGINT] = signal.signal(
        signal.SIGINT, lambda *_: None if _is_in_foreground() else pass_on(signal.SIGINT, None)
    )
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Whether Ctrl-C at a terminal reaches the command and the script alike: a second one would be one too many."""
    try:
        with Path("/dev/tty").open("rb") as terminal_file:
            return os.tcgetpgrp(terminal_file.fileno()) == os.getpgrp()
    except OSError:
        return False


def _report(recorded: Sequence[Path], store: Path) -> None:
    """Ingest what was recorded and say so, beside whatever the script printed."""
    if settings.is_on("CROSSPROF_DISABLE"):
        terminal.print_note("crossprof: nothing was recorded, since CROSSPROF_DISABLE is set.")
        return
    if not recorded:
        terminal.print_note(
            "crossprof: nothing was recorded, since no step was seen. Mark steps (crossprof.steps), or name one with --step."
        )
        return
    opened = open_store(store)
    for run_id in dict.fromkeys(folder.parent.name for folder in recorded):
        for run in opened.arrow(_RECORDED, [run_id]).to_pylist():
            took = "" if run["step_ns"] is None else f", {run['step_ns'] / 1e6:.3g} ms a step"
            terminal.print_note(
                f"crossprof: recorded {run['run']} ({run_id}), {run['ranks']} rank{'s' * (run['ranks'] > 1)}{took}, "
                f"{run['verdict']}. Next: crossprof show {run_id}"
            )
