"""The ways of launches, held in `rollup._kernel_path`: what the view says, with no join of all operators for each level."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crossprof.store.arrays import columns, packed
from crossprof.store.intervals import distinct, joint, split

__all__ = ["fill__kernel_path"]

Ints = NDArray[np.int64]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, from the golden ratio: it spreads neighbours


def fill__kernel_path(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills `rollup._kernel_path` with the ways of all kernels of the connection."""
    make, of_ops, of_kernels, add_up, of_ways, of_names, fill = _statements()
    connection.execute(make)
    ops = _Ops(columns(connection, of_ops))
    launching = columns(connection, of_kernels)
    connection.register("path_code", ops.coded(distinct(joint(launching["process"], launching["op_id"]))))
    connection.execute(add_up)
    connection.unregister("path_code")
    ways = connection.execute(of_ways).fetchall()
    chains = [ops.chain(process, op_id) for process, op_id in ways]
    on_ways = sorted({op for chain in chains for op in chain})
    wanted = {"process": [process for process, _ in on_ways], "op_id": [op_id for _, op_id in on_ways]}
    names = {(process, op_id): name for process, op_id, name in connection.execute(of_names, wanted).fetchall()}
    spelled = [[names[op] for op in chain] for chain in chains]
    found: dict[str, list[Any]] = {"process": [way[0] for way in ways], "op_id": [way[1] for way in ways], "ops": spelled}
    connection.execute(fill, found)
    connection.execute("DROP TABLE path_sum; DROP TABLE path_process")


class _Ops:
    """The operators by process and number, each with the place of its parent, and a code of all names from the outermost in.

    The parent of an outermost one is at -1; so is that of one whose outermost is not in the file, which has no code.
    """

    def __init__(self, table: dict[str, Ints]) -> None:
        keys = joint(table["process"], table["op_id"])
        order = slice(None) if (keys[1:] > keys[:-1]).all() else np.argsort(keys)
        self.keys, parent, name = keys[order], table["parent_id"][order], table["code"][order].astype(np.uint64)
        self.parent = self._places(joint(table["process"][order], np.maximum(parent, 0)))
        self.parent[parent < 0] = -1
        self.is_coded = parent < 0
        self.code = name.copy()
        waiting = np.flatnonzero((parent >= 0) & (self.parent >= 0))
        while (is_next := self.is_coded[self.parent[waiting]]).any():
            ready, waiting = waiting[is_next], waiting[~is_next]
            outer = self.code[self.parent[ready]]
            outer = (outer ^ (outer >> np.uint64(29))) * _MULTIPLIER + name[ready]
            self.code[ready] = outer ^ (outer >> np.uint64(32))
            self.is_coded[ready] = True

    def _places(self, keys: Ints) -> Ints:
        """Where the operators are, -1 for those that are not there."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        places = np.clip(keys - self.keys[0], 0, len(self.keys) - 1)  # numbers without gaps, in one process
        others = np.flatnonzero(self.keys[places] != keys)
        places[others] = np.minimum(np.searchsorted(self.keys, keys[others]), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def coded(self, keys: Ints) -> pa.Table:
        """The codes of operators, of those that have one."""
        places = self._places(keys)
        places = places[places >= 0]
        places = places[self.is_coded[places]]
        process, op_id = split(self.keys[places])
        found = {"process": process, "op_id": op_id, "code": self.code[places].view(np.int64)}
        return pa.table({name: packed(values) for name, values in found.items()})

    def chain(self, process: int, op_id: int) -> list[tuple[int, int]]:
        """The processes and numbers of the operators around one, from the outermost to itself."""
        place, found = int(self._places(joint(np.array([process]), np.array([op_id])))[0]), list[int]()
        while place >= 0:
            found.append(place)
            place = int(self.parent[place])
        processes, numbers = split(self.keys[found[::-1]])
        return list(zip(processes.tolist(), numbers.tolist(), strict=True))


@cache
def _statements() -> list[str]:
    return files("crossprof.store").joinpath("kernel_path.sql").read_text("utf-8").split("\n---\n")
