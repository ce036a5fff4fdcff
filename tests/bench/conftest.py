"""A bench without frameworks: a double of `workloads.run`, and of the store that it leaves runs in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crossprof.bench import runner as runner_module
from crossprof.bench.estimate import Estimate
from crossprof.bench.machine import Machine, State
from crossprof.bench.plan import planned
from crossprof.bench.request import Request
from crossprof.bench.runner import Runner
from crossprof.bench.session import seconds_known, session_of
from crossprof.errors import CrossprofError
from crossprof.workloads import Cell

MACHINE = Machine(processors=2, memory_bytes=16 * 10**9)


@dataclass
class Told:
    """A Progress that keeps what it is told."""

    begun: list[str] = field(default_factory=list)
    left_s: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    is_closed: bool = False

    def begin(self, what: str, *, remaining_s: float) -> None:
        self.begun.append(what)
        self.left_s.append(remaining_s)

    def end(self, seconds: float) -> None:
        pass

    def fail(self, what: str, reason: str) -> None:
        self.failed.append(f"{what}: {reason}")

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Run:
    """A run of the double's store."""

    run_id: str
    tags: dict[str, str]
    status: str
    world_size: int
    timeout_s: float = 0.0


@dataclass
class Double:
    """What runs cells in the tests, and the store that their runs are in.

    Attributes:
        fails: Parts of names of cells that fail.
        dies_at: The number of the cell at which the process would be killed: its run is left half.
        spoke: How many ranks have collectives in their trace; None: no trace was made.
    """

    runs: list[Run] = field(default_factory=list)
    fails: tuple[str, ...] = ()
    dies_at: int = 0
    spoke: int | None = 2

    def run(self, cell: Cell, *, store: Path, timeout_s: float) -> dict[str, Any]:
        """As workloads.run."""
        if any(part in cell.name for part in self.fails):
            raise CrossprofError(f"{cell.name} failed: out of luck")
        is_dead = len(self.runs) + 1 == self.dies_at
        one = Run(f"run-{len(self.runs)}", cell.facts, "killed" if is_dead else "completed", cell.world_size, timeout_s)
        self.runs.append(one)
        if is_dead:
            raise KeyboardInterrupt
        return {"run_id": one.run_id, "is_stored": True, "ranks_hold_the_same_parameters": True}

    def standing(self, store: Path, session: str) -> tuple[set[tuple[str, int]], list[str]]:
        """As standing.standing."""
        ours = [run for run in self.runs if run.tags.get("bench") == session]
        whole = {(run.tags["cell"], int(run.tags["repeat"])) for run in ours if run.status == "completed"}
        return whole, [run.run_id for run in ours if run.status != "completed"]

    def set_aside(self, store: Path, run_ids: Iterable[str], session: str) -> None:
        """As standing.set_aside."""
        for run in self.runs:
            if run.run_id in run_ids:
                run.tags["bench_failed"] = run.tags.pop("bench")

    def note(self, store: Path, run_id: str, tags: dict[str, str]) -> None:
        """As standing.note."""
        next(run for run in self.runs if run.run_id == run_id).tags.update(tags)

    def ranks_that_spoke(self, store: Path, run_id: str) -> int | None:
        """As standing.ranks_that_spoke."""
        return self.spoke


@pytest.fixture(autouse=True)
def _everything_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a plan sees it: no framework is loaded here, and each would use a GPU."""
    monkeypatch.setattr(sys.modules["crossprof.bench.devices"], "version", lambda package: "1.0")
    monkeypatch.setattr(sys.modules["crossprof.workloads.run"], "find_spec", lambda package: package)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Double:
    """Stands in for all that takes long: cells, proofs, and the look at the machine."""
    one = Double()
    for name in ("run", "standing", "set_aside", "note", "ranks_that_spoke"):
        monkeypatch.setattr(runner_module, name, getattr(one, name))
    monkeypatch.setattr(runner_module, "state", lambda: State(0.25, 0.1, {"cpu_governor": "performance"}))
    monkeypatch.setattr(runner_module, "proved", lambda needed, folder: [(one, "") for one in needed])
    return one


@pytest.fixture
def bench(tmp_path: Path, double: Double) -> Callable[..., Runner]:
    """A runner for a request, as the command makes it."""

    def made(*, is_new: bool = False, **wish: Any) -> Runner:
        request = Request(**{"frameworks": ("pytorch", "keras_jax"), "repeats": 2, **wish})
        plan, store = planned(request, MACHINE), tmp_path / "store"
        estimate = Estimate(MACHINE, [item.cell for item in plan.items], seconds_known(store))
        return Runner(plan, session_of(store, request, is_new=is_new), estimate, Told())

    return made
