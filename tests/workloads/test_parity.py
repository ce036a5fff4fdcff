"""The same work, proven: each model in each framework against PyTorch, in processes of their own."""

import json

import pytest

from crossprof.workloads import frameworks, is_installed, models
from crossprof.workloads.parity import REFERENCE, prove

TRAINERS = {"keras_tensorflow", "keras_jax", "keras_torch"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(is_installed, frameworks())), reason="needs pip install 'crossprof[workloads]'"),
]


@pytest.mark.parametrize("model", models())
def test_a_model_computes_the_same_in_every_framework(model):
    others = [name for name in frameworks() if name != REFERENCE]
    assert set(others) == {*TRAINERS, "onnx_runtime", "litert"}
    records = prove(model, "tiny", others)
    assert [(record["framework"], record["same"]) for record in records] == [(name, True) for name in others], json.dumps(
        records
    )
    for record in records:
        compared = [check["what"] for check in record["checks"]]
        if record["framework"] in TRAINERS:
            assert compared == ["parameters", "logits in train", "logits in infer", "gradients", "losses of 5 steps"]
        else:
            assert compared == ["logits in infer"]
