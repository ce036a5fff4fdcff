"""A made-up report on the survey: all tables and words, long labels, missing sides, wide and narrow intervals, ten rows each.

No figure in it was measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from crossprof.store.composition import CategoryDifference
from crossprof.survey.report import Decision, Report, Statement, Table
from crossprof.survey.row import Claim, Figure, Row, Side

BASE, OTHER = ("bert-base", "syn-torch-gpu-1"), ("bert-base-fp32", "syn-torch-gpu-2")  # of synthetic.py

Triple = tuple[float, float, float]
"""Where an interval begins, its value, and where it ends."""

_TABLES = {
    "training": ("Training speed", "throughput", 1.0, "samples/s"),
    "utilization": ("Utilization", "cpu_utilization", 1e-3, "ratio"),
    "memory": ("Training memory", "peak_memory", 2.0**20, "bytes"),
    "precision": ("Mixed precision", "precision_gain", 1e-2, "times"),
    "scaling": ("Scaling", "speedup", 1e-2, "times"),
    "latency": ("Inference latency", "step_time", 1e5, "ns"),
    "throughput": ("Inference throughput", "throughput", 1.0, "samples/s"),
}
_LONG = "Mistral-7B with grouped-query attention over a window of 4,096 tokens, exported, 16 samples at a time"
_QUERY = "select run, metric, value, ci_low, ci_high from run_metric where rank is null and metric = '{}' order by run"


def even_numbers() -> Iterator[Triple]:
    """Intervals as they might have been measured, each around three digits."""
    for place in itertools.count():
        value = 120.0 + 37 * place % 800
        yield 0.96 * value, value, 1.05 * value


def even_ratios() -> Iterator[Triple]:
    """Ratios on both sides of no difference."""
    for value in itertools.cycle((0.93, 1.31, 1.01, 0.82, 1.12, 0.7, 1.9)):
        yield 0.97 * value, value, 1.04 * value


@dataclass
class Maker:
    """Makes rows of one table from numbers that come one after the other."""

    numbers: Iterator[Triple] = field(default_factory=even_numbers)
    ratios: Iterator[Triple] = field(default_factory=even_ratios)
    size: float = 1.0
    unit: str = ""
    metric: str = ""
    is_extreme: bool = False

    def figure(self) -> Figure:
        low, value, high = (one * self.size for one in next(self.numbers))
        return Figure(value, low, high, self.unit, 40)

    def ratio(self) -> Figure:
        low, value, high = next(self.ratios)
        return Figure(value, low, high, "ratio", 40)

    def side(self, framework: str = "keras_tensorflow", mode: str = "graph") -> Side:
        run, run_id = BASE if framework == "pytorch" else OTHER
        return Side(run, (run_id,), framework, mode, self.figure())

    def parts(self) -> tuple[CategoryDifference, ...]:
        """More of one work, less of another, and what is not sure; in an extreme report the first alone."""
        ahead, behind = (next(self.numbers) for _ in range(2))
        gemm = CategoryDifference("host", "gemm", 0.0, ahead[1] * 1e5, ahead[0] * 1e5, ahead[2] * 1e5)
        if self.is_extreme:
            return (gemm,)
        return (
            gemm,
            CategoryDifference("host", "elementwise", behind[1] * 1e4, 0.0, -behind[2] * 1e4, -behind[0] * 1e4),
            CategoryDifference("host", "outside_ops", 1e6, 1e6 + behind[0] * 1e3),
        )

    def row(self, **changed: Any) -> Row:
        row = Row(
            label="BERT tiny",
            model="bert",
            size="tiny",
            metric=self.metric,
            base=self.side("pytorch", "eager"),
            other=self.side(),
            ratio=self.ratio(),
            claim=claim(),
            word="cannot tell here",
            because="An AMD EPYC is not the survey's hardware (A100).",
            verdict="indistinguishable",
            why="gemm takes most of the difference, and elementwise the rest.",
            parts=self.parts(),
            notes=(),
            hardware="AMD EPYC 9654 96-Core Processor",
            sql=_QUERY.format(self.metric),
        )
        return replace(row, **changed)

    def rows(self) -> tuple[Row, ...]:
        """Ten rows, each of another kind."""
        most, least = self.ratio(), self.ratio()
        nothing: dict[str, Any] = {"ratio": None, "verdict": "", "why": "", "parts": (), "sql": ""}
        repeats = (
            "Not proven the same: gradients differ by 2e-3.",
            "The repeats disagree in direction, so nothing is told apart.",
        )
        return (
            self.row(word="supports", because="It is on the survey's side, within 5 points.", verdict="worse"),
            self.row(label=_LONG, word="contradicts", because="The other way round.", verdict="better", notes=repeats),
            self.row(label="GPT-2 tiny, 2 ranks, strong", claim=claim(1.09, pytorch=3.2, tensorflow=3.5)),
            self.row(label="LLaMA tiny", base=None, because="PyTorch failed here.", **nothing),
            self.row(label="Mistral tiny", other=None, because="TensorFlow is not installed.", **nothing),
            self.row(label="Wide interval", ratio=replace(most, ci_low=0.0001, ci_high=900.0)),
            self.row(label="No interval", ratio=replace(least, ci_low=None, ci_high=None), verdict="too_few"),
            self.row(label="BERT tiny", other=self.side("keras_jax", "xla"), claim=None, verdict="different"),
            self.row(label="LLaMA-2 70B", base=None, other=None, because="Not measured: `crossprof bench`.", **nothing),
            self.row(
                label="BERT tiny",
                base=replace(self.side("pytorch", "compile"), figure=None),
                other=self.side("onnx_runtime", "graph"),
                claim=claim(None),
                because="The runs of PyTorch don't have this figure.",
                **nothing,
            ),
        )

    def beyond(self) -> tuple[Row, ...]:
        """Rows whose ratios no axis holds."""
        told = [Figure(value, value, value, "ratio", 40) for value in (0.0002, 5000.0)]
        return tuple(self.row(label=f"Beyond the axis {place}", ratio=ratio) for place, ratio in enumerate(told))


def claim(ratio: float | None = 0.95, *, pytorch: float | None = None, tensorflow: float | None = None) -> Claim:
    """A claim of the survey."""
    text = "TensorFlow trains BERT-base at 0.95 of PyTorch's speed."
    return Claim("training", "BERT-base", "bert", "base", pytorch, tensorflow, ratio, "ms" if pytorch else "", "A100", text)


def made_up(
    numbers: Iterator[Triple] | None = None, ratios: Iterator[Triple] | None = None, *, is_extreme: bool = False
) -> Report:
    """The report, with measured numbers from `numbers` and `ratios`.

    An extreme one has ratios that no axis holds, and differences of one part, whose sum is no other number.
    """
    maker = Maker(numbers or even_numbers(), ratios or even_ratios(), is_extreme=is_extreme)
    tables = []
    for name, (title, metric, size, unit) in _TABLES.items():
        maker = replace(maker, metric=metric, size=size, unit=unit)
        rows = (*maker.rows(), *(maker.beyond() if is_extreme else ()))
        question = f"Which framework is ahead in {title.lower()}?"
        tables.append(Table(name, title, question, "A ratio is the other framework over PyTorch; 1 is no difference.", rows))
    hardware = ("2 × AMD EPYC 9654 96-Core Processor, host synthetic-host", "NVIDIA H100 80GB HBM3")
    software = (("jax", "0.10.2"), ("keras", "3.12.0"), ("tensorflow", "2.21.0"), ("torch", "2.13.0"))
    return Report(tuple(tables), _decisions(), hardware, software, 1_780_000_000_000_000_000, "0.1.0")


def _decisions() -> tuple[Decision, ...]:
    sentences = (
        Statement("TensorFlow trains BERT here at 0.93 of PyTorch's speed (95 % interval 0.9 to 0.97).", "training", 0),
        Statement("JAX compiles for 4 s longer and is ahead from step 200 on.", "training", 7),
    )
    return (
        Decision("training", "To train", sentences, ""),
        Decision("production", "To serve", (Statement("ONNX Runtime answers first.", "latency", 9),), ""),
        Decision("scaling", "To use many devices", (), "Nothing was measured: `crossprof bench --table scaling --size tiny`."),
        Decision("memory", "To save memory", (Statement("PyTorch takes 12 % less.", "memory", 1),), ""),
    )


def unmeasured() -> Report:
    """The report of an empty store: claims alone."""
    full = made_up()
    tables = tuple(replace(table, rows=(table.rows[8],)) for table in full.tables)
    decisions = tuple(replace(one, statements=(), lacking="Not measured: `crossprof bench`.") for one in full.decisions)
    return replace(full, tables=tables, decisions=decisions, hardware=(), software=())
