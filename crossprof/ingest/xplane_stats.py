"""The stats of a batch of events, as far as the mapping wants them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossprof.ingest.xplane_arrays import arrow, as_text, flat, numbers, places
from crossprof.ingest.xplane_glossary import NUMBERS, WANTED, Glossary

__all__ = ["NO_STATS", "Stats"]

_VALUES = {"int64_value": pa.int64(), "uint64_value": pa.uint64(), "double_value": pa.float64()}
NO_STATS = pa.table({name: pa.nulls(0, pa.struct(_VALUES) if name in NUMBERS else pa.string()) for name in WANTED})
"""No event, with a column for each stat that an event may have."""


class Stats:
    """The stats of a batch. Of several of one name on one event the last counts."""

    def __init__(self, lists: pa.Array, glossary: Glossary) -> None:
        """The stats out of a list for each event."""
        self._glossary = glossary
        self._count = len(lists)
        self._stats, self._event = flat(lists)
        ids = arrow(numbers(self._stats.field("metadata_id")))
        meant = glossary.stat_meanings[places(ids, glossary.stat_ids)]
        self._hits = {WANTED[code]: np.flatnonzero(meant == code) for code in np.unique(glossary.stat_meanings) if code >= 0}

    def events_with(self, name: str) -> np.ndarray:
        """The events that have a stat of this name."""
        found: np.ndarray = self._event[self._rows(name)]
        return found

    def texts(self, name: str) -> pa.Array:
        """The texts of this name, one for each of `events_with`."""
        return self._texts(arrow(self._rows(name))).cast(pa.string())

    def columns(self, names: Iterable[str], events: np.ndarray) -> dict[str, pa.Array]:
        """A column for each of the names that any of the events has, with a row for each event."""
        place = np.full(self._count, -1)
        place[events] = np.arange(len(events))
        found: dict[str, pa.Array] = {}
        for name in names:
            hits = self._rows(name)
            places_of_hits = place[self._event[hits]]
            is_of_these = places_of_hits >= 0
            if is_of_these.any():
                row = np.full(len(events), -1)
                row[places_of_hits[is_of_these]] = hits[is_of_these]
                rows = arrow(row, given=row >= 0)
                found[name] = self._numbers(rows) if name in NUMBERS else self._texts(rows)
        return found

    def _rows(self, name: str) -> np.ndarray:
        return self._hits.get(name, np.empty(0, np.int64))

    def _numbers(self, rows: pa.Array) -> pa.Array:
        return pa.StructArray.from_arrays([self._stats.field(name).take(rows) for name in _VALUES], names=list(_VALUES))

    def _texts(self, rows: pa.Array) -> pa.Array:
        """The texts of stats: as a rule by reference to the name of a stat, so that they are dictionaries, else written out."""
        reference = pc.index_in(self._stats.field("ref_value").take(rows), value_set=self._glossary.references)
        written = self._stats.field("str_value").take(rows)
        if written.null_count == len(written):
            return pa.DictionaryArray.from_arrays(reference, self._glossary.stat_names)
        return pc.coalesce(as_text(written), self._glossary.stat_names.take(reference))
