"""The survey's figures, as it states them."""

from __future__ import annotations

from typing import Any

import pytest

from crossprof.survey.claims import claims, claims_of, nearest, sizes
from crossprof.survey.row import Claim


def figures(table: str) -> list[tuple[str, float | None, float | None]]:
    return [(claim.label, claim.pytorch, claim.tensorflow) for claim in claims_of(table)]


def test_the_tables_hold_the_survey_s_figures() -> None:
    speeds = [(claim.label, claim.ratio) for claim in claims_of("training")]
    assert speeds == [("BERT-base", 0.95), ("GPT-2 1.5B", 0.92), ("LLaMA-2 7B", 0.88), ("Mistral-7B", 0.85)]
    assert figures("memory") == [("LLaMA-2 7B", 128, 135), ("LLaMA-2 13B", 220, 240), ("LLaMA-2 70B", 850, 920)]
    assert figures("latency") == [("BERT-base", 3.2, 3.5), ("LLaMA-2 7B", 25.8, 28.3), ("Mistral-7B", 22.5, 25.1)]
    assert figures("throughput") == [("BERT-base", 850, 780), ("LLaMA-2 7B", 420, 380), ("Mistral-7B", 460, 410)]
    assert [claim.batch for claim in claims_of("throughput")] == [32, 16, 16]
    speedups = [(claim.devices, claim.pytorch, claim.tensorflow) for claim in claims_of("scaling") if claim.metric == "speedup"]
    assert speedups == [(8, 7.2, 6.8), (16, 14.1, 12.5), (32, 27.5, 23.8), (64, 52.3, 43.6)]
    assert figures("utilization") == [("A100", 87.5, 82.5), ("H100", 90, 84.5), ("TPU v5", None, None)]


def test_a_ratio_is_that_of_the_figures() -> None:
    assert claims_of("latency")[0].ratio == pytest.approx(3.5 / 3.2)
    assert [claim.ratio for claim in claims_of("precision")] == [None, None]


def test_who_is_ahead_is_what_the_ratio_says() -> None:
    lower = {"step_time", "peak_memory"}
    for claim in claims():
        if claim.ratio is not None:
            is_better = (claim.ratio > 1) != (claim.metric in lower)
            assert claim.ahead == ("tensorflow" if is_better else "pytorch"), claim.label


def test_sizes_are_those_of_models_in_use() -> None:
    assert sizes() == {
        *(("bert", "base"), ("gpt2", "1.5b"), ("llama", "7b"), ("llama", "13b"), ("llama", "70b"), ("mistral", "7b")),
    }


def label(found: Claim | None) -> str | None:
    return found.label if found else None


def test_the_nearest_claim_is_of_the_size_the_number_or_the_hardware_else_the_first() -> None:
    memory: dict[str, Any] = {"table": "memory", "metric": "peak_memory", "model": "llama", "devices": 1, "device": "A100"}
    assert label(nearest(**memory, size="13b")) == "LLaMA-2 13B"
    assert label(nearest(**memory, size="tiny")) == "LLaMA-2 7B"
    assert nearest(**{**memory, "model": "bert"}, size="base") is None
    scaling: dict[str, Any] = {"table": "scaling", "metric": "speedup", "model": "gpt2", "size": "base", "device": "H100"}
    assert label(nearest(**scaling, devices=16)) == "16 GPUs"
    assert label(nearest(**scaling, devices=2)) == "8 GPUs"
    busy: dict[str, Any] = {"table": "utilization", "model": "bert", "size": "base", "devices": 1}
    assert label(nearest(**busy, metric="device_busy", device="NVIDIA H100 80GB HBM3")) == "H100"
    assert label(nearest(**busy, metric="cpu_utilization", device="AMD EPYC")) == "A100"
    assert nearest(**busy, metric="throughput", device="AMD EPYC") is None
