"""Made-up runs of a whole bench whose figures are known: what each is there for stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from made_runs import Made

from crossprof.survey.repeats import Repeats
from crossprof.survey.report import Report
from crossprof.survey.row import Row

TF: dict[str, Any] = {"framework": "keras_tensorflow", "mode": "graph"}
JAX: dict[str, Any] = {"framework": "keras_jax", "mode": "xla"}
CPU = ("cpu", "AMD EPYC")
GIGA = 1_000_000_000

MADE_UP = Repeats(
    run="bert",
    run_ids=("a1", "a2"),
    numbers=("1", "2"),
    model="bert",
    size="base",
    framework="pytorch",
    mode="eager",
    phase="train",
    precision="float32",
    batch=32,
    sequence=128,
    strategy="none",
    world_size=1,
    scaling="",
    bench="b",
    unproven="",
    device_kind="gpu",
    device="NVIDIA H100 80GB",
    versions={},
)
"""A cell that no store has."""


def pair(first: float, second: float, **facts: Any) -> list[Made]:
    """Two repeats of one cell."""
    return [Made(first, repeat=1, **facts), Made(second, repeat=2, at_s=10, **facts)]


def runs() -> Iterator[Made]:
    yield from pair(1000, 1002)
    yield from pair(1050, 1054, **TF)
    yield from pair(500, 501, **JAX)
    yield Made(9000, **TF, repeat=2, at_s=30, status="killed")  # what was interrupted is no repeat
    yield Made(9000, **TF, repeat=3, at_s=31, world_size=2, ranks=1)  # nor what lacks a rank
    seven: dict[str, Any] = {"model": "llama", "size": "7b"}
    yield Made(1000, **seven, repeat=1, peak_bytes=128 * GIGA)
    yield Made(1001, **seven, repeat=2, peak_bytes=129 * GIGA)
    yield Made(800, **seven, **TF, repeat=1, peak_bytes=134 * GIGA)
    yield Made(801, **seven, **TF, repeat=2, peak_bytes=136 * GIGA)
    yield from pair(1000, 1000, model="mistral", size="7b")
    yield from pair(1100, 900, model="mistral", size="7b", **TF)
    yield from pair(1000, 1000, model="gpt2", size="1.5b")
    yield from pair(2000, 2000, model="gpt2", size="1.5b", proof="not proven", **TF)
    yield from pair(400, 402, precision="bf16", losses=(4.0, 3.03, 2.0))
    yield from pair(700, 702, precision="bf16", losses=(4.0, 3.3, 2.2), **TF)
    yield from pair(1000, 1002, model="bert", batch=1, phase="infer", size="base")
    yield from pair(1094, 1094, model="bert", batch=1, phase="infer", size="base", **TF)
    yield from pair(1000, 1000, size="tiny", device=CPU)
    yield from pair(2000, 2000, size="tiny", device=CPU, **TF, parts={"gemm": 0.9})
    yield from spread()


def spread() -> Iterator[Made]:
    """One and two ranks: PyTorch is 1.9 times as fast in two, TensorFlow 1.5 times."""
    gpt: dict[str, Any] = {"model": "gpt2", "size": "tiny", "device": CPU}
    yield Made(700, **gpt)  # of the table of training, on all cores
    for facts, strategy, factor in (({}, "ddp", 1.9), (TF, "multiworker", 1.5)):
        told = {**gpt, **facts}
        yield from pair(1000, 1000, **told, scaling="base")
        two = {**told, "strategy": strategy, "world_size": 2}
        yield from pair(2000 / factor, 2000 / factor, **two, scaling="weak", parts={"gemm": 0.5, "communication": 0.2})
        yield from pair(1000 / factor, 1000 / factor, **two, scaling="strong", batch=4)


FLOAT_LOSSES = (4.0, 3.0, 2.0)


def bench() -> Iterator[Made]:
    """All of them; cells that bf16 is set against have a curve of losses."""
    for run in runs():
        yield replace(run, losses=FLOAT_LOSSES) if _is_reference(run) else run


def _is_reference(run: Made) -> bool:
    return (run.model, run.size, run.precision, run.phase) == ("bert", "base", "float32", "train")


def row_of(
    report: Report, table: str, *, label: str, metric: str | None = None, framework: str | None = "keras_tensorflow"
) -> Row:
    """The one row of a table with this label, metric and framework beside PyTorch."""
    (found,) = [
        row
        for one in report.tables
        if one.name == table
        for row in one.rows
        if row.label == label and metric in (None, row.metric) and (row.other.framework if row.other else None) == framework
    ]
    return found
