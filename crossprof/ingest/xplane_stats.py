"""The stats of a batch of events, as far as the mapping wants them: the others are never decoded."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossprof.ingest.xplane_arrays import arrow, as_text, flat, numbers, places
from crossprof.ingest.xplane_glossary import NUMBERS, ONE_BYTE, WANTED, Glossary
from crossprof.ingest.xplane_tables import decoded

__all__ = ["NO_STATS", "Stats"]

_VALUES = {"int64_value": pa.int64(), "uint64_value": pa.uint64(), "double_value": pa.float64()}
NO_STATS = pa.table({name: pa.nulls(0, pa.struct(_VALUES) if name in NUMBERS else pa.string()) for name in WANTED})
"""No event, with a column for each stat that an event may have."""

_ID_TAG = 0x08
_SHORTEST = 2  # a tag and an id of one byte


class Stats:
    """The stats of a batch. Of several of one name on one event the last counts."""

    def __init__(self, lists: pa.Array, glossary: Glossary) -> None:
        """The stats out of a list for each event, each of them still encoded. Raises SpaceError."""
        self._glossary = glossary
        self._count = len(lists)
        self._stats, self._event = flat(lists)
        meant = _meanings(self._stats, glossary)
        wanted = np.flatnonzero(meant >= 0)
        meant = meant[wanted]
        self._hits: dict[str, np.ndarray] = {WANTED[code]: wanted[meant == code] for code in np.unique(meant)}

    def events_with(self, name: str) -> np.ndarray:
        """The events that have a stat of this name."""
        found: np.ndarray = self._event[self._rows(name)]
        return found

    def texts(self, name: str) -> pa.Array:
        """The texts of this name, one for each of `events_with`. Raises SpaceError."""
        return self._texts(self._rows(name)).cast(pa.string())

    def columns(self, names: Iterable[str], events: np.ndarray) -> dict[str, pa.Array]:
        """A column for each of the names that any of the events has, with a row for each event. Raises SpaceError."""
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
                given = row >= 0
                values = (self._numbers if name in NUMBERS else self._texts)(row[given])
                found[name] = values if given.all() else values.take(arrow(np.cumsum(given) - 1, given=given))
        return found

    def _rows(self, name: str) -> np.ndarray:
        return self._hits.get(name, np.empty(0, np.int64))

    def _numbers(self, rows: np.ndarray) -> pa.Array:
        values = decoded("StatNumber", self._stats.take(arrow(rows)))
        return pa.StructArray.from_arrays([values.column(name) for name in _VALUES], names=list(_VALUES))

    def _texts(self, rows: np.ndarray) -> pa.Array:
        """The texts of stats: as a rule by reference to the name of a stat, so that they are dictionaries, else written out."""
        values = decoded("StatText", self._stats.take(arrow(rows)))
        reference = pc.index_in(values.column("ref_value"), value_set=self._glossary.references)
        written = values.column("str_value")
        if written.null_count == len(written):
            return pa.DictionaryArray.from_arrays(reference, self._glossary.stat_names)
        return pc.coalesce(as_text(written), self._glossary.stat_names.take(reference))


def _meanings(stats: pa.Array, glossary: Glossary) -> np.ndarray:
    """What each stat means: its place in WANTED, -1 where it is not wanted. Raises SpaceError.

    The id comes first in what all writers write, and takes one byte in all but the rarest planes.
    """
    if not len(stats):
        return np.empty(0, np.int8)
    starts = np.frombuffer(stats.buffers()[1], np.int32)[stats.offset : stats.offset + len(stats) + 1].astype(np.intp)
    encoded = np.frombuffer(stats.buffers()[2], np.uint8)
    is_long = np.diff(starts) >= _SHORTEST
    tag = encoded.take(starts[:-1], mode="clip")
    first = encoded.take(starts[:-1] + 1, mode="clip")
    meant: np.ndarray = glossary.short_meanings.take(first, mode="clip")
    others = np.flatnonzero(~is_long | (tag != _ID_TAG) | (first >= ONE_BYTE))
    if len(others):
        ids = decoded("StatId", stats.take(arrow(others))).column("metadata_id")
        meant[others] = glossary.stat_meanings[places(arrow(numbers(ids)), glossary.stat_ids)]
    return meant
