"""The optimizer of all workloads: AdamW, with the same numbers in every framework."""

from __future__ import annotations

__all__ = ["BETAS", "EPSILON", "LEARNING_RATE", "WEIGHT_DECAY"]

LEARNING_RATE = 1e-4

BETAS = (0.9, 0.999)

EPSILON = 1e-8
"""Keras adds it before it corrects the bias of the second moment, PyTorch after: a difference where gradients are near it."""

WEIGHT_DECAY = 0.01
"""Of every parameter, gains and biases too: what each library does unless it is told otherwise."""
