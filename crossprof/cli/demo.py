"""`demo`: the same small Transformer in every framework installed, recorded, ingested, compared and shown."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

import click

from crossprof import settings
from crossprof.cli import terminal
from crossprof.cli.description import described, print_findings, print_metrics
from crossprof.cli.ingest import ingest_paths
from crossprof.cli.options import store_path
from crossprof.cli.serve import serve_store
from crossprof.errors import CrossprofError

__all__ = ["demo"]

FRAMEWORKS = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
_ENVIRONMENT = {
    "CROSSPROF_INGEST": "0",  # this process ingests, where its progress can be seen
    "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow greets on stderr with what looks like errors where there is no GPU
    "PYTHONUNBUFFERED": "1",
}


@click.command()
@store_path
def demo(store: Path) -> None:
    """Train a small Transformer in each framework installed, compare the runs, and open the dashboard."""
    from crossprof.ingest import pending

    trained = [name for name in _installed() if _train(name, store)]
    if not trained:
        raise CrossprofError("No training script of the demo came to its end. What each said is above.")
    ingest_paths(pending(store), store=store)
    _report([f"transformer-{name}" for name in trained], store)
    if settings.is_on("CROSSPROF_DEMO_SERVE"):
        serve_store(store)


def _installed() -> list[str]:
    """The frameworks at hand; each other one is named with the command that installs it."""
    found = [name for name in FRAMEWORKS if find_spec(name)]
    for name, title in FRAMEWORKS.items():
        if name not in found:
            terminal.print_note(f"{title} is not installed and is left out: pip install 'crossprof[{name}]'")
    if not found:
        raise CrossprofError("The demo needs at least one framework: pip install 'crossprof[torch]'")
    return found


def _train(name: str, store: Path) -> bool:
    """Whether the training script of a framework ran to its end, in a process of its own."""
    with as_file(files("crossprof.examples").joinpath(f"train_{name}.py")) as script:
        terminal.print_line(f"\n{FRAMEWORKS[name]}: python {script}")
        environment = {**os.environ, **_ENVIRONMENT, "CROSSPROF_STORE": str(store)}
        code = subprocess.run([sys.executable, str(script)], env=environment, check=False).returncode
    if code:
        terminal.print_warning(f"{script} ended with exit code {code} and is left out.")
    return code == 0


def _report(names: Sequence[str], store: Path) -> None:
    """Print one comparison of the runs; of a single one, its metrics."""
    from crossprof.store import Store

    with Store(store) as opened:
        if len(names) > 1:
            terminal.print_line(f"\ncrossprof compare {' '.join(names)} --store {store}")
            from crossprof.cli.comparison import print_comparison  # not for every command

            print_comparison(opened.compare(names[0], *names[1:]))
            return
        document = described(opened, opened.resolve(names[0])[0])
    print_metrics(document["metrics"])
    print_findings(document["findings"])
