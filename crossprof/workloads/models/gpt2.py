"""GPT-2, which foretells the next token through the table of its embedding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crossprof.workloads.batches import Task
from crossprof.workloads.parameter import Parameter, embedding, norm
from crossprof.workloads.size import Size
from crossprof.workloads.tokens import keras_inputs, transformers_inputs

__all__ = ["TASK", "keras_inputs", "keras_model", "parameters", "transformers_inputs", "transformers_model"]

TASK: Task = "next token"


def parameters(size: Size) -> Iterator[Parameter]:
    """Embeddings and blocks; the head is the table of the tokens."""
    yield from embedding("transformer.wte", "token_embedding", size.vocabulary, size.width)
    yield from embedding("transformer.wpe", "position_embedding", size.positions, size.width)
    for layer in range(size.depth):
        yield from _block(f"transformer.h.{layer}", f"transformer_layer_{layer}", size)
    yield from norm("transformer.ln_f", "layer_norm", size.width)


def _block(name: str, keras: str, size: Size) -> Iterator[Parameter]:
    width, attention = size.width, f"{keras}/self_attention"
    yield from norm(f"{name}.ln_1", f"{keras}/self_attention_layer_norm", width)
    yield from _dense(f"{name}.attn.c_attn", [f"{attention}/{part}" for part in ("query", "key", "value")], width, 3 * width)
    yield from _dense(f"{name}.attn.c_proj", [f"{attention}/attention_output"], width, width)
    yield from norm(f"{name}.ln_2", f"{keras}/feedforward_layer_norm", width)
    yield from _dense(f"{name}.mlp.c_fc", [f"{keras}/feedforward_intermediate_dense"], width, size.inner)
    yield from _dense(f"{name}.mlp.c_proj", [f"{keras}/feedforward_output_dense"], size.inner, width)


def _dense(name: str, keras: list[str], inputs: int, outputs: int) -> Iterator[Parameter]:
    """A dense layer as GPT-2 has it: (inputs, outputs) in PyTorch too, with query, key and value in one."""
    kernels, biases = tuple(f"{path}/kernel" for path in keras), tuple(f"{path}/bias" for path in keras)
    yield Parameter(name=f"{name}.weight", shape=(inputs, outputs), keras=kernels, fan_in=inputs)
    yield Parameter(name=f"{name}.bias", shape=(outputs,), keras=biases, start="bias")


def transformers_model(size: Size) -> Any:
    """GPT2LMHeadModel. Without a cache of keys: neither training nor one pass over a prompt has a use for it."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=size.vocabulary,
        n_positions=size.positions,
        n_embd=size.width,
        n_layer=size.depth,
        n_head=size.heads,
        n_inner=size.inner,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        layer_norm_epsilon=1e-5,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config)


def keras_model(size: Size) -> Any:
    """GPT2Backbone, and its token embedding in reverse."""
    import keras
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=size.vocabulary,
        num_layers=size.depth,
        num_heads=size.heads,
        hidden_dim=size.width,
        intermediate_dim=size.inner,
        dropout=0.0,
        max_sequence_length=size.positions,
    )
    return keras.Model(backbone.input, backbone.token_embedding(backbone.output, reverse=True))
