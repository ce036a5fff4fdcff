"""The stats of a batch of events, as far as the mapping wants them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossprof.ingest.xplane_glossary import NUMBERS, TEXTS, Glossary
from crossprof.ingest.xplane_tables import as_text, flat

__all__ = ["Stats"]

_NUMBER = pa.struct([("int64_value", pa.int64()), ("uint64_value", pa.uint64()), ("double_value", pa.float64())])


class Stats:
    """The stats of a batch whose names are wanted. Of several of one name on one event the last counts."""

    def __init__(self, lists: pa.Array, glossary: Glossary) -> None:
        """The stats out of a list for each event."""
        stats, event = flat(lists)
        ids = stats.field("metadata_id").fill_null(0).to_numpy()
        kept = np.flatnonzero(np.isin(ids, np.concatenate([np.empty(0, np.int64), *glossary.wanted.values()])))
        ids, event, stats = ids[kept], event.to_numpy()[kept], stats.take(pa.array(kept))
        self._numbers = pa.StructArray.from_arrays([stats.field(each.name) for each in _NUMBER], fields=list(_NUMBER))
        self._texts = _texts(stats, glossary)
        self._hits = {name: np.flatnonzero(np.isin(ids, wanted)) for name, wanted in glossary.wanted.items()}
        self._event: np.ndarray = event

    def events_with(self, name: str) -> np.ndarray:
        """The events that have a stat of this name."""
        found: np.ndarray = self._event[self._hits.get(name, np.empty(0, np.int64))]
        return found

    def texts(self, name: str) -> pa.Array:
        """The texts of this name, one for each of `events_with`."""
        return self._texts.take(pa.array(self._hits.get(name, np.empty(0, np.int64))))

    def columns(self, chosen: np.ndarray, count: int) -> dict[str, pa.Array]:
        """A column for each wanted name, with a row for each chosen event out of `count`."""
        place = np.full(count, -1)
        place[chosen] = np.arange(len(chosen))
        return {
            name: self._column(name, values, place, len(chosen))
            for names, values in ((NUMBERS, self._numbers), (TEXTS, self._texts))
            for name in names
        }

    def _column(self, name: str, values: pa.Array, place: np.ndarray, count: int) -> pa.Array:
        hits = self._hits.get(name, np.empty(0, np.int64))
        places = place[self._event[hits]]
        hits, places = hits[places >= 0], places[places >= 0]
        if not len(hits):
            return pa.nulls(count, values.type)
        row = np.full(count, -1)
        row[places] = hits
        return values.take(pa.array(row, mask=row < 0))


def _texts(stats: pa.Array, glossary: Glossary) -> pa.Array:
    """The texts of stats, written out or by reference to the name of a stat."""
    rows = pc.index_in(stats.field("ref_value"), value_set=glossary.stat_ids.cast(pa.uint64(), safe=False), skip_nulls=True)
    return pc.coalesce(as_text(stats.field("str_value")), glossary.stat_names.take(rows))
