"""torch.profiler as a collector."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossprof.collectors.collector import ProfilerBusy
from crossprof.collectors.shared_torch import ours

__all__ = ["TorchCollector"]

_NO_TRACE_ONLY = {"with_stack", "with_modules", "experimental_config"}
"""Options with which torch needs the events in Python too."""


class TorchCollector:
    """Records operators on the host, the work on every accelerator that torch sees, shapes and memory."""

    framework = "torch"
    caveat: str | None = None

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = {"record_shapes": True, "profile_memory": True, **options}
        self._profiler: Any = None
        self._marker: Any = None
        self._thread: int | None = None
        self._directory: Path | None = None
        self._effective: Mapping[str, Any] = {}
        # Kineto prints two lines on stderr in each session; a level of 3 keeps them.
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        """Switch torch.profiler on. An inner torch profiler would silently empty the outer one, so a second is refused."""
        import torch
        from torch.profiler import profile

        if torch.autograd._profiler_enabled():  # pyright: ignore[reportPrivateImportUsage]
            raise ProfilerBusy("torch.profiler is already on in this process.")
        options = {"activities": _activities(), **self._options}
        if not _NO_TRACE_ONLY & {name for name, value in options.items() if value}:
            options["experimental_config"] = _trace_only()
        self._directory = directory
        profiler = profile(**options)
        profiler.preset_metadata_json("crossprof_run", json.dumps(metadata))
        self._thread = threading.get_ident()
        with ours():
            profiler.start()
        self._profiler = profiler
        self._effective = _effective(profiler)

    def begin_step(self, step: int) -> None:
        """Open the range `ProfilerStep#<step>`: what torch's own schedule writes, but with the recording's step number."""
        from torch.profiler import record_function

        self._check_thread()
        self._marker = record_function(f"ProfilerStep#{step}")
        self._marker.__enter__()

    def end_step(self) -> None:
        """Close the range of the step."""
        self._check_thread()
        marker, self._marker = self._marker, None
        if marker is not None:
            marker.__exit__(None, None, None)

    def drain(self) -> None:
        """Synchronise CUDA, where the process uses it."""
        torch = sys.modules["torch"]
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()

    def may_stop(self) -> bool:
        """Whether this thread started it: torch keeps its profiler by thread, and stopping it in another ends the process."""
        return self._profiler is None or self._thread == threading.get_ident()

    def stop(self) -> None:
        """Switch torch.profiler off."""
        self._check_thread()
        if self._profiler is not None:
            self.end_step()
            with ours():
                self._profiler.stop()

    def export(self) -> list[Path]:
        """The Chrome trace, as plain JSON: compressing it can wait until the training is over."""
        profiler, self._profiler = self._profiler, None
        if profiler is None or self._directory is None:
            return []
        path = self._directory / "trace.json"
        with ours():
            profiler.export_chrome_trace(os.fspath(path))
        return [path]

    def _check_thread(self) -> None:
        if not self.may_stop():
            raise RuntimeError("steps came from several threads, and torch.profiler sees one; mark the steps in one thread")

    def effective_options(self) -> Mapping[str, Any]:
        """The options as torch's profiler object holds them."""
        return self._effective


def _activities() -> list[Any]:
    import torch
    from torch.profiler import ProfilerActivity

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        activities.append(ProfilerActivity.XPU)
    return activities


def _trace_only() -> Any:
    """The setting that spares building events in Python, which the trace does not need; None before torch had it."""
    from torch._C._profiler import _ExperimentalConfig

    try:
        return _ExperimentalConfig(trace_only=True)
    except TypeError:
        return None


def _effective(profiler: Any) -> dict[str, Any]:
    names = ("record_shapes", "profile_memory", "with_stack", "with_flops", "with_modules")
    config = profiler.experimental_config
    return {
        "activities": sorted(activity.name for activity in profiler.activities),
        **{name: bool(getattr(profiler, name)) for name in names},
        "trace_only": bool(getattr(config, "trace_only", False)),
    }
