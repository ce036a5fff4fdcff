"""What a recording costs: the same steps with nothing, under a framework's own profiler, and under crossprof.

    python benchmarks/overhead.py                all of it, in four to six minutes on two quiet cores
    python benchmarks/overhead.py --only jax     one framework: torch, tensorflow, jax; or process: what needs no framework

Figures are CPU time of the process, its threads included: a busy machine lengthens wall time by what others do. crossprof and
the profiler alone have the same options. The ways to run steps take turns in one process, on one core; a ratio is the median
over the pairs of neighbouring turns. Exits with 1 where a budget is passed. With --page the table is written into a page of
Markdown, between its two marks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossprof._version import __version__

os.environ["CROSSPROF_INGEST"] = "0"

_FRAMEWORKS = ("torch", "tensorflow", "jax")
_TURNS = {5: 15, 150: 7}
_STEPS = Path(__file__).with_name("overhead_steps.py")
_MOST_RATIO, _MOST_STEP_S, _MOST_SAMPLER, _MOST_GROWTH = 1.02, 1e-6, 0.005, 1 << 20
_MANY = 1_000_000
_BEGIN, _END = "<!-- measured -->", "<!-- end of what was measured -->"
_NAMES = {"torch": "torch.profiler", "tensorflow": "tf.profiler", "jax": "jax.profiler"}


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, how much it was, and how much it may be."""

    what: str
    value: float
    show: Callable[[float], str]
    budget: float | None = None
    around_s: float | None = None
    quartiles: tuple[float, float] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the budget is passed."""
        return self.budget is not None and self.value > self.budget


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[*_FRAMEWORKS, "process"], help="measure one part")
    parser.add_argument("--turns", type=float, default=1.0, help="so many times the usual number of turns")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    options = parser.parse_args(arguments)
    figures: list[Figure] = []
    if options.only in (None, "process"):
        figures += [*inactive_steps(), bare_step(), sampler(), *memory()]
    for framework in _FRAMEWORKS:
        if options.only in (None, framework):
            for milliseconds, turns in _TURNS.items():
                figures += under_profilers(framework, milliseconds, max(2, round(turns * options.turns)))
    show(figures)
    if options.page:
        parts = {"--only": options.only, "--turns": options.turns if options.turns != 1 else None, "--page": options.page}
        asked = " ".join(f"{name} {value}" for name, value in parts.items() if value)
        write_page(options.page, figures, f"python benchmarks/overhead.py {asked}")
    return int(any(one.is_over for one in figures))


def inactive_steps() -> Iterator[Figure]:
    """Marks of steps where nothing is recorded: the best of many batches, which is what the code itself takes."""
    import crossprof

    os.environ["CROSSPROF_DISABLE"] = "1"
    try:
        with crossprof.profile("inactive") as run:
            yield Figure("run.step() where nothing is recorded", _best(run.step), _microseconds, _MOST_STEP_S)
            yield Figure("a call of a @crossprof.step there", _best(crossprof.step(_nothing)), _microseconds)
    finally:
        del os.environ["CROSSPROF_DISABLE"]


def bare_step() -> Figure:
    """`run.step()` of a recording between its windows: timed, and written at once."""
    import crossprof

    options = {"framework": "torch", "schedule": (0, 10**9, 0, 1)}
    with tempfile.TemporaryDirectory() as store, crossprof.profile("bare", store=store, **options) as run:
        return Figure("run.step() between two windows of a recording", _best(run.step, batches=20), _microseconds)


def _nothing() -> None: ...


def _best(step: Callable[[], Any], *, batches: int = 100, size: int = 2000) -> float:
    spent = []
    for _ in range(batches):
        began = time.process_time()
        for _ in range(size):
            step()
        spent.append((time.process_time() - began) / size)
    return min(spent)


def sampler(seconds: float = 10.0) -> Figure:
    """The telemetry of a process and its host five times a second, for some time, as run.json states it."""
    from crossprof.collectors.host import HostSampler
    from crossprof.collectors.telemetry import Telemetry

    with tempfile.TemporaryFile("wb", buffering=0) as lines:
        telemetry = Telemetry([HostSampler()], write=lambda line: lines.write(line.encode()) and None)
        telemetry.start()
        time.sleep(seconds)
        share = telemetry.stop()["cpu_ratio"]
    return Figure("telemetry at 5 Hz, of one core", share, lambda value: f"{value:.2%}", _MOST_SAMPLER)


def memory() -> Iterator[Figure]:
    """How much a recording grows from its 100,000th step to its millionth: both the process, and what Python holds."""
    import crossprof

    options = {"framework": "torch", "schedule": (0, 10**9, 0, 1)}
    with tempfile.TemporaryDirectory() as store, crossprof.profile("many", store=store, **options) as run:
        for _ in range(_MANY // 10):
            run.step(samples=8)
        before, blocks = _resident(), sys.getallocatedblocks()
        for _ in range(_MANY - _MANY // 10):
            run.step(samples=8)
        grown = _resident() - before
        more = sys.getallocatedblocks() - blocks
    yield Figure("memory that a million steps add", grown, lambda value: f"{value / 1024:,.0f} KiB", _MOST_GROWTH)
    yield Figure("blocks of Python that they add", more, lambda value: f"{value:,.0f}", 10_000)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def under_profilers(framework: str, milliseconds: int, turns: int) -> Iterator[Figure]:
    """What a step costs in each way, and around the steps; the ratio of crossprof to the framework's profiler has a budget."""
    command = [sys.executable, os.fspath(_STEPS), framework, str(milliseconds), str(turns)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{framework}: {done.stderr.strip().splitlines()[-1]}")
    told = json.loads(done.stdout.splitlines()[-1])["turns"]
    name = f"{framework}, {milliseconds} ms steps"
    for way, pairs in told.items():
        title = _NAMES[framework] if way == "profiler" else way
        each, around = (statistics.median(column) for column in zip(*pairs, strict=True))
        yield Figure(f"{name}: {title}", each, lambda value: f"{value * 1e3:.2f} ms", around_s=max(0.0, around))
    for over, under in (("profiler", "nothing"), ("crossprof", "nothing"), ("Lightning's PyTorchProfiler", "Lightning")):
        if over in told:
            title = _NAMES[framework] if over == "profiler" else over
            yield _ratio(f"{name}: {title} / {under}", told[over], told[under])
    yield _ratio(f"{name}: crossprof / {_NAMES[framework]}", told["crossprof"], told["profiler"], budget=_MOST_RATIO)


def _ratio(what: str, over: list[list[float]], under: list[list[float]], *, budget: float | None = None) -> Figure:
    """The median over the pairs; its quartiles tell how quiet the machine was."""
    ratios = [one / other for (one, _), (other, _) in zip(over, under, strict=True)]
    first, middle, third = statistics.quantiles(ratios * 2 if len(ratios) == 1 else ratios, n=4, method="inclusive")
    return Figure(what, middle, _factor, budget, quartiles=(first, third))


def _microseconds(value: float) -> str:
    return f"{value * 1e6:.2f} us"


def _factor(value: float) -> str:
    return f"{value:.3f}"


def cells(one: Figure) -> tuple[str, str, str, str]:
    """What was measured, how much it is, what lies around the steps, and the budget."""
    around = "" if one.around_s is None else f"{one.around_s * 1e3:,.0f} ms"
    budget = "" if one.budget is None else f"{one.show(one.budget)}{', over' if one.is_over else ''}"
    spread = "" if one.quartiles is None else " [{:.2f}, {:.2f}]".format(*one.quartiles)
    return one.what, one.show(one.value) + spread, around, budget


_HEADS = ("what", "of a step, or in all", "around the steps", "budget")


def show(figures: list[Figure]) -> None:
    """Print a line a figure."""
    rows = [_HEADS, *map(cells, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for what, *rest in rows:
        print(f"{what:{widths[0]}}  {'  '.join(map(str.rjust, rest, widths[1:]))}".rstrip())


def write_page(page: Path, figures: list[Figure], command: str) -> None:
    """Put the table between the marks of a page."""
    head, rest = page.read_text(encoding="utf-8").split(_BEGIN, 1)
    _, tail = rest.split(_END, 1)
    where = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, crossprof {__version__}"
    lines = [f"| {' | '.join(row)} |" for row in (_HEADS, ("---", "--:", "--:", "--:"), *map(cells, figures))]
    table = "\n".join(lines)
    page.write_text(f"{head}{_BEGIN}\nMeasured on {where} by `{command}`.\n\n{table}\n{_END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
