"""Where the time of one ingest goes: wall and CPU seconds by phase, in this process.

    python benchmarks/phases.py trace.json

What the phases leave is the start of Python, the imports, and the scratch database.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossprof.ingest.reader import READERS
from crossprof.store import publish
from crossprof.store.part_writer import PartWriter

# A package's name is taken by its function of the same name, so modules are asked for by theirs.
_INGEST = importlib.import_module("crossprof.ingest.ingest")
_PART = importlib.import_module("crossprof.ingest.part")
_PHASES: list[tuple[str, Any, str]] = [
    ("find the file", _INGEST, "discover"),
    *(("stage: JSON or protobuf to relations, beside the hash", type(reader), "stage") for reader in READERS),
    ("derive: ids, nesting, launches, steps, findings, and write what is final beside it", _PART, "derive"),
    ("write the rest of the part", PartWriter, "finish"),
    ("publish", _INGEST, "publish"),
]


def measured(work: Callable[..., Any], name: str, spent: dict[str, tuple[float, float]]) -> Callable[..., Any]:
    """The function, noting what it takes."""

    def noting(*arguments: Any, **options: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return work(*arguments, **options)
        finally:
            spent[name] = (time.perf_counter() - wall, time.process_time() - cpu)

    return noting


def phases(path: Path, store: Path) -> dict[str, tuple[float, float]]:
    """Wall and CPU seconds of each phase of the ingest of one file, and of all of it."""
    spent: dict[str, tuple[float, float]] = {}
    for name, owner, attribute in _PHASES:
        setattr(owner, attribute, measured(getattr(owner, attribute), name, spent))
    measured(_INGEST.ingest, "all", spent)([path], store=store)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=Path)
    with tempfile.TemporaryDirectory(prefix="crossprof-bench-") as folder:
        store = Path(folder) / "store"
        publish(store)
        spent = phases(parser.parse_args().trace, store)
    print("| phase | wall, s | CPU, s |\n|---|--:|--:|")
    for name, (wall, cpu) in spent.items():
        print(f"| {name} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
