"""PyTorch, with the models of transformers: eager or torch.compile, alone, in DDP or in FSDP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crossprof.workloads.batches import Batch
from crossprof.workloads.cell import Cell
from crossprof.workloads.models import Model, model_named
from crossprof.workloads.optimizer import BETAS, EPSILON, LEARNING_RATE, WEIGHT_DECAY
from crossprof.workloads.place import Place
from crossprof.workloads.strategy import Strategy
from crossprof.workloads.weights import drawn

if TYPE_CHECKING:
    from crossprof.workloads.parameter import Array

RECORDED = "torch"
IS_PROFILED_FIRST = False
MODES = ("eager", "compile")
PHASES = ("train", "infer")
PRECISIONS = ("float32", "bf16")
STRATEGIES = {"ddp": Strategy(), "fsdp": Strategy()}
PACKAGES = ("torch", "transformers")
LARGEST_BYTES = None


def environment(cell: Cell, place: Place) -> Mapping[str, str]:
    """No look at the Hub; ranks of one machine meet on its loopback."""
    del cell
    meeting = {"GLOO_SOCKET_IFNAME": "lo"} if place.world_size > 1 else {}
    return {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", **meeting}


def build(cell: Cell) -> PyTorch:
    """The model of transformers with our weights, on the GPU of this rank where there is one."""
    return PyTorch(cell, model_named(cell.model))


def module_of(cell: Cell, device: Any) -> Any:
    """The model of transformers on a device, with our weights. A parameter that our table lacks is an error."""
    import torch

    model = model_named(cell.model)
    with device:
        module = model.transformers_model(cell.shape)
    state = module.state_dict()
    left = {name for name, _ in module.named_parameters()}
    for parameter, value in drawn(model.parameters(cell.shape), cell.seed):
        with torch.no_grad():
            state[parameter.name].copy_(torch.from_numpy(value))
        left.discard(parameter.name)
    if left:
        raise AssertionError(f"{cell.model} has parameters that our table lacks: {', '.join(sorted(left))}.")
    return module


class PyTorch:
    """A model of transformers."""

    def __init__(self, cell: Cell, model: Model) -> None:
        import torch

        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        self._torch, self._cell, self._model = torch, cell, model
        self._device = _device(torch)
        if cell.world_size > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if self._device.type == "cuda" else "gloo")
        module = module_of(cell, self._device).train(cell.phase == "train")
        self._module = module
        self.parameter_count = sum(parameter.numel() for parameter in module.parameters())
        self._call = _spread(torch, module, cell, self._device)
        self._optimizer = torch.optim.AdamW(
            module.parameters(), lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY
        )
        self.facts = self._facts()
        if cell.mode == "compile":
            self._call = torch.compile(self._call)

    def recording(self) -> None:
        """Nothing is to be done."""

    def train(self, batch: Batch) -> float:
        """One step of AdamW; the loss before it."""
        self._optimizer.zero_grad()
        loss = self._loss(batch)
        loss.backward()
        self._optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    def infer(self, batch: Batch) -> Array:
        """The likeliest answers: one a token, or one a sample."""
        with self._torch.inference_mode():
            return self._logits(batch).argmax(-1).cpu().numpy()  # type: ignore[no-any-return]

    def forward(self, batch: Batch) -> Array:
        """The logits, in float32."""
        with self._torch.no_grad():
            return self._logits(batch).float().cpu().numpy()  # type: ignore[no-any-return]

    def gradients(self, batch: Batch) -> Mapping[str, Array]:
        """The gradient of the loss by canonical name."""
        self._optimizer.zero_grad()
        self._loss(batch).backward()
        found = {name: _whole(parameter.grad) for name, parameter in self._module.named_parameters()}
        self._optimizer.zero_grad()
        return found

    def weights(self) -> Mapping[str, Array]:
        """What is trained, by canonical name."""
        return {name: _whole(parameter) for name, parameter in self._module.named_parameters()}

    def _logits(self, batch: Batch) -> Any:
        inputs = {name: self._placed(value) for name, value in self._model.transformers_inputs(batch.inputs).items()}
        is_mixed = self._cell.precision == "bf16"
        with self._torch.autocast(self._device.type, dtype=self._torch.bfloat16, enabled=is_mixed):
            return self._call(**inputs).logits

    def _loss(self, batch: Batch) -> Any:
        logits = self._logits(batch).float()
        return self._torch.nn.functional.cross_entropy(logits.flatten(0, -2), self._placed(batch.labels).flatten())

    def _placed(self, value: Array) -> Any:
        return self._torch.from_numpy(value).to(self._device)

    def _facts(self) -> dict[str, Any]:
        torch, config = self._torch, self._module.config
        return {
            "device": str(self._device),
            "library": "transformers",
            "attention": getattr(config, "_attn_implementation", None) if self._cell.shape.heads else None,
            "image_layout": "channels first" if self._cell.shape.image else None,
            "mathematics": "cuda" if self._device.type == "cuda" else _mathematics(torch),
            "float32": torch.get_float32_matmul_precision(),
            "optimizer": "torch.optim.AdamW, foreach" if self._device.type == "cuda" else "torch.optim.AdamW, one by one",
            "threads": torch.get_num_threads(),
            "communication": torch.distributed.get_backend() if torch.distributed.is_initialized() else None,
        }


def _device(torch: Any) -> Any:
    import os

    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def _spread(torch: Any, module: Any, cell: Cell, device: Any) -> Any:
    """What is called in place of the model so that the ranks work together."""
    if cell.strategy == "ddp":
        return torch.nn.parallel.DistributedDataParallel(module, device_ids=[device.index] if device.type == "cuda" else None)
    if cell.strategy == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(device.type, (cell.world_size,))
        blocks = set(module._no_split_modules or ())
        for part in module.modules():
            if type(part).__name__ in blocks:
                fully_shard(part, mesh=mesh)
        fully_shard(module, mesh=mesh)
    return module


def _whole(tensor: Any) -> Array:
    """A tensor as an array of its own; of one that is sharded, all of it."""
    whole = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return whole.detach().float().cpu().numpy().copy()  # type: ignore[no-any-return]


def _mathematics(torch: Any) -> str:
    """The library of matrix products, and whether oneDNN takes part."""
    blas = "MKL" if torch.backends.mkl.is_available() else "OpenBLAS or another"
    return f"{blas} and oneDNN" if torch.backends.mkldnn.is_available() else blas
