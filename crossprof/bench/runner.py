"""Carries a plan out: proofs first, then one cell after the other, each of which may fail without the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from crossprof.bench.estimate import Estimate
from crossprof.bench.machine import state
from crossprof.bench.plan import Plan, Visit
from crossprof.bench.proving import Lacking, current, lacking, proof_tags, proved
from crossprof.bench.session import Session
from crossprof.bench.standing import note, ranks_that_spoke, set_aside, standing
from crossprof.errors import CrossprofError
from crossprof.workloads import LONGEST_S, Cell, TooLong, framework_named, run

__all__ = ["Failure", "Progress", "Runner"]


class Progress(Protocol):
    """Who is told how far the work is."""

    def begin(self, what: str, *, remaining_s: float) -> None:
        """Something is begun; what is left, it included, takes so long."""
        ...

    def end(self, seconds: float) -> None:
        """It came to its end."""
        ...

    def fail(self, what: str, reason: str) -> None:
        """It did not, and why."""
        ...

    def warn(self, text: str) -> None:
        """Something that makes figures doubtful."""
        ...

    def close(self) -> None:
        """Nothing more comes, for all is done or the bench was stopped."""
        ...


@dataclass(frozen=True)
class Failure:
    """What did not come to its end, and its last words."""

    what: str
    reason: str


@dataclass
class Runner:
    """A plan, and the session that it is carried out in.

    Attributes:
        cooldown_s: How long to wait before each cell.
        limit_s: How long a run of a cell may take; one that takes longer is ended, and has failed.
        failures: What failed so far.
    """

    plan: Plan
    session: Session
    estimate: Estimate
    progress: Progress
    cooldown_s: float = 0.0
    limit_s: float = LONGEST_S
    failures: list[Failure] = field(default_factory=list)

    def visits(self) -> list[Visit]:
        """The runs that are still lacking: those that the store holds whole are kept."""
        whole, _ = standing(self.session.store, self.session.id)
        return [visit for visit in self.plan.visits() if visit.key not in whole]

    def proofs(self, visits: Sequence[Visit]) -> list[Lacking]:
        """The proofs that are lacking for these runs."""
        items = [item for item in self.plan.items if any(visit.cell == item.cell for visit in visits)]
        return lacking(items, current(self._folder))

    def carry_out(self) -> None:
        """Make what is lacking. The session is finished where all of it is in the store then."""
        with closing(self.progress):
            self._carry_out()

    def _carry_out(self) -> None:
        self._set_halves_aside()
        visits = self.visits()
        self._warn_of_load()
        self.session.save()
        self._prove(visits)
        records = current(self._folder)
        for number, visit in enumerate(visits):
            what = f"{visit.cell.name}, run {visit.repeat} of {self.plan.repeats}"
            self.progress.begin(f"{number + 1}/{len(visits)} {what}", remaining_s=self._left_s(visits[number:]))
            time.sleep(self.cooldown_s)
            self._attempt(what, visit, records)
        self._set_halves_aside()
        if not self.failures:
            self.session.finish()

    def _attempt(self, what: str, visit: Visit, records: Sequence[Any]) -> None:
        tags = {"bench": self.session.id, "repeat": str(visit.repeat), **proof_tags(visit.cell, records), **state().tags()}
        cell = replace(visit.cell, tags={**visit.cell.tags, **tags})
        began = time.monotonic()
        try:
            told = run(cell, store=self.session.store, timeout_s=self.limit_s)
            self._check(cell, told)
        except TooLong as error:
            self._failed(what, f"{error} --cell-limit gives it more.")
        except CrossprofError as error:
            self._failed(what, str(error).removeprefix(f"{cell.name} failed: "))
        else:
            seconds = time.monotonic() - began
            self.session.took(visit.cell.name, seconds)
            self.estimate.saw(visit.cell, seconds)
            self.progress.end(seconds)

    def _check(self, cell: Cell, told: dict[str, Any]) -> None:
        """Raise CrossprofError where a run is none that counts."""
        if not told["is_stored"]:
            raise CrossprofError(f"Its run {told['run_id']} is not whole in the store: its ingest left a log in .staging/.")
        if cell.world_size > 1:
            self._check_ranks(cell, told)

    def _check_ranks(self, cell: Cell, told: dict[str, Any]) -> None:
        """Take a run out of the session whose ranks may have worked each for itself, and note how it is known of others."""
        store, run_id = self.session.store, told["run_id"]
        strategy = framework_named(cell.framework).STRATEGIES[cell.strategy]
        if not strategy.has_collectives:
            note(store, run_id, {"collectives": "none: its workers ask a server, in processes that are not profiled"})
            return
        processes = cell.world_size if strategy.is_spread else 1
        spoke = ranks_that_spoke(store, run_id)
        if spoke is None:
            note(store, run_id, {"collectives": "not recorded: the profiler is off where it may end a worker"})
        elif spoke < processes:
            set_aside(store, [run_id], self.session.id)
            raise CrossprofError(f"The traces of {processes - spoke} of {processes} ranks of run {run_id} show no collective.")
        else:
            note(store, run_id, {"collectives": f"in the traces of {processes} of {processes} processes"})

    def _prove(self, visits: Sequence[Visit]) -> None:
        needed = self.proofs(visits)
        for _, group in groupby(needed, key=lambda one: one.model):
            wanted = list(group)
            left = len(needed) - needed.index(wanted[0])
            self.progress.begin(
                f"proof of {wanted[0].model} in {', '.join(one.framework for one in wanted)}",
                remaining_s=self._left_s(visits, proofs=left),
            )
            began = time.monotonic()
            for one, failed in proved(wanted, self._folder):
                if failed:
                    self._failed(one.name, failed)
            self.progress.end(time.monotonic() - began)

    def _left_s(self, visits: Sequence[Visit], *, proofs: int = 0) -> float:
        return self.estimate.of((visit.cell for visit in visits), proofs=proofs)

    def _failed(self, what: str, reason: str) -> None:
        self.failures.append(Failure(what, reason))
        self.progress.fail(what, reason)

    def _set_halves_aside(self) -> None:
        _, half = standing(self.session.store, self.session.id)
        set_aside(self.session.store, half, self.session.id)

    def _warn_of_load(self) -> None:
        now, processors = state(), self.estimate.machine.processors
        if (now.load or 0.0) > processors / 2:
            self.progress.warn(
                f"The load average is {now.load:.1f}, more than half of the processors ({processors}): figures of a busy "
                "machine vary, and its runs say so in their tags load_average and machine."
            )

    @property
    def _folder(self) -> Path:
        return self.session.store / "proofs"
