"""Records of comparisons, kept as files, and what they say of two cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crossprof.workloads.cell import Cell
from crossprof.workloads.frameworks import framework_named
from crossprof.workloads.parity import REFERENCE

__all__ = ["keep", "kept", "why_not_the_same"]

Record = Mapping[str, Any]

_SHARED = ("model", "size", "phase", "precision", "batch", "sequence", "changes", "seed", "world_size")
"""What two cells must have in common; framework, mode and strategy are what they are compared for."""


def keep(record: Record, folder: Path) -> Path:
    """The file of a record, renamed into the place of an earlier one of the same model, size, framework and mode."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['model']}-{record['size']}-{record['framework']}-{record['mode']}.json"
    staged = path.with_suffix(".json.new")
    staged.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return staged.replace(path)


def kept(folder: Path) -> list[dict[str, Any]]:
    """All records of a folder; none where there is no folder."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def why_not_the_same(first: Cell, second: Cell, records: Iterable[Record]) -> str | None:
    """None where records prove that two cells do the same work; else what is against it, in a sentence.

    A record of the cells' own size counts before one of another size of the same model.
    """
    for name in _SHARED:
        if getattr(first, name) != getattr(second, name):
            return f"They differ in {name}: {getattr(first, name)} and {getattr(second, name)}."
    known = list(records)
    return next(filter(None, (_doubt(cell, known) for cell in (first, second))), None)


def _doubt(cell: Cell, records: list[Record]) -> str | None:
    """What is against one cell doing what the reference does."""
    if (cell.framework, cell.mode) == (REFERENCE, framework_named(REFERENCE).MODES[0]):
        return None
    wanted = (cell.model, cell.framework, cell.mode)
    found = [record for record in records if (record["model"], record["framework"], record["mode"]) == wanted]
    if not found:
        return f"No record compares {cell.framework} {cell.mode} with {REFERENCE} for {cell.model}."
    record = min(found, key=lambda one: one["size"] != cell.size)
    if failed := [check for check in record["checks"] if not check["holds"]]:
        return f"{cell.framework} {cell.mode} is not {REFERENCE} for {cell.model} {record['size']}: {_difference(failed[0])}."
    is_compared = any(check["what"] == "gradients" for check in record["checks"])
    return None if is_compared or cell.phase == "infer" else f"The gradients of {cell.framework} {cell.mode} were not compared."


def _difference(check: Mapping[str, Any]) -> str:
    if "largest" in check:
        return f"{check['what']} differ by {check['largest']:.2g}, more than {check['tolerance']:g}"
    return f"{check['what']} differ ({check.get('where') or '{base} and {other}'.format(**check)})"
