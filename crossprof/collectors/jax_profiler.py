"""The JAX profiler as a collector."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossprof.collectors.collector import ProfilerBusy
from crossprof.collectors.step_annotations import unseen
from crossprof.collectors.xplane_options import profile_options

__all__ = ["JaxCollector"]


class JaxCollector:
    """Records XLA's work and the host. Tracing of Python frames is off: it is on by default, and costs most."""

    framework = "jax"
    caveat: str | None = None

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = {"python_tracer_level": 0, **options}
        self._marker: Any = None
        self._directory: Path | None = None
        self._is_on = False

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        """Switch the profiler on. Without `raise_error_on_start_failure` a failure would be silent."""
        import jax

        del metadata  # an XPlane has no place for it; run.json stands beside the file
        options = jax.profiler.ProfileOptions()
        for name, value in {"raise_error_on_start_failure": True, **self._options}.items():
            if hasattr(options, name):
                setattr(options, name, value)
        self._directory = directory
        try:
            jax.profiler.start_trace(os.fspath(directory), profiler_options=options)
        except RuntimeError as error:
            if "already" in str(error).lower():
                raise ProfilerBusy("The JAX profiler is already on in this process.") from error
            raise
        self._is_on = True

    def begin_step(self, step: int) -> None:
        """Open a `train` event with the step's number, the form that XProf takes for a step."""
        import jax

        self._marker = unseen(jax.profiler.StepTraceAnnotation("train", step_num=step))
        self._marker.__enter__()

    def end_step(self) -> None:
        """Close the event."""
        marker, self._marker = self._marker, None
        if marker is not None:
            marker.__exit__(None, None, None)

    def drain(self) -> None:
        """Wait for every array that is still being computed."""
        import jax

        jax.block_until_ready(jax.live_arrays())

    def may_stop(self) -> bool:
        """Always: the profiler is one for all threads."""
        return True

    def stop(self) -> None:
        """Switch the profiler off; JAX writes its files in the same call."""
        import jax

        if self._is_on:
            self._is_on = False
            jax.profiler.stop_trace()

    def export(self) -> list[Path]:
        """The XPlane that `stop` wrote. The JSON beside it holds the same events, cut at a million, and is dropped."""
        if self._directory is None:
            return []
        for derived in self._directory.rglob("*.trace.json.gz"):
            derived.unlink()
        return sorted(self._directory.rglob("*.xplane.pb"))

    def effective_options(self) -> Mapping[str, Any]:
        """The options as the trace states them."""
        files = sorted(self._directory.rglob("*.xplane.pb")) if self._directory else []
        return profile_options(files[0]) if files else {}
