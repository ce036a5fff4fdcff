"""Who counted the memory of which device: what the page Memory offers to choose from, and what it shows by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossprof.dashboard.snapshot import rows_of
from crossprof.store import Store

__all__ = ["ALIGNMENTS", "Source", "chosen_sources", "counters", "devices", "sources_of"]

ALIGNMENTS = {"time": "time", "step": "step"}
_SEVERAL = ("driver", "process", "allocator")  # the most alike across frameworks first
_ALONE = ("allocator", "driver", "process")  # the most detailed first


@dataclass(frozen=True)
class Source:
    """One counter of one device of one rank of a run, and the most that it counted, in bytes."""

    run_id: str
    rank: int
    device_id: int
    counter: str
    peak_bytes: int

    @property
    def device(self) -> str:
        """The device as the address names it."""
        return f"{self.rank}:{self.device_id}"


def sources_of(store: Store, run_ids: Sequence[str]) -> list[Source]:
    """Every source of the runs."""
    select = (
        "select run_id, rank, device_id, coalesce(peak_allocated_bytes, peak_reserved_bytes) as allocated_bytes, "
        "peak_used_bytes, used_counter from memory_peak where run_id = ?"
    )
    found = []
    for row in rows_of(store, select, run_ids).to_dicts():
        place = (row["run_id"], row["rank"], row["device_id"])
        if row["allocated_bytes"] is not None:
            found.append(Source(*place, "allocator", row["allocated_bytes"]))
        if row["used_counter"] is not None and row["peak_used_bytes"] is not None:
            found.append(Source(*place, row["used_counter"], row["peak_used_bytes"]))
    return found


def counters(sources: Sequence[Source]) -> list[str]:
    """The counters of these sources: what most runs have first."""
    runs = {one.run_id for one in sources}
    order = _SEVERAL if len(runs) > 1 else _ALONE
    having = {name: len({one.run_id for one in sources if one.counter == name}) for name in order}
    return sorted((name for name in order if having[name]), key=lambda name: -having[name])


def devices(sources: Sequence[Source], counter: str) -> dict[str, str]:
    """The devices that this counter knows in any of the runs, as the address and as a person names them."""
    places = sorted({(one.rank, one.device_id) for one in sources if one.counter == counter})
    ranks = {rank for rank, _ in places}
    named = {f"{rank}:{device}": _named(rank, device, has_ranks=len(ranks) > 1) for rank, device in places}
    return {"": "the fullest of each run", **named}


def _named(rank: int, device: int, *, has_ranks: bool) -> str:
    place = "host" if device == -1 else f"device {device}"
    return f"rank {rank}, {place}" if has_ranks else place


def chosen_sources(sources: Sequence[Source], counter: str, device: str) -> list[Source]:
    """For each run the source of this counter on the device that is named, else on the fullest one."""
    counted = [one for one in sources if one.counter == counter and device in ("", one.device)]
    fullest: dict[str, Source] = {}
    for one in sorted(counted, key=lambda one: (-one.peak_bytes, one.rank, one.device_id)):
        fullest.setdefault(one.run_id, one)
    return [fullest[run_id] for run_id in dict.fromkeys(one.run_id for one in counted)]
