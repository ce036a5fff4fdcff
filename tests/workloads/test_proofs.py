"""What records of comparisons say of two cells."""

import pytest

from crossprof.workloads.cell import Cell
from crossprof.workloads.proofs import keep, kept, why_not_the_same

HOLDS = {"what": "gradients", "largest": 1e-6, "tolerance": 1e-3, "holds": True}
FAILS = {"what": "gradients", "largest": 2e-2, "tolerance": 1e-3, "holds": False, "where": "wte"}


def cell(**changes):
    return Cell(**{"model": "gpt2", "size": "tiny", "framework": "pytorch", **changes})


def record(*checks, **changes):
    return {"model": "gpt2", "size": "tiny", "framework": "keras_jax", "mode": "xla", "checks": list(checks), **changes}


JAX = cell(framework="keras_jax")


def test_two_cells_that_match_pytorch_match_each_other():
    records = [record(HOLDS), record(HOLDS, framework="keras_torch", mode="eager")]
    assert why_not_the_same(cell(), JAX, records) is None
    assert why_not_the_same(JAX, cell(framework="keras_torch"), records) is None
    assert why_not_the_same(cell(), cell(), []) is None


@pytest.mark.parametrize(
    ("other", "records", "reason"),
    [
        (JAX, [], "No record compares keras_jax xla with pytorch for gpt2."),
        (JAX, [record(HOLDS, model="bert")], "No record compares keras_jax xla with pytorch for gpt2."),
        (cell(mode="compile"), [record(HOLDS)], "No record compares pytorch compile with pytorch for gpt2."),
        (JAX, [record(FAILS)], "keras_jax xla is not pytorch for gpt2 tiny: gradients differ by 0.02, more than 0.001."),
        (
            JAX,
            [record({"what": "parameters", "base": 7, "other": 8, "holds": False})],
            "keras_jax xla is not pytorch for gpt2 tiny: parameters differ (7 and 8).",
        ),
        (JAX, [record()], "The gradients of keras_jax xla were not compared."),
        (cell(batch=4), [], "They differ in batch: 8 and 4."),
        (cell(changes={"layers": 4}), [], "They differ in changes: {} and {'layers': 4}."),
    ],
)
def test_what_is_not_proven_says_why(other, records, reason):
    assert why_not_the_same(cell(), other, records) == reason


def test_a_graph_that_only_infers_needs_its_logits_alone():
    graph = record({**HOLDS, "what": "logits in infer"}, framework="onnx_runtime", mode="graph")
    assert why_not_the_same(cell(phase="infer"), cell(framework="onnx_runtime", phase="infer"), [graph]) is None


def test_a_record_of_the_same_size_counts_first():
    records = [record(HOLDS), record(FAILS, size="base")]
    assert why_not_the_same(cell(), JAX, records) is None
    assert why_not_the_same(cell(size="base"), cell(size="base", framework="keras_jax"), records) is not None


def test_records_are_kept_one_a_model_size_framework_and_mode(tmp_path):
    assert kept(tmp_path / "none") == []
    keep(record(FAILS), tmp_path / "proofs")
    keep(record(HOLDS), tmp_path / "proofs")
    keep(record(HOLDS, size="base"), tmp_path / "proofs")
    assert [(one["size"], one["checks"][0]["holds"]) for one in kept(tmp_path / "proofs")] == [("base", True), ("tiny", True)]
