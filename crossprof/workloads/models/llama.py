"""Llama, which foretells the next token through a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crossprof.workloads.batches import Task
from crossprof.workloads.parameter import Parameter, embedding, linear
from crossprof.workloads.size import Size
from crossprof.workloads.tokens import keras_inputs, transformers_inputs

__all__ = [
    "TASK",
    "keras_inputs",
    "keras_model",
    "keras_settings",
    "parameters",
    "transformers_inputs",
    "transformers_model",
    "transformers_settings",
]

TASK: Task = "next token"


def parameters(size: Size) -> Iterator[Parameter]:
    """Embedding, blocks and head."""
    width, table = size.width, "token_embedding"
    yield from embedding("model.embed_tokens", table, size.vocabulary, width)
    for layer in range(size.depth):
        yield from _block(f"model.layers.{layer}", f"transformer_layer_{layer}", size)
    yield _gain("model.norm", "sequence_output_layernorm", width)
    path, shape = (f"{table}/reverse_embeddings",), (size.vocabulary, width)
    yield Parameter(name="lm_head.weight", shape=shape, keras=path, layout="linear", fan_in=width)


def _block(name: str, keras: str, size: Size) -> Iterator[Parameter]:
    width, groups = size.width, size.width // size.heads * size.kv_heads
    attention = f"{keras}/self_attention"
    dense = (
        ("self_attn.q_proj", f"{attention}/query", width, width),
        ("self_attn.k_proj", f"{attention}/key", width, groups),
        ("self_attn.v_proj", f"{attention}/value", width, groups),
        ("self_attn.o_proj", f"{attention}/attention_output", width, width),
        ("mlp.gate_proj", f"{keras}/feedforward_gate_dense", width, size.inner),
        ("mlp.up_proj", f"{keras}/feedforward_intermediate_dense", width, size.inner),
        ("mlp.down_proj", f"{keras}/feedforward_output_dense", size.inner, width),
    )
    for part, path, inputs, outputs in dense:
        yield from linear(f"{name}.{part}", path, inputs, outputs, has_bias=False)
    yield _gain(f"{name}.input_layernorm", f"{keras}/self_attention_layernorm", width)
    yield _gain(f"{name}.post_attention_layernorm", f"{keras}/feedforward_layernorm", width)


def _gain(name: str, keras: str, width: int) -> Parameter:
    """The gain of an RMS norm, which has no shift."""
    return Parameter(name=f"{name}.weight", shape=(width,), keras=(f"{keras}/scale",), start="gain")


def transformers_model(size: Size) -> Any:
    """LlamaForCausalLM. Without a cache of keys: neither training nor one pass over a prompt has a use for it."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**transformers_settings(size)))


def transformers_settings(size: Size) -> dict[str, Any]:
    """The configuration that Llama and Mistral share."""
    return {
        "vocab_size": size.vocabulary,
        "hidden_size": size.width,
        "intermediate_size": size.inner,
        "num_hidden_layers": size.depth,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "max_position_embeddings": size.positions,
        "rms_norm_eps": 1e-5,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "use_cache": False,
    }


def keras_model(size: Size) -> Any:
    """LlamaBackbone, and its table of outputs."""
    import keras
    import keras_hub

    backbone = keras_hub.models.LlamaBackbone(**keras_settings(size))
    return keras.Model(backbone.input, backbone.token_embedding(backbone.output, reverse=True))


def keras_settings(size: Size) -> dict[str, Any]:
    """The configuration that Llama and Mistral share."""
    return {
        "vocabulary_size": size.vocabulary,
        "num_layers": size.depth,
        "num_query_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "hidden_dim": size.width,
        "intermediate_dim": size.inner,
        "rope_max_wavelength": 10000,
        "layer_norm_epsilon": 1e-5,
        "dropout": 0.0,
    }
