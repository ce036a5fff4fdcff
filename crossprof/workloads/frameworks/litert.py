"""LiteRT (TensorFlow Lite) on a CPU, on a graph that Keras on TensorFlow exported with our weights. It only infers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.exported import Exported, exported, sample_of
from crossprof.workloads.keras_model import inputs_of, keras_environment, keras_model
from crossprof.workloads.lifeline import hold
from crossprof.workloads.place import Place
from crossprof.workloads.processors import processors
from crossprof.workloads.strategy import Strategy

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

RECORDED = None
IS_PROFILED_FIRST = False
MODES = ("graph",)
PHASES = ("infer",)
PRECISIONS = ("float32",)
STRATEGIES: Mapping[str, Strategy] = {}
LARGEST_BYTES = 2**31 - 1
"""Of the weights: offsets of a flatbuffer have 32 bits, and the graph that is converted is one message of protobuf."""
PACKAGES = ("ai_edge_litert", "tensorflow", "keras", "keras_hub")


def environment(cell: Cell, place: Place) -> Mapping[str, str]:
    """The back end that exports."""
    del cell, place
    return keras_environment("tensorflow")


def build(cell: Cell) -> LiteRt:
    """An interpreter of the exported graph."""
    with exported(cell, __name__, "model.tflite") as path:
        return LiteRt(cell, path.read_bytes())


class LiteRt(Exported):
    """An interpreter, with the kernels of XNNPACK."""

    def __init__(self, cell: Cell, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        threads = len(processors())
        self._cell = cell
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._inputs = {entry["name"].split(":")[0]: entry["index"] for entry in self._interpreter.get_input_details()}
        self._outputs = {entry["dtype"].__name__: entry["index"] for entry in self._interpreter.get_output_details()}
        size = cell.shape
        self.facts: Mapping[str, Any] = {
            "device": "cpu",
            "library": "LiteRT",
            "attention": "as exported from Keras" if size.heads else None,
            "image_layout": "channels last" if size.image else None,
            "mathematics": "XNNPACK",
            "float32": "highest",
            "threads": threads,
        }

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        return self._answer(batch, "int64")

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        return self._answer(batch, "float32")

    def _answer(self, batch: Batch, output: str) -> Array:
        inputs, _ = inputs_of(self._cell, batch)
        for name, value in _named(inputs).items():
            self._interpreter.set_tensor(self._inputs[name], value)
        self._interpreter.invoke()
        found: Array = self._interpreter.get_tensor(self._outputs[output])
        return found


def _named(inputs: Any) -> dict[str, Array]:
    """The inputs by name: a model of images has one, without a name."""
    return inputs if isinstance(inputs, dict) else {"pixels": inputs}


def _export(cell: Cell, path: Path) -> None:
    """Write the graph: the likeliest answers beside the logits, for one shape of inputs.

    Weights become constants first: as variables, the converter leaves them without values, and all answers are noise.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    network = keras_model(cell)
    inputs, _ = inputs_of(cell, sample_of(cell))

    def answer(**values: Any) -> Any:
        logits = network(values if isinstance(inputs, dict) else values["pixels"], training=False)
        return logits, tf.argmax(logits, axis=-1)

    shapes = {name: tf.TensorSpec(value.shape, value.dtype, name) for name, value in _named(inputs).items()}
    function = convert_variables_to_constants_v2(tf.function(answer).get_concrete_function(**shapes))
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())


if __name__ == "__main__":
    hold()
    _export(Cell.from_json(sys.argv[1]), Path(sys.argv[2]))
