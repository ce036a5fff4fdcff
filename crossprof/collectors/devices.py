"""The accelerators that a framework has opened. Nothing is asked of a framework that has not started its devices itself."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["framework_devices"]


def framework_devices(framework: str | None) -> list[dict[str, Any]]:
    """One row for each device of the framework; empty before it has started any."""
    if framework == "torch":
        return _torch_devices()
    if framework == "jax":
        return _jax_devices()
    return _tensorflow_devices() if framework == "tensorflow" else []


def _device(device_id: int, kind: str, **facts: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("vendor", "model", "uuid", "memory_bytes", "compute_units", "compute_capability", "pci"))
    return {"device_id": device_id, "kind": kind, **empty, **facts, "source": "framework"}


def _torch_devices() -> list[dict[str, Any]]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    rows = []
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        row = _device(
            index,
            "gpu",
            vendor="AMD" if torch.version.hip else "NVIDIA",
            model=found.name,
            uuid=None if torch.version.hip else _nvml_uuid(getattr(found, "uuid", None)),
            pci=_pci(found),
            memory_bytes=found.total_memory,
            compute_units=found.multi_processor_count,
            compute_capability=f"{found.major}.{found.minor}",
        )
        rows.append(row)
    return rows


def _nvml_uuid(uuid: object) -> str | None:
    """A UUID as NVML writes it: torch leaves the prefix off."""
    text = str(uuid) if uuid else ""
    return (text if text.startswith(("GPU-", "MIG-")) else f"GPU-{text}") if text else None


def _pci(found: Any) -> str | None:
    """The PCI address, from torch 2.7 on: ROCm's tools know a GPU under another UUID than HIP does."""
    if not hasattr(found, "pci_bus_id"):
        return None
    return f"{found.pci_domain_id:04x}:{found.pci_bus_id:02x}:{found.pci_device_id:02x}.0"


def _jax_devices() -> list[dict[str, Any]]:
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is None or not bridge.backends_are_initialized():
        return []
    kinds = {"gpu": "gpu", "cuda": "gpu", "rocm": "gpu", "tpu": "tpu"}
    rows = []
    for found in sys.modules["jax"].local_devices():
        kind = kinds.get(found.platform)
        if kind:
            memory = (found.memory_stats() or {}).get("bytes_limit")
            number = found.id if found.local_hardware_id is None else found.local_hardware_id
            named = {"vendor": "Google", "uuid": f"TPU-{number}"} if kind == "tpu" else {}
            rows.append(_device(number, kind, model=found.device_kind, memory_bytes=memory, **named))
    return rows


def _tensorflow_devices() -> list[dict[str, Any]]:
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is None or not getattr(context.context(), "_initialized", False):
        return []
    tf = sys.modules["tensorflow"]
    rows = []
    for index, found in enumerate(tf.config.list_physical_devices("GPU")):
        details = tf.config.experimental.get_device_details(found)
        capability = ".".join(map(str, details.get("compute_capability", ()))) or None
        rows.append(_device(index, "gpu", model=details.get("device_name"), compute_capability=capability))
    return rows
