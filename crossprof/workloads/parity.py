"""The proof that two frameworks do the same work: what each computes of the same weights and data, compared.

python -m crossprof.workloads.parity bert --size tiny --framework keras_jax --framework onnx_runtime
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossprof._version import __version__
from crossprof.errors import CrossprofError
from crossprof.workloads.cell import Cell
from crossprof.workloads.child import start, wait
from crossprof.workloads.evidence import GRADIENT, STEPS
from crossprof.workloads.frameworks import framework_named, frameworks
from crossprof.workloads.place import Place, free_addresses
from crossprof.workloads.run import check, is_installed

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

    Evidence = Mapping[str, Array]

__all__ = ["REFERENCE", "TOLERANCE", "compared", "prove", "reference"]

REFERENCE = "pytorch"
"""What all others are compared with, in its first mode."""

TOLERANCE = {"outputs": 1e-4, "gradients": 1e-3, "losses": 1e-3}
"""Of outputs: the largest difference of a logit. Of gradients and losses: the largest relative one."""

_NOTHING = 1e-4
"""A parameter with less than this share of the whole gradient is set against that share: a bias of keys has but noise."""

_NOT_OF_GRAPHS = ["parameters, gradients, losses: an exported graph holds the weights it was exported with, and only infers"]


def prove(
    model: str, size: str, others: Sequence[str], *, modes: Mapping[str, str] | None = None, timeout_s: float = 1200.0
) -> list[dict[str, Any]]:
    """For each framework, the record of its comparison with the reference, in float32: see `compared`.

    Args:
        model: Name of the model.
        size: Name of its size.
        others: The frameworks that are compared with the reference.
        modes: The mode of a framework, where it is not its first.
        timeout_s: How long one framework may take.

    Raises:
        CrossprofError: A framework is not installed, or failed.
    """
    with reference(model, size, timeout_s=timeout_s) as compare:
        return [compare(name, (modes or {}).get(name, "")) for name in others]


@contextmanager
def reference(model: str, size: str, *, timeout_s: float = 1200.0) -> Iterator[Callable[[str, str], dict[str, Any]]]:
    """A function that compares a framework, in a mode, with the reference, whose evidence is gathered once, before.

    Raises:
        CrossprofError: A framework, or the reference, is not installed, or failed.
    """
    base = Cell(model=model, size=size, framework=REFERENCE)
    with tempfile.TemporaryDirectory(prefix="crossprof-parity-") as folder:
        found = _gathered(base, Path(folder), timeout_s)

        def compare(framework: str, mode: str) -> dict[str, Any]:
            phase = framework_named(framework).PHASES[0]
            cell = Cell(model=model, size=size, framework=framework, mode=mode, phase=phase)
            return compared(base, cell, found, _gathered(cell, Path(folder), timeout_s))

        yield compare


def compared(reference: Cell, cell: Cell, base: Evidence, other: Evidence) -> dict[str, Any]:
    """The record of one comparison, from the evidence of both sides. What one side can't do is not compared, and said.

    The keys: model, size, framework, mode, reference, precision, batch, sequence, same, checks (what, base, other, largest,
    where, tolerance, holds), not_compared, differences (what is known not to be the same), software (of either side).
    """
    about, others_about = json.loads(str(base["about"])), json.loads(str(other["about"]))
    counts = (about["parameters"], others_about["parameters"])
    checks = [_count_check(*counts)] if counts[1] is not None else []
    checks += [_output_check(name, base[name], other[name]) for name in ("logits in train", "logits in infer") if name in other]
    if "losses" in other:
        checks += [_gradient_check(base, other), _loss_check(base["losses"], other["losses"])]
    return {
        "model": cell.model,
        "size": cell.size,
        "framework": cell.framework,
        "mode": cell.mode,
        "reference": f"{reference.framework} {reference.mode}",
        "precision": "float32",
        "batch": cell.batch,
        "sequence": cell.sequence,
        "same": all(check["holds"] for check in checks),
        "checks": checks,
        "not_compared": [] if "losses" in other else _NOT_OF_GRAPHS,
        "differences": list(_differences(about["facts"], others_about["facts"])),
        "software": {"base": about["versions"], "other": others_about["versions"], "crossprof": __version__},
    }


def _gathered(cell: Cell, folder: Path, timeout_s: float) -> Evidence:
    """The evidence of one framework, from a process of its own: a process of Keras has one back end."""
    import numpy

    check(cell)
    place = Place(0, free_addresses(1))
    path, log = folder / f"{cell.framework}-{cell.mode}.npz", folder / f"{cell.framework}.log"
    environment = {**framework_named(cell.framework).environment(cell, place), "CROSSPROF_DISABLE": "1"}
    child = start("crossprof.workloads.evidence", [cell.to_json(), str(path)], environment=environment, log=log)
    wait([child], what=f"The evidence of {cell.name}", timeout_s=timeout_s)
    with numpy.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def _count_check(base: int, other: int) -> dict[str, Any]:
    return {"what": "parameters", "base": base, "other": other, "holds": base == other}


def _output_check(name: str, base: Array, other: Array) -> dict[str, Any]:
    if base.shape != other.shape:
        return {"what": name, "base": list(base.shape), "other": list(other.shape), "holds": False}
    return _within(name, float(abs(base - other).max()), TOLERANCE["outputs"])


def _gradient_check(base: Evidence, other: Evidence) -> dict[str, Any]:
    """Each parameter's gradient: the norm of the difference over its norm. Both sides must have the same parameters."""
    import numpy

    names = {name for name in base if name.startswith(GRADIENT)}
    if unmatched := names ^ {name for name in other if name.startswith(GRADIENT)}:
        return {"what": "gradients", "where": sorted(unmatched)[0].removeprefix(GRADIENT), "holds": False}
    norms = {name: float(numpy.linalg.norm(base[name].astype("float64"))) for name in names}
    least = _NOTHING * sum(norm**2 for norm in norms.values()) ** 0.5
    off = {
        name: float(numpy.linalg.norm(base[name].astype("float64") - other[name])) / max(norms[name], least) for name in names
    }
    worst = max(off, key=lambda name: (not off[name] >= 0, off[name]))  # NaN is the worst
    return {**_within("gradients", off[worst], TOLERANCE["gradients"]), "where": worst.removeprefix(GRADIENT)}


def _loss_check(base: Array, other: Array) -> dict[str, Any]:
    return _within(f"losses of {STEPS} steps", float((abs(base - other) / abs(base)).max()), TOLERANCE["losses"])


def _within(what: str, largest: float, tolerance: float) -> dict[str, Any]:
    return {"what": what, "largest": largest, "tolerance": tolerance, "holds": largest <= tolerance}


def _differences(base: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """What the two sides say of themselves that is not alike."""
    for name in base:
        if name in other and base[name] != other[name]:
            yield f"{name}: {base[name]} against {other[name]}"


@click.command()
@click.argument("model")
@click.option("--size", default="tiny", show_default=True, help="Size of the model.")
@click.option("--framework", "names", multiple=True, help="What is compared. Default: all that are installed.")
def main(model: str, size: str, names: tuple[str, ...]) -> None:
    """Compare with PyTorch; print the record of each comparison as JSON. Ends with 1 where a pair is not proven the same."""
    try:
        records = prove(model, size, names or [name for name in frameworks() if name != REFERENCE and is_installed(name)])
    except CrossprofError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    click.echo(json.dumps(records, indent=1))
    sys.exit(not all(record["same"] for record in records))


if __name__ == "__main__":
    main()
