"""What is done before the steps that count must not be in their figures."""

from typing import Any

import numpy
import pytest

from crossprof.workloads.cell import Cell
from crossprof.workloads.record import _warm_up

CELL = {"model": "gpt2", "size": "tiny", "framework": "pytorch", "warmup": 3}


class Ready:
    """A double whose loss is the number of its step, and that counts how often all its weights were read."""

    def __init__(self):
        self.steps, self.reads = 0, 0

    def train(self, batch):
        self.steps += 1
        return float(self.steps)

    def weights(self):
        self.reads += 1
        return {"weight": numpy.ones(3)}


@pytest.mark.parametrize(("ways", "reads"), [({}, 0), ({"phase": "infer"}, 0), ({"strategy": "ddp", "world_size": 2}, 1)])
def test_weights_are_read_only_to_compare_ranks(ways, reads):
    """A copy of all of them is a tenth of the peak memory of a process that trains on a CPU."""
    ready: Any = Ready()
    work: Any = [None]
    warm = _warm_up(ready, ready.train, work, cell=Cell(**CELL, **ways), build_s=0.0)
    assert (ready.steps, ready.reads) == (3, reads)
    assert (warm.parameters_sha256 is not None) == bool(reads)
    assert warm.losses == ([] if "phase" in ways else [1.0, 2.0, 3.0])
