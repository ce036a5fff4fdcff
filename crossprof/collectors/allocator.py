"""What the allocators of the frameworks say of a device's memory, read between two steps."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["UNITS", "allocations"]

_COUNTED = ("allocated", "allocated.peak", "reserved")
UNITS = {f"hw.{kind}.memory.{counted}": "By" for kind in ("gpu", "tpu") for counted in _COUNTED}


def allocations(framework: str | None) -> Iterator[tuple[int, dict[str, float | None]]]:
    """Each device of a framework that it has started, by the framework's own number, with its readings.

    At the border of two steps, in the thread that makes them, these mean the same in every framework: what outlives a step.
    """
    if framework == "torch":
        yield from _of_torch()
    elif framework == "jax":
        yield from _of_jax()
    elif framework == "tensorflow":
        yield from _of_tensorflow()


def _of_torch() -> Iterator[tuple[int, dict[str, float | None]]]:
    """The nested form of the statistics: the flat one that torch recommends is built from it in Python."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return
    for index in range(torch.cuda.device_count()):
        told = torch.cuda.memory_stats_as_nested_dict(index)
        if told:
            allocated, reserved = told["allocated_bytes"]["all"], told["reserved_bytes"]["all"]
            yield index, _reading("gpu", allocated["current"], allocated["peak"], reserved["current"])


def _of_jax() -> Iterator[tuple[int, dict[str, float | None]]]:
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is None or not bridge.backends_are_initialized():
        return
    for device in sys.modules["jax"].local_devices():
        told: Mapping[str, Any] = device.memory_stats() or {}  # a CPU has none
        if "bytes_in_use" in told:
            kind = "tpu" if device.platform == "tpu" else "gpu"
            reserved = told.get("pool_bytes", told.get("bytes_reserved"))
            yield (
                device.id if device.local_hardware_id is None else device.local_hardware_id,
                _reading(kind, told["bytes_in_use"], told.get("peak_bytes_in_use"), reserved),
            )


def _of_tensorflow() -> Iterator[tuple[int, dict[str, float | None]]]:
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is None or not getattr(context.context(), "_initialized", False):
        return
    tf = sys.modules["tensorflow"]
    for index in range(len(tf.config.list_logical_devices("GPU"))):
        told = tf.config.experimental.get_memory_info(f"GPU:{index}")
        yield index, _reading("gpu", told["current"], told["peak"], None)


def _reading(kind: str, allocated: float, peak: float | None, reserved: float | None) -> dict[str, float | None]:
    told = zip(_COUNTED, (allocated, peak, reserved), strict=True)
    return {f"hw.{kind}.memory.{name}": value for name, value in told if value is not None}
