"""Weights and data: the same numbers wherever they are made, and back again from Keras's layouts."""

import numpy
import pytest

from crossprof.workloads.batches import batches
from crossprof.workloads.models import Model, model_named, models
from crossprof.workloads.parameter import Parameter, from_keras, to_keras
from crossprof.workloads.size import size_of
from crossprof.workloads.weights import draw


def test_a_dense_layer_of_keras_is_the_transposed_one_of_pytorch():
    parameter = Parameter(name="q.weight", shape=(4, 3), keras=("q/kernel",), layout="linear")
    value = numpy.arange(12.0).reshape(4, 3)
    (kernel,) = to_keras(parameter, value, [(3, 2, 2)])  # inputs, heads, width of a head
    assert kernel[1].tolist() == [[1, 4], [7, 10]]
    assert (from_keras(parameter, {"q/kernel": kernel}) == value).all()


def test_a_convolution_of_keras_has_its_outputs_last():
    parameter = Parameter(name="c.weight", shape=(2, 3, 1, 1), keras=("c/kernel",), layout="convolution")
    value = numpy.arange(6.0).reshape(2, 3, 1, 1)
    (kernel,) = to_keras(parameter, value, [(1, 1, 3, 2)])
    assert kernel[0, 0].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (from_keras(parameter, {"c/kernel": kernel}) == value).all()


def test_what_gpt2_has_in_one_keras_has_in_three():
    parameter = Parameter(name="c_attn.weight", shape=(2, 6), keras=("q", "k", "v"))
    value = numpy.arange(12.0).reshape(2, 6)
    parts = to_keras(parameter, value, [(2, 1, 2)] * 3)
    assert [part[:, 0].tolist() for part in parts] == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]
    assert (from_keras(parameter, dict(zip("qkv", parts, strict=True))) == value).all()


@pytest.mark.parametrize("model", models())
def test_no_two_parameters_of_a_model_start_alike_and_none_with_nothing(model):
    parameters = list(model_named(model).parameters(size_of(model, "tiny")))
    names = [parameter.name for parameter in parameters]
    paths = [path for parameter in parameters for path in parameter.keras]
    assert len(set(names)) == len(names)
    assert len(set(paths)) == len(paths)
    for parameter in parameters[:8]:
        value = draw(parameter, 0)
        assert value.shape == parameter.shape
        assert value.dtype == numpy.float32
        assert value.std() > 0
        assert (value == draw(parameter, 0)).all()
        assert (value != draw(parameter, 1)).any()


def test_next_tokens_follow_their_inputs_and_padding_does_not_occur():
    (batch,) = batches("next token", count=1, shape=(4, 16), answers=10, seed=0)
    assert (batch.labels[:, :-1] == batch.inputs[:, 1:]).all()
    assert batch.inputs.min() >= 1
    assert batch.labels.max() <= 9


def test_a_text_is_labelled_by_whether_it_counts_up():
    (batch,) = batches("label of a text", count=1, shape=(32, 4), answers=1000, seed=0)
    up = (batch.inputs[:, 1] - batch.inputs[:, 0]) % 999 == 1
    assert (up == batch.labels).all()
    assert 0 < batch.labels.sum() < 32


def test_an_image_is_labelled_by_its_stripe():
    (batch,) = batches("label of an image", count=1, shape=(16, 20), answers=10, seed=0)
    brightest = batch.inputs.mean((1, 3)).argmax(-1)
    assert (brightest == batch.labels * 2).all()


@pytest.mark.parametrize("name", models())
def test_a_model_offers_all_that_frameworks_ask_of_it(name: str) -> None:
    asked = {member for member in (*vars(Model), *Model.__annotations__) if not member.startswith("_")}
    assert asked
    assert not [member for member in asked if not hasattr(model_named(name), member)]


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "mistral"])
def test_no_token_is_masked_in_either_library(name: str) -> None:
    tokens, ones = [[3, 4], [5, 0]], [[1, 1], [1, 1]]
    given = model_named(name).transformers_inputs(numpy.array(tokens))
    assert {key: value.tolist() for key, value in given.items()} == {"input_ids": tokens, "attention_mask": ones}
    given = dict(model_named(name).keras_inputs(numpy.array(tokens)))
    assert given.pop("segment_ids", numpy.zeros(1)).sum() == 0
    assert {key: value.tolist() for key, value in given.items()} == {"token_ids": tokens, "padding_mask": ones}
