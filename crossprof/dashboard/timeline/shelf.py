"""The timelines that a serving process holds in memory: built when first asked for, the longest unused let go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from crossprof.dashboard.snapshot import Snapshot, frame
from crossprof.dashboard.timeline.build import build
from crossprof.dashboard.timeline.timeline import Timeline
from crossprof.store import Store

__all__ = ["Named", "Shelf"]

_MOST_BYTES = 1 << 30
_NAMED = """
    SELECT run_id, run, (SELECT string_agg(part, ' ' ORDER BY part) FROM store.part WHERE part.run_id = run.run_id)
    FROM run WHERE run_id = ?
"""


@dataclass(frozen=True)
class Named:
    """A run: its id, its name, and the parts that it is made of, which change when it is ingested anew."""

    run_id: str
    run: str
    parts: str


class Shelf:
    """Timelines by run. One is known by the parts of its run, so that a publish of other runs leaves it."""

    def __init__(self, snapshot: Snapshot, *, most_bytes: int = _MOST_BYTES) -> None:
        self._snapshot = snapshot
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, Timeline] = OrderedDict()
        self._lock = threading.Lock()
        self._building: dict[str, threading.Lock] = {}
        self._resolved: tuple[str, dict[str, Named]] = ("", {})
        snapshot.on_close(self.close)

    def store(self) -> Store:
        """The store at its current catalog, for the calling thread alone."""
        return self._snapshot.store()

    def resolve(self, name: str) -> Named:
        """The run that a name means: looked up once for each catalog, since every move on the page asks. Raises RunNotFound."""
        version = self._snapshot.version
        if self._resolved[0] != version:
            self._resolved = (version, {})
        known = self._resolved[1]
        if name not in known:
            store = self.store()
            run_id = store.resolve(name)[0]
            known[name] = Named(*frame(store, _NAMED, run_id).row(0))
        return known[name]

    def timeline(self, run: Named) -> Timeline:
        """The timeline of a run; of several threads that ask for a new one, one builds it."""
        key = f"{run.run_id} {run.parts}"
        with self._lock:
            building = self._building.setdefault(key, threading.Lock())
        with building:
            held = self._taken(key)
            if held is None:
                held = Timeline(build(self.store(), run.run_id))
                self._keep(key, held)
        return held

    def close(self) -> None:
        """Let go of all timelines."""
        with self._lock:
            for timeline in self._held.values():
                timeline.close()
            self._held.clear()

    def _taken(self, key: str) -> Timeline | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def _keep(self, key: str, timeline: Timeline) -> None:
        """A request may still read what is let go here: its memory is freed with the last of them."""
        with self._lock:
            self._held[key] = timeline
            size = sum(held.bytes for held in self._held.values())
            while size > self._most_bytes and len(self._held) > 1:
                old, dropped = self._held.popitem(last=False)
                self._building.pop(old, None)
                size -= dropped.bytes
