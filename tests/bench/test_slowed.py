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


def surely_grown(other):
    """The parts of a step that surely take longer, by how many nanoseconds. A busy machine makes others vary."""
    return {part.category: part.delta_ns for part in other.waterfall if part.is_sure and part.delta_ns > 0}


def test_a_sleep_is_found_outside_of_all_operators(compared):
    paused, _ = compared
    assert verdict(paused) == "worse"
    grown = surely_grown(paused)
    assert max(grown, key=grown.__getitem__) == "outside_ops"
    assert grown["outside_ops"] == pytest.approx(PAUSE_MS * 1e6, rel=0.5)


def test_twice_the_layers_are_found_in_their_operators(compared):
    _, doubled = compared
    assert verdict(doubled) == "worse"
    grown = surely_grown(doubled)
    assert grown["gemm"] > grown.get("outside_ops", 0.0)
    (silu,) = (one for one in doubled.operations if one.name.startswith("aten::silu "))
    assert (silu.base_calls, silu.other_calls) == (LAYERS["layers"], 2 * LAYERS["layers"]), "one a layer"
    assert any(difference.startswith("parameters: ") for difference in doubled.differences)
