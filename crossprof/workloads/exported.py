"""A model that another framework exported to a file, in a process of its own: the one that is measured does not load it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crossprof.errors import CrossprofError
from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.lifeline import FOLDER, PARENT
from crossprof.workloads.work import batches_of

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["Exported", "exported", "sample_of"]


class Exported:
    """What only infers: the rest of `Ready`, which nobody may ask for.

    Attributes:
        parameter_count: None: the graph holds the weights it was exported with, in whatever form its compiler likes.
    """

    parameter_count = None

    def recording(self) -> None:
        """Nothing is to be done."""

    def train(self, batch: Batch) -> float:
        """Never. Raises CrossprofError."""
        del batch
        raise CrossprofError("An exported graph only infers.")

    def gradients(self, batch: Batch) -> Mapping[str, Array]:
        """Never. Raises CrossprofError."""
        del batch
        raise CrossprofError("An exported graph only infers.")

    def weights(self) -> Mapping[str, Array]:
        """Never. Raises CrossprofError."""
        raise CrossprofError("An exported graph only infers.")


@contextmanager
def exported(cell: Cell, module: str, name: str) -> Iterator[Path]:
    """The file that `python -m MODULE CELL FILE` writes, in a folder that is removed, also where this process is killed."""
    with tempfile.TemporaryDirectory(prefix="crossprof-export-", dir=os.environ.get(FOLDER)) as folder:
        path = Path(folder) / name
        command = [sys.executable, "-P", "-m", module, cell.to_json(), os.fspath(path)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "CROSSPROF_DISABLE": "1", PARENT: str(os.getpid())},
        )
        if done.returncode or not path.is_file():
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise CrossprofError(f"{cell.model} {cell.size} was not exported for {cell.framework}: {last}")
        yield path


def sample_of(cell: Cell) -> Batch:
    """One batch, for its shape."""
    return batches_of(cell, count=1)[0]
