"""What models of text are called with: tokens, and the mask that a tokenizer adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["keras_inputs", "transformers_inputs"]


def transformers_inputs(inputs: Array) -> Mapping[str, Array]:
    """Tokens and the mask, by the names of transformers: all tokens count."""
    import numpy

    return {"input_ids": inputs, "attention_mask": numpy.ones_like(inputs)}


def keras_inputs(inputs: Array) -> Mapping[str, Array]:
    """Tokens and the mask, by the names of keras-hub."""
    import numpy

    tokens = inputs.astype("int32")
    return {"token_ids": tokens, "padding_mask": numpy.ones_like(tokens)}
