"""What the survey "PyTorch vs TensorFlow" (2025, PyTorch 2.5 against TensorFlow 2.17) states, a row of claims.csv each."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from crossprof.survey.row import Claim

__all__ = ["claims", "claims_of", "nearest", "sizes"]

_IN_ITS_PLACE = {"device_busy": ("device_utilization", "cpu_utilization")}
"""What is measured where the hardware does not have a metric."""


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, table by table. Ranges are given by their middle; `text` has both ends."""
    text = files("crossprof.survey").joinpath("claims.csv").read_text(encoding="utf-8")
    return tuple(_claim(row) for row in csv.DictReader(text.splitlines()))


def claims_of(table: str) -> tuple[Claim, ...]:
    """The claims of one table, in the survey's order."""
    return tuple(claim for claim in claims() if claim.table == table)


def sizes() -> frozenset[tuple[str, str]]:
    """The models and sizes that the survey speaks of."""
    return frozenset((claim.model, claim.size) for claim in claims() if claim.model)


def nearest(table: str, metric: str, *, model: str, size: str, devices: int, device: str) -> Claim | None:
    """The claim to set beside a measured row: of its size, number and model of devices if there is one, else the first.

    None where the table says nothing of the model or the metric.
    """
    found = [one for one in claims_of(table) if metric in _measured_by(one) and one.model in ("", model)]
    return min(
        found, key=lambda one: (one.size not in ("", size), one.devices != devices, one.hardware not in device), default=None
    )


def _measured_by(claim: Claim) -> tuple[str, ...]:
    return (claim.metric, *_IN_ITS_PLACE.get(claim.metric, ()))


def _claim(row: dict[str, str]) -> Claim:
    pytorch, tensorflow, ratio = (float(row[name]) if row[name] else None for name in ("pytorch", "tensorflow", "ratio"))
    return Claim(
        **{name: row[name] for name in ("table", "label", "model", "size", "unit", "hardware", "text", "metric", "ahead")},
        pytorch=pytorch,
        tensorflow=tensorflow,
        ratio=tensorflow / pytorch if pytorch and tensorflow else ratio,
        batch=int(row["batch"]) if row["batch"] else None,
        devices=int(row["devices"]),
    )
