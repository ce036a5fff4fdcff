"""A framework that is slowed on purpose is found, and the comparison says where the time went."""

from __future__ import annotations

import pytest

import crossprof
from crossprof.workloads import Cell, is_installed, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed("pytorch"), reason="needs pip install 'crossprof[workloads]'"),
]

LAYERS = {"layers": 4, "width": 128, "inner": 256}
"""Wide enough for the layers, and not the table of outputs, to make the step."""
PAUSE_MS = 100


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The comparison of a plain cell with one that sleeps, and with one of twice the layers."""
    store = tmp_path_factory.mktemp("store")
    cell = {"model": "llama", "size": "tiny", "framework": "pytorch", "steps": 40, "cores": 1}
    plain = run(Cell(**cell, changes=LAYERS), store=store)
    paused = run(Cell(**cell, changes=LAYERS, pause_ms=PAUSE_MS), store=store)
    doubled = run(Cell(**cell, changes={**LAYERS, "layers": 2 * LAYERS["layers"]}), store=store)
    with crossprof.open(store) as opened:
        return opened.compare(plain["run_id"], paused["run_id"], doubled["run_id"]).others


def verdict(other):
    return other.metric("step_time").verdict


def growth(other):
    """The parts of a step by how much longer they take, in nanoseconds, the one that grew most first."""
    return sorted(((part.delta_ns, part.category) for part in other.waterfall), reverse=True)


def test_a_sleep_is_found_outside_of_all_operators(compared):
    paused, _ = compared
    assert verdict(paused) == "worse"
    most, where = growth(paused)[0]
    assert where == "outside_ops"
    assert most == pytest.approx(PAUSE_MS * 1e6, rel=0.5)


def test_twice_the_layers_are_found_in_their_operators(compared):
    _, doubled = compared
    assert verdict(doubled) == "worse"
    assert growth(doubled)[0][1] not in {"outside_ops", "unprofiled"}
    calls = {one.name: (one.base_calls, one.other_calls) for one in doubled.operations}
    assert calls["aten::silu"] == (LAYERS["layers"], 2 * LAYERS["layers"]), "one a layer"
