"""The record of a comparison, from evidence that is written by hand."""

import json

import numpy
import pytest

from crossprof.workloads.cell import Cell
from crossprof.workloads.parity import compared

REFERENCE = Cell(model="gpt2", size="tiny", framework="pytorch")
OTHER = Cell(model="gpt2", size="tiny", framework="keras_jax")


def evidence(*, logit=1.0, gradient=(3.0, 4.0), noise=0.0, loss=2.0, parameters=7, attention="sdpa"):
    about = {"parameters": parameters, "facts": {"attention": attention}, "versions": {"torch": "1"}}
    return {
        "logits in train": numpy.array([[logit, 0.0]]),
        "logits in infer": numpy.array([[logit, 0.0]]),
        "gradient/weight": numpy.array(gradient),
        "gradient/key.bias": numpy.array([noise]),
        "losses": numpy.array([loss] * 5),
        "about": numpy.array(json.dumps(about)),
    }


def failed(record):
    return [check["what"] for check in record["checks"] if not check["holds"]]


def test_the_same_numbers_are_the_same_work():
    record = compared(REFERENCE, OTHER, evidence(), evidence(attention="einsum"))
    assert record["same"]
    assert [check["what"] for check in record["checks"]] == [
        "parameters",
        "logits in train",
        "logits in infer",
        "gradients",
        "losses of 5 steps",
    ]
    assert record["differences"] == ["attention: sdpa against einsum"]
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"logit": 1.001}, ["logits in train", "logits in infer"]),
        ({"gradient": (3.0, 4.01)}, ["gradients"]),
        ({"gradient": (3.0, float("nan"))}, ["gradients"]),
        ({"loss": 2.01}, ["losses of 5 steps"]),
        ({"parameters": 8}, ["parameters"]),
    ],
)
def test_what_differs_is_not_proven_the_same(other, what):
    record = compared(REFERENCE, OTHER, evidence(), evidence(**other))
    assert failed(record) == what
    assert record["same"] is False


def test_the_largest_differences_are_told():
    record = compared(REFERENCE, OTHER, evidence(), evidence(gradient=(3.0, 4.001)))
    (check,) = [check for check in record["checks"] if check["what"] == "gradients"]
    assert check["where"] == "weight"
    assert check["largest"] == pytest.approx(0.001 / 5)


def test_noise_in_a_gradient_that_is_nothing_is_no_difference():
    assert compared(REFERENCE, OTHER, evidence(noise=1e-9), evidence(noise=-1e-9))["same"]
    assert failed(compared(REFERENCE, OTHER, evidence(noise=1e-3), evidence(noise=-1e-3))) == ["gradients"]


def test_a_parameter_that_one_side_lacks_is_named():
    other = evidence()
    del other["gradient/key.bias"]
    record = compared(REFERENCE, OTHER, evidence(), other)
    assert failed(record) == ["gradients"]
    assert [check.get("where") for check in record["checks"] if check["what"] == "gradients"] == ["key.bias"]


def test_a_graph_that_only_infers_is_compared_in_that_alone():
    graph = {name: value for name, value in evidence(parameters=None).items() if name in {"logits in infer", "about"}}
    record = compared(REFERENCE, OTHER, evidence(), graph)
    assert record["same"]
    assert [check["what"] for check in record["checks"]] == ["logits in infer"]
    assert record["not_compared"]
