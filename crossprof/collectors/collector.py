"""What a profiler must offer to be driven by a recording, and which one fits the process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from crossprof.errors import CollectorError

__all__ = [
    "FRAMEWORKS",
    "Collector",
    "ProfilerBusy",
    "ProfilerUnsafe",
    "detect_framework",
    "framework_version",
    "make_collector",
]

FRAMEWORKS = ("torch", "jax", "tensorflow", "onnxruntime")
"""In the order of preference where several are in use."""


class ProfilerBusy(CollectorError):
    """Somebody else's profiler is on; ours must not touch it."""


class ProfilerUnsafe(CollectorError):
    """This profiler is known to end processes of this kind; it stays off unless it is asked for."""


class Collector(Protocol):
    """One framework's profiler. Each call may raise: a recording turns that into a finding.

    The calls come in this order, for each window anew: start, (begin_step, end_step)*, drain, stop, export.
    """

    framework: str
    caveat: str | None
    """What this profiler leaves out of a trace in this process, and what would change it. None: nothing."""

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        """Switch the profiler on. Raises ProfilerBusy where another one is on."""
        ...

    def begin_step(self, step: int) -> None:
        """Mark the start of a step in the trace."""
        ...

    def end_step(self) -> None:
        """Mark its end."""
        ...

    def drain(self) -> None:
        """Wait until the devices have done all work handed to them."""
        ...

    def may_stop(self) -> bool:
        """Whether this thread may switch the profiler off. Some only let the thread that switched them on."""
        ...

    def stop(self) -> None:
        """Switch the profiler off. Called once after any start, even one that raised, in a thread that may."""
        ...

    def export(self) -> list[Path]:
        """The trace files, written."""
        ...

    def effective_options(self) -> Mapping[str, Any]:
        """The options that were in force in the window just exported, as far as the profiler tells."""
        ...


def detect_framework(namespace: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The framework that a piece of code uses, and whether that is a guess among several that are loaded.

    Looked for in `sys.modules`. Where several are loaded (TensorFlow itself loads JAX), the names in `namespace` decide, then
    Keras's back end, then which of them have started their devices.
    """
    loaded = [name for name in FRAMEWORKS if name in sys.modules]
    named = {_root(value) for value in list(namespace.values())}  # a list: another thread may bind names meanwhile
    for used in (loaded, [name for name in loaded if name in named], _keras_backend(named), _started(loaded)):
        if len(used) == 1:
            return used[0], False
    likely = _started(loaded) or loaded
    return (likely[0], True) if likely else (None, False)


def make_collector(framework: str, options: Mapping[str, Any]) -> Collector:
    """The collector of a framework. Imports nothing of the framework yet."""
    if framework == "torch":
        from crossprof.collectors.torch_profiler import TorchCollector

        return TorchCollector(options)
    if framework == "tensorflow":
        from crossprof.collectors.tf_profiler import TensorFlowCollector

        return TensorFlowCollector(options)
    if framework == "jax":
        from crossprof.collectors.jax_profiler import JaxCollector

        return JaxCollector(options)
    if framework == "onnxruntime":
        from crossprof.collectors.onnxruntime_profiler import OnnxRuntimeCollector

        return OnnxRuntimeCollector(options)
    raise ValueError(f"framework={framework!r}: use one of {', '.join(FRAMEWORKS)}, or leave it out.")


def framework_version(framework: str | None) -> str | None:
    """The version that a loaded framework reports."""
    version = getattr(sys.modules.get(framework or ""), "__version__", None)
    return None if version is None else str(version)


def _keras_backend(named: set[str]) -> list[str]:
    keras = sys.modules.get("keras")
    return [str(keras.config.backend())] if keras is not None and "keras" in named else []


def _started(loaded: list[str]) -> list[str]:
    """Those whose devices are in use. Torch has no such moment on a CPU: it counts as started."""
    bridge, context = sys.modules.get("jax._src.xla_bridge"), sys.modules.get("tensorflow.python.eager.context")
    idle = set()
    if bridge is not None and not bridge.backends_are_initialized():
        idle.add("jax")
    if context is not None and not getattr(context.context(), "_initialized", True):
        idle.add("tensorflow")
    return [name for name in loaded if name not in idle]


def _root(value: object) -> str:
    """The top-level package that a value of a namespace comes from: its own for a module, else its class's or function's.

    Empty for a value that refuses to tell, such as a proxy outside its context.
    """
    try:
        name = getattr(value, "__name__", "") if type(value).__name__ == "module" else getattr(value, "__module__", "")
        return str(name).partition(".")[0]
    except Exception:
        return ""
