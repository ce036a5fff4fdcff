"""ONNX Runtime: a session whose runs are requests, and whose own profile is the trace."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any

import onnxruntime

from crossprof.collectors import registry
from crossprof.collectors.onnxruntime_profiler import register
from crossprof.collectors.serving import request

__all__ = ["Session"]

_CLOCK_TOLERANCE_NS = 60_000_000_000


class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
    """An InferenceSession; one made while a recording of ONNX Runtime is on, is profiled until the recording's window is over.

    Each run is a request, unless the loop around it marks steps. ONNX Runtime can't switch profiling on later, so the profiled
    runs come first and bare ones after. Options that ask for profiling themselves keep their file: `end_profiling` tells its
    path.
    """

    def __init__(self, path_or_bytes: Any, sess_options: Any = None, *arguments: Any, **named: Any) -> None:
        self.profiling_started_ns = 0
        self._profile: str | None = None
        recording = registry.current()
        if recording is None or recording.framework != "onnxruntime":
            super().__init__(path_or_bytes, sess_options, *arguments, **named)
            return
        options = sess_options or onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue]
        asked = options.enable_profiling, options.profile_file_prefix
        if not options.enable_profiling:
            directory = tempfile.mkdtemp(prefix="crossprof-onnxruntime-")
            weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
            options.profile_file_prefix = str(Path(directory) / "profile")
        options.enable_profiling = True
        try:
            super().__init__(path_or_bytes, options, *arguments, **named)
        finally:
            options.enable_profiling, options.profile_file_prefix = asked
        self.profiling_started_ns = _unix_ns(int(self.get_profiling_start_time_ns()))
        register(self)

    def run(self, *arguments: Any, **named: Any) -> Any:
        """The outputs, as ever."""
        with request():
            return super().run(*arguments, **named)

    def run_with_ort_values(self, *arguments: Any, **named: Any) -> Any:
        """The outputs, as ever."""
        with request():
            return super().run_with_ort_values(*arguments, **named)

    def run_with_iobinding(self, *arguments: Any, **named: Any) -> Any:
        """Fill the bound outputs, as ever."""
        with request():
            return super().run_with_iobinding(*arguments, **named)

    def end_profiling(self) -> str:
        """The path of the profile, which ends now if it has not ended before."""
        if self._profile is None:
            self._profile = str(super().end_profiling())
        return self._profile


def _unix_ns(started_ns: int) -> int:
    """When profiling started. Where ONNX Runtime's clock is not the system's, the present: a session's making lies between."""
    now = time.time_ns()
    return started_ns if abs(now - started_ns) < _CLOCK_TOLERANCE_NS else now
