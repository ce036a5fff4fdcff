"""The proofs that cells do the same work as PyTorch: which are lacking, how they are made, and what tags say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crossprof._version import __version__
from crossprof.bench.plan import Item
from crossprof.bench.session import installed
from crossprof.errors import CrossprofError
from crossprof.workloads import Cell, framework_named
from crossprof.workloads.parity import REFERENCE, reference
from crossprof.workloads.proofs import keep, kept, why_not_the_same

__all__ = ["Lacking", "current", "lacking", "proof_tags", "proved"]

_SIZE = "tiny"
"""The size that all are proven at: another is the same code with other numbers."""
_NO_PACKAGES = {"cuda", "hip"}

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Lacking:
    """A proof that has to be made."""

    model: str
    framework: str
    mode: str

    @property
    def name(self) -> str:
        """As people read it."""
        return f"proof of {self.model} {self.framework} {self.mode}"


def current(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder that were made with the software that is installed now."""
    return [record for record in kept(folder) if _is_current(record)]


def lacking(items: Sequence[Item], records: Sequence[Record]) -> list[Lacking]:
    """What has to be proven before these cells are run, one model after the other."""
    there = {(record["model"], record["framework"], record["mode"]) for record in records}
    wanted = {(item.cell.model, item.cell.framework, item.cell.mode): None for item in items if not _is_reference(item.cell)}
    return sorted((Lacking(*one) for one in wanted if one not in there), key=lambda one: one.model)


def proved(needed: Sequence[Lacking], folder: Path) -> Iterator[tuple[Lacking, str]]:
    """Make the proofs of one model and keep their records; each with what failed, empty where none did.

    A pair that is compared and not found the same is no failure: its record says so.
    """
    try:
        with reference(needed[0].model, _SIZE) as compare:
            for one in needed:
                try:
                    keep(compare(one.framework, one.mode), folder)
                    yield one, ""
                except CrossprofError as error:
                    yield one, str(error)
    except CrossprofError as error:
        yield from ((one, str(error)) for one in needed)


def proof_tags(cell: Cell, records: Sequence[Record]) -> dict[str, str]:
    """The tags `proof` and `proof_detail` of a cell."""
    if _is_reference(cell):
        return {"proof": "reference", "proof_detail": f"All others are compared with {REFERENCE} {cell.mode}."}
    strategy = "none" if cell.strategy == "none" else next(iter(framework_named(REFERENCE).STRATEGIES))
    base = replace(cell, framework=REFERENCE, mode="", strategy=strategy)
    if doubt := why_not_the_same(base, cell, records):
        return {"proof": "not proven", "proof_detail": doubt}
    wanted = (cell.model, cell.framework, cell.mode)
    found = [record for record in records if (record["model"], record["framework"], record["mode"]) == wanted]
    return {"proof": "proven", "proof_detail": _told(min(found, key=lambda record: record["size"] != cell.size))}


def _is_reference(cell: Cell) -> bool:
    return (cell.framework, cell.mode) == (REFERENCE, framework_named(REFERENCE).MODES[0])


def _is_current(record: Record) -> bool:
    made_with = record["software"]
    if made_with.get("crossprof") != __version__:
        return False
    packages = {name: _release(text) for side in ("base", "other") for name, text in made_with[side].items()}
    return all(packages[name] == _release(text) for name, text in installed(packages.keys() - _NO_PACKAGES).items())


def _release(text: str) -> str:
    """A version without its local part, which packages and their metadata give differently."""
    return text.partition("+")[0]


def _told(record: Record) -> str:
    parts = [
        f"{check['what']} differ by at most {check['largest']:.2g} (tolerance {check['tolerance']:g})"
        for check in record["checks"]
        if "largest" in check
    ]
    return f"At {record['size']} in {record['precision']} against {record['reference']}: {', '.join(parts)}."
