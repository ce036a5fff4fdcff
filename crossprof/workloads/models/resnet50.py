"""ResNet-50 as torchvision has it (version 1.5: the stride is in the 3x3 convolution), which labels an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crossprof.workloads.batches import Task
from crossprof.workloads.parameter import Parameter, convolution, linear
from crossprof.workloads.size import Size

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

TASK: Task = "label of an image"

_EXPANSION = 4


def parameters(size: Size) -> Iterator[Parameter]:
    """First convolution, stages of bottleneck blocks, classifier."""
    yield from convolution("resnet.embedder.embedder", "conv1", 3, size.width, 7)
    inputs = size.width
    for stage, (blocks, inner) in enumerate(zip(size.layers, _inner(size), strict=True)):
        for block in range(blocks):
            name, keras = f"resnet.encoder.stages.{stage}.layers.{block}", f"stack{stage}_block{block}"
            yield from _block(name, keras, inputs, inner, has_shortcut=block == 0)
            inputs = inner * _EXPANSION
    yield from linear("classifier.1", "classifier", inputs, size.classes)


def _inner(size: Size) -> list[int]:
    """Channels inside the blocks of each stage."""
    return [size.width * 2**stage for stage in range(len(size.layers))]


def _block(name: str, keras: str, inputs: int, inner: int, *, has_shortcut: bool) -> Iterator[Parameter]:
    outputs = inner * _EXPANSION
    if has_shortcut:
        yield from convolution(f"{name}.shortcut", f"{keras}_0", inputs, outputs, 1)
    yield from convolution(f"{name}.layer.0", f"{keras}_1", inputs, inner, 1)
    yield from convolution(f"{name}.layer.1", f"{keras}_2", inner, inner, 3)
    yield from convolution(f"{name}.layer.2", f"{keras}_3", inner, outputs, 1)


def transformers_model(size: Size) -> Any:
    """ResNetForImageClassification."""
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=size.width,
        hidden_sizes=[inner * _EXPANSION for inner in _inner(size)],
        depths=list(size.layers),
        layer_type="bottleneck",
        downsample_in_bottleneck=False,
        num_labels=size.classes,
    )
    return ResNetForImageClassification(config)


def transformers_inputs(inputs: Array) -> Mapping[str, Array]:
    """Pixels, channels first: the order of PyTorch."""
    return {"pixel_values": inputs}


def keras_model(size: Size) -> Any:
    """ResNetBackbone, its mean over the image and a dense layer."""
    import keras
    import keras_hub

    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[size.width],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=_inner(size),
        stackwise_num_blocks=list(size.layers),
        stackwise_num_strides=[1] + [2] * (len(size.layers) - 1),
        block_type="bottleneck_block",
        image_shape=(size.image, size.image, 3),
        data_format="channels_last",
    )
    pooled = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(backbone.output)
    return keras.Model(backbone.input, keras.layers.Dense(size.classes, name="classifier")(pooled))


def keras_inputs(inputs: Array) -> Array:
    """Pixels, channels last: the order of Keras, and the only one that TensorFlow's convolutions take on a CPU."""
    import numpy

    return numpy.ascontiguousarray(inputs.transpose(0, 2, 3, 1))
