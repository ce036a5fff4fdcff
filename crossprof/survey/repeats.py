"""The repeats of one cell of the tables, as `crossprof bench` left them in the store: found by their tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossprof.store.metrics import Source

__all__ = ["Repeats", "find"]

# A run that did not end, or that lacks ranks, is no repeat: the planner runs it again.
_RUNS = """
    SELECT run_id, run, tags, coalesce(device_kind, 'cpu') AS device_kind,
        coalesce(device_model, device_kind, 'unknown device') AS device, framework, framework_version, versions,
        coalesce(try_cast(config ->> 'cores' AS INTEGER), 0) AS cores
    FROM run
    WHERE status = 'completed' AND NOT is_partial
        AND list_has_all(map_keys(tags), ['bench', 'cell', 'model', 'size', 'framework', 'phase', 'precision', 'batch'])
    ORDER BY started_ns, run_id
"""
_NO_RECORD = "no record of a proof came with its runs"


@dataclass(frozen=True)
class Repeats:
    """The runs of one cell on one sort of device, the first repeat first.

    Attributes:
        run: Their name.
        run_ids: Their ids, one for each of `numbers`, which tell what was run beside what: first with first.
        scaling: base, weak or strong in the table of scaling, else empty.
        bench: The session that they are of.
        unproven: What is against their doing what PyTorch does; empty where it is proven.
        device: Model of their devices.
        versions: Of the packages that the latest of them ran with.
        loaded: How many of them the planner found the machine busy for.
        cores: Processors that each rank was bound to; 0 where it had its share of all.
    """

    run: str
    run_ids: tuple[str, ...]
    numbers: tuple[str, ...]
    model: str
    size: str
    framework: str
    mode: str
    phase: str
    precision: str
    batch: int
    sequence: int
    strategy: str
    world_size: int
    scaling: str
    bench: str
    unproven: str
    device_kind: str
    device: str
    versions: Mapping[str, str]
    loaded: int = 0
    cores: int = 0

    @property
    def work(self) -> tuple[object, ...]:
        """What it shares with the cells that may be set beside it: all but framework, mode and strategy."""
        asked = (self.model, self.size, self.phase, self.batch, self.sequence, self.precision)
        return (*asked, self.world_size, self.cores, self.scaling, self.device_kind, self.device)


def find(source: Source, bench: str | None = None) -> tuple[Repeats, ...]:
    """Every cell that was measured, of each the runs of the latest session that has it; of one session where that is named."""
    relation = source.sql(_RUNS)
    by_cell: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for values in relation.fetchall():
        run = dict(zip(relation.columns, values, strict=True))
        tags = run["tags"]
        if bench in (None, tags["bench"]):
            by_cell[tags["cell"], tags.get("scaling", ""), run["device_kind"], run["device"]].append(run)
    return tuple(_repeats(runs) for runs in by_cell.values())


def _repeats(runs: Sequence[Mapping[str, Any]]) -> Repeats:
    """Those of the latest session; of a repeat that was run twice the later."""
    last = runs[-1]
    bench = last["tags"]["bench"]
    by_number = {run["tags"].get("repeat", "1"): run for run in runs if run["tags"]["bench"] == bench}
    numbers = sorted(by_number, key=lambda number: (len(number), number))
    tags = last["tags"]
    return Repeats(
        run=last["run"],
        run_ids=tuple(by_number[number]["run_id"] for number in numbers),
        numbers=tuple(numbers),
        model=tags["model"],
        size=tags["size"],
        framework=tags["framework"],
        mode=tags.get("mode", ""),
        phase=tags["phase"],
        precision=tags["precision"],
        batch=int(tags["batch"]),
        sequence=int(tags.get("sequence", 0)),
        strategy=tags.get("strategy", "none"),
        world_size=int(tags.get("world_size", 1)),
        scaling=tags.get("scaling", ""),
        bench=bench,
        unproven="" if tags.get("proof") in ("reference", "proven") else tags.get("proof_detail") or _NO_RECORD,
        device_kind=last["device_kind"],
        device=last["device"],
        versions=_versions(last),
        loaded=sum(run["tags"].get("machine") == "loaded" for run in by_number.values()),
        cores=last["cores"],
    )


def _versions(run: Mapping[str, Any]) -> dict[str, str]:
    """Of the packages that the run tells, its framework among them."""
    told = {name: version for name, version in (run["versions"] or {}).items() if name != "category_rules"}
    return {**told, **({run["framework"]: run["framework_version"]} if run["framework_version"] else {})}
