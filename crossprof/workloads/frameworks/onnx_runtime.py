"""ONNX Runtime, on a graph that PyTorch exported with our weights. It only infers."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.exported import Exported, exported, sample_of
from crossprof.workloads.lifeline import hold
from crossprof.workloads.models import model_named
from crossprof.workloads.place import Place
from crossprof.workloads.processors import processors
from crossprof.workloads.strategy import Strategy

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

RECORDED = "onnxruntime"
IS_PROFILED_FIRST = True
MODES = ("graph",)
PHASES = ("infer",)
PRECISIONS = ("float32",)
STRATEGIES: Mapping[str, Strategy] = {}
PACKAGES = ("onnxruntime", "onnx", "onnxscript", "torch", "transformers")
LARGEST_BYTES = None


def environment(cell: Cell, place: Place) -> Mapping[str, str]:
    """No look at the Hub."""
    del cell, place
    return {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def build(cell: Cell) -> OnnxRuntime:
    """A session on the exported graph, whose files stay until the process ends: another session is made of them."""
    files = ExitStack()
    return OnnxRuntime(cell, files.enter_context(exported(cell, __name__, "model.onnx")), files)


class OnnxRuntime(Exported):
    """A session, on the GPU where the runtime has one."""

    def __init__(self, cell: Cell, graph: Path, files: ExitStack) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(processors())
        self._model = model_named(cell.model)
        self._made_of, self._files = (os.fspath(graph), options, _providers(onnxruntime)), files
        self._session = onnxruntime.InferenceSession(*self._made_of)
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        provider = self._session.get_providers()[0]
        self.facts: Mapping[str, Any] = {
            "device": "cuda" if "CUDA" in provider else "cpu",
            "library": "onnxruntime",
            "attention": "as exported from PyTorch, fused by the runtime" if cell.shape.heads else None,
            "image_layout": "channels first" if cell.shape.image else None,
            "mathematics": f"{provider} {onnxruntime.__version__}",
            "float32": "highest",
            "threads": options.intra_op_num_threads,
        }

    def recording(self) -> None:
        """Take a session that is profiled, which ONNX Runtime must know when it makes one."""
        from crossprof.collectors.integrations.onnxruntime import Session

        del self._session  # its weights would be in memory twice
        self._session = Session(*self._made_of)

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        return self._run("answers", batch)

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        return self._run("logits", batch)

    def _run(self, output: str, batch: Batch) -> Array:
        inputs = self._model.transformers_inputs(batch.inputs)
        found: Array = self._session.run([output], {name: inputs[name] for name in self._inputs})[0]
        return found


def _providers(onnxruntime: Any) -> list[tuple[str, dict[str, str]]]:
    """The GPU's first where the runtime has it, without TF32, which it would use in float32."""
    wanted: dict[str, dict[str, str]] = {"CUDAExecutionProvider": {"use_tf32": "0"}, "CPUExecutionProvider": {}}
    return [(name, wanted[name]) for name in wanted if name in onnxruntime.get_available_providers()]


def _export(cell: Cell, path: Path) -> None:
    """Write the graph: PyTorch's model in evaluation, with the likeliest answers beside the logits.

    Weights go into a file beside it, whatever their size: a message of protobuf holds no more than 2 GB.
    """
    import torch

    module, sample = _with_answers(torch, cell), sample_of(cell)
    inputs = {
        name: torch.from_numpy(value) for name, value in model_named(cell.model).transformers_inputs(sample.inputs).items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        program = torch.onnx.export(
            module, kwargs=inputs, input_names=list(inputs), output_names=["logits", "answers"], dynamo=True, verbose=False
        )
    program.save(os.fspath(path), external_data=True)


def _with_answers(torch: Any, cell: Cell) -> Any:
    from crossprof.workloads.frameworks.pytorch import module_of

    class WithAnswers(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.module = module_of(cell, torch.device("cpu")).eval()

        def forward(self, **inputs: Any) -> Any:
            logits = self.module(**inputs).logits
            return logits, logits.argmax(-1)

    return WithAnswers()


if __name__ == "__main__":
    hold()
    _export(Cell.from_json(sys.argv[1]), Path(sys.argv[2]))
