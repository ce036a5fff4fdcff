"""What a cell is: checked before anything is built, and named the same at every repetition."""

import json

import pytest

from crossprof.errors import CrossprofError
from crossprof.workloads import Cell, check, framework_named, frameworks, model_named, models, size_of, sizes

PUBLISHED = {
    ("bert", "base"): 109_482_240 + 2 * 768 + 2,  # BertModel with its pooler, and two labels
    ("gpt2", "base"): 124_439_808,
    ("gpt2", "1.5b"): 1_557_611_200,
    ("llama", "7b"): 6_738_415_616,
    ("llama", "13b"): 13_015_864_320,
    ("llama", "70b"): 68_976_648_192,
    ("mistral", "7b"): 7_241_732_096,
    ("resnet50", "base"): 25_557_032,
}


def cell(**changes):
    return Cell(**{"model": "gpt2", "size": "tiny", "framework": "pytorch", **changes})


def test_the_table_of_sizes_counts_what_the_models_are_made_of():
    for size in sizes():
        counted = sum(parameter.size for parameter in model_named(size.model).parameters(size) if parameter.is_trained)
        assert (size.model, size.size, counted) == (size.model, size.size, size.parameters)
    assert {key: size_of(*key).parameters for key in PUBLISHED} == PUBLISHED


def test_every_model_has_the_three_sizes_for_one_machine():
    for model in models():
        assert {"tiny", "small", "base"} <= {size.size for size in sizes() if size.model == model}


def test_a_cell_takes_from_its_size_what_it_does_not_say():
    made = cell()
    assert (made.mode, made.batch, made.sequence, made.shape.depth) == ("eager", 8, 32, 2)
    assert made.name == "gpt2-tiny-pytorch-eager-train-float32-b8-s32"
    assert made.facts["framework"] == "pytorch"
    assert made.facts["cell"] == made.name
    assert cell(seed=3, steps=40, tags={"repeat": "2"}).name == made.name
    assert cell(tags={"repeat": "2"}).facts["repeat"] == "2"


def test_what_slows_a_cell_is_in_its_name():
    doubled = cell(changes={"layers": 4})
    assert doubled.shape.depth == 4
    assert doubled.shape.parameters == 0, "the table does not know it"
    assert doubled.name.endswith("-layers4")
    assert cell(pause_ms=2.5).name.endswith("-pause2.5")


def test_a_cell_is_the_same_after_a_trip_through_json():
    made = cell(strategy="ddp", world_size=2, changes={"layers": 4}, tags={"a": "b"})
    assert Cell.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "t5"}, "There is no model 't5'. Models: bert, gpt2, llama, mistral, resnet50."),
        ({"size": "huge"}, "Model 'gpt2' has no size 'huge'. Its sizes: tiny, small, base, 1.5b."),
        ({"framework": "mxnet"}, "There is no framework 'mxnet'. Frameworks: keras_jax,"),
        ({"phase": "test"}, "A cell's phase is 'test': use train or infer."),
        ({"precision": "fp8"}, "A cell's precision is 'fp8': use float32 or bf16."),
        ({"steps": 0}, "A cell's steps is 0: use 1 or more."),
        ({"sequence": 65}, "A cell's sequence is 65: gpt2 tiny has 64 positions."),
        ({"world_size": 2}, "Strategy 'none' with world_size 2"),
        ({"strategy": "ddp"}, "Strategy 'ddp' with world_size 1"),
        ({"changes": {"depth": 4}}, "A size has no 'depth'"),
    ],
)
def test_what_makes_no_sense_is_one_line(changes, message):
    with pytest.raises(CrossprofError) as raised:
        cell(**changes)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["no json", "[]", json.dumps({"model": "bert"}), json.dumps({"modell": "bert"})])
def test_json_that_describes_no_cell_is_one_line(text):
    with pytest.raises(CrossprofError) as raised:
        Cell.from_json(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "xla"}, "pytorch has no mode 'xla'. It has eager, compile."),
        ({"framework": "onnx_runtime", "phase": "train"}, "onnx_runtime has no phase 'train'. It has infer."),
        ({"framework": "onnx_runtime", "phase": "infer", "precision": "bf16"}, "onnx_runtime has no precision 'bf16'"),
        ({"strategy": "mirrored", "world_size": 2}, "pytorch has no strategy 'mirrored'. It has none, ddp, fsdp."),
        (
            {"framework": "keras_tensorflow", "mode": "xla", "strategy": "mirrored", "world_size": 2},
            "keras_tensorflow has no strategy 'mirrored' in mode 'xla'. It has it in graph, eager.",
        ),
    ],
)
def test_a_framework_says_what_it_has(changes, message):
    with pytest.raises(CrossprofError) as raised:
        check(cell(**changes))
    assert message in str(raised.value)


def test_every_framework_offers_what_a_planner_asks_for():
    for name in frameworks():
        framework = framework_named(name)
        assert framework.MODES
        assert set(framework.PHASES) <= {"train", "infer"}
        assert framework.RECORDED in {"torch", "tensorflow", "jax", "onnxruntime", None}
        assert all(set(strategy.modes) <= set(framework.MODES) for strategy in framework.STRATEGIES.values())
