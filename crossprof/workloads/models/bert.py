"""BERT, which labels a text: its pooled output, and a dense layer on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crossprof.workloads import tokens
from crossprof.workloads.batches import Task
from crossprof.workloads.parameter import Parameter, embedding, linear, norm
from crossprof.workloads.size import Size
from crossprof.workloads.tokens import transformers_inputs

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

__all__ = ["TASK", "keras_inputs", "keras_model", "parameters", "transformers_inputs", "transformers_model"]

TASK: Task = "label of a text"


def parameters(size: Size) -> Iterator[Parameter]:
    """Embeddings, blocks, pooler and classifier."""
    width = size.width
    yield from embedding("bert.embeddings.word_embeddings", "token_embedding", size.vocabulary, width)
    yield from embedding("bert.embeddings.position_embeddings", "position_embedding", size.positions, width)
    yield from embedding("bert.embeddings.token_type_embeddings", "segment_embedding", 2, width)
    yield from norm("bert.embeddings.LayerNorm", "embeddings_layer_norm", width)
    for layer in range(size.depth):
        yield from _block(f"bert.encoder.layer.{layer}", f"transformer_layer_{layer}", size)
    yield from linear("bert.pooler.dense", "pooled_dense", width, width)
    yield from linear("classifier", "classifier", width, size.classes)


def _block(name: str, keras: str, size: Size) -> Iterator[Parameter]:
    width = size.width
    for part in ("query", "key", "value"):
        yield from linear(f"{name}.attention.self.{part}", f"{keras}/self_attention_layer/{part}", width, width)
    yield from linear(f"{name}.attention.output.dense", f"{keras}/self_attention_layer/attention_output", width, width)
    yield from norm(f"{name}.attention.output.LayerNorm", f"{keras}/self_attention_layer_norm", width)
    yield from linear(f"{name}.intermediate.dense", f"{keras}/feedforward_intermediate_dense", width, size.inner)
    yield from linear(f"{name}.output.dense", f"{keras}/feedforward_output_dense", size.inner, width)
    yield from norm(f"{name}.output.LayerNorm", f"{keras}/feedforward_layer_norm", width)


def transformers_model(size: Size) -> Any:
    """BertForSequenceClassification, with the approximate GELU that keras-hub's BERT always has."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        num_hidden_layers=size.depth,
        num_attention_heads=size.heads,
        intermediate_size=size.inner,
        max_position_embeddings=size.positions,
        num_labels=size.classes,
        hidden_act="gelu_pytorch_tanh",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        classifier_dropout=0.0,
        layer_norm_eps=1e-12,
    )
    return BertForSequenceClassification(config)


def keras_model(size: Size) -> Any:
    """BertBackbone with a dense layer on its pooled output."""
    import keras
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=size.vocabulary,
        num_layers=size.depth,
        num_heads=size.heads,
        hidden_dim=size.width,
        intermediate_dim=size.inner,
        dropout=0.0,
        max_sequence_length=size.positions,
        num_segments=2,
    )
    logits = keras.layers.Dense(size.classes, name="classifier")(backbone.output["pooled_output"])
    return keras.Model(backbone.input, logits)


def keras_inputs(inputs: Array) -> Mapping[str, Array]:
    """Tokens, the mask, and the segment that transformers takes where none is given."""
    import numpy

    return {**tokens.keras_inputs(inputs), "segment_ids": numpy.zeros_like(inputs, dtype="int32")}
