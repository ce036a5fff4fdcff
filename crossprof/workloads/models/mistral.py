"""Mistral: a Llama whose attention looks back over a window."""

from __future__ import annotations

from typing import Any

from crossprof.workloads.models.llama import TASK, keras_settings, parameters, transformers_settings
from crossprof.workloads.size import Size
from crossprof.workloads.tokens import keras_inputs, transformers_inputs

__all__ = ["TASK", "keras_inputs", "keras_model", "parameters", "transformers_inputs", "transformers_model"]


def transformers_model(size: Size) -> Any:
    """MistralForCausalLM."""
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(**transformers_settings(size), sliding_window=size.window))


def keras_model(size: Size) -> Any:
    """MistralBackbone, and its table of outputs."""
    import keras
    import keras_hub

    backbone = keras_hub.models.MistralBackbone(**keras_settings(size), sliding_window=size.window)
    return keras.Model(backbone.input, backbone.token_embedding(backbone.output, reverse=True))
