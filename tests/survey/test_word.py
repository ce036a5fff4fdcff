"""The word for a claim at every branch, on made-up comparisons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from known_bench import MADE_UP

from crossprof.survey.contrast import Contrast
from crossprof.survey.row import Claim, Figure
from crossprof.survey.word import word_of

OTHER = replace(MADE_UP, framework="keras_tensorflow", mode="graph", run_ids=("b1", "b2"))
CLAIM = Claim("training", "BERT-base", "bert", "base", None, None, 0.9, "times", "GPU", "0.9 of PyTorch's speed.", "throughput")


def between(low: float, high: float, verdict: str = "worse") -> Contrast:
    return Contrast(Figure((low + high) / 2, low, high, "ratio", 40), verdict, repeats=2)


WORSE = between(0.85, 0.95)


@pytest.mark.parametrize(
    ("low", "high", "word", "reason"),
    [
        (0.85, 0.95, "supports", "leaves out no difference and comes within 5 points of 0.9"),
        (0.80, 0.86, "supports", "within 5 points"),
        (0.94, 0.99, "supports", "within 5 points"),
        (0.85, 1.02, "cannot tell here", "covers no difference and comes within 5 points"),
        (1.01, 1.2, "contradicts", "in direction"),
        (0.97, 1.1, "contradicts", "in size, with no difference seen here"),
        (0.5, 0.6, "contradicts", "in size alone"),
        (0.96, 0.99, "contradicts", "in size alone"),
    ],
)
def test_a_figure_is_held_against_the_interval(low: float, high: float, word: str, reason: str) -> None:
    found, because = word_of(CLAIM, "throughput", OTHER, between(low, high))
    assert found == word
    assert reason in because


def test_near_the_figure_but_on_the_other_side_is_no_support() -> None:
    found = word_of(replace(CLAIM, ratio=0.98), "throughput", OTHER, between(1.01, 1.02, "better"))
    assert found == (
        "cannot tell here",
        "The interval 1.01 to 1.02 comes within 5 points of 0.98, but lies on the other side of no difference.",
    )


def test_a_figure_above_one_has_its_side_above_one() -> None:
    slower = replace(CLAIM, ratio=1.1)
    assert word_of(slower, "step_time", OTHER, between(1.05, 1.2))[0] == "supports"
    assert word_of(slower, "step_time", OTHER, between(0.9, 0.95))[0] == "contradicts"


@pytest.mark.parametrize(
    ("verdict", "ahead", "word"),
    [
        ("worse", "pytorch", "supports"),
        ("better", "pytorch", "contradicts"),
        ("better", "tensorflow", "supports"),
        ("worse", "tensorflow", "contradicts"),
        ("indistinguishable", "pytorch", "cannot tell here"),
        ("different", "pytorch", "cannot tell here"),
    ],
)
def test_a_claim_without_a_figure_goes_by_direction(verdict: str, ahead: str, word: str) -> None:
    claim = replace(CLAIM, ratio=None, ahead=ahead, size="", model="")
    assert word_of(claim, "precision_gain", OTHER, between(0.8, 0.9, verdict))[0] == word


Change = dict[str, Any]
REASONS: list[tuple[Change, Change, Change, str]] = [
    (
        {"device_kind": "cpu", "device": "AMD EPYC"},
        {},
        {},
        "Other hardware: the survey measured on a GPU, this is AMD EPYC (cpu).",
    ),
    ({}, {"hardware": "A100"}, {}, "Other hardware: the survey measured on an A100, this is NVIDIA H100 80GB (gpu)."),
    ({}, {"hardware": "TPU v5"}, {}, "Other hardware: the survey measured on a TPU v5, this is NVIDIA H100 80GB (gpu)."),
    ({}, {"devices": 8}, {}, "Other number of devices: 1 here, 8 in the survey."),
    ({"size": "tiny"}, {}, {}, "Other size: tiny here, base in the survey."),
    ({"size": "tiny"}, {"size": "", "model": ""}, {}, "Other size: the survey speaks of no bert tiny."),
    ({}, {"batch": 1}, {}, "Other batch: 32 here, 1 in the survey."),
    (
        {},
        {},
        {"doubts": ("TensorFlow is not proven the same: logits differ",)},
        "TensorFlow is not proven the same: logits differ.",
    ),
    ({}, {}, {"repeats": 1}, "Too few repeats: 1 of a side, where 2 are needed."),
    ({}, {}, {"disagrees": True}, "The repeats disagree in direction."),
    ({}, {}, {"verdict": "not_measured"}, "One side has no figure."),
    ({}, {}, {"verdict": "not_comparable", "notes": ("of another kind",)}, "The two are not compared: of another kind."),
    ({}, {}, {"verdict": "too_few"}, "Too few samples for an interval."),
    ({}, {}, {"ratio": None}, "There is no interval."),
]
"""Changes of the other side, of the claim and of the comparison, and what then stands against telling."""


@pytest.mark.parametrize(("other", "claim", "found", "because"), REASONS)
def test_what_stands_against_telling(other: Change, claim: Change, found: Change, because: str) -> None:
    told = word_of(replace(CLAIM, **claim), "throughput", replace(OTHER, **other), replace(WORSE, **found))
    assert told == ("cannot tell here", because)


def test_the_first_reason_of_several_is_given() -> None:
    other, found = replace(OTHER, device_kind="cpu", size="tiny"), replace(WORSE, disagrees=True, repeats=1)
    assert word_of(CLAIM, "throughput", other, found)[1].startswith("Other hardware")
    assert word_of(CLAIM, "throughput", replace(other, device_kind="gpu"), found)[1].startswith("Other size")
    assert word_of(CLAIM, "throughput", OTHER, found)[1].startswith("Too few repeats")


def test_what_the_survey_does_not_speak_of_is_named() -> None:
    assert word_of(None, "throughput", replace(OTHER, framework="keras_jax", mode="xla"), WORSE) == (
        "cannot tell here",
        "The survey says nothing of JAX.",
    )
    assert word_of(None, "peak_memory", OTHER, WORSE)[1] == "The survey says nothing of the peak_memory of BERT."
