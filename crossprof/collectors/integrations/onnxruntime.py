"""ONNX Runtime: a session whose runs are requests, and whose own profile is the trace."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import onnxruntime

from crossprof.collectors import registry
from crossprof.collectors.loop import Loop
from crossprof.collectors.onnxruntime_profiler import register
from crossprof.collectors.recording import Recording
from crossprof.collectors.schedule import PROFILED, Schedule
from crossprof.collectors.serving import request

__all__ = ["Session"]

logger = logging.getLogger(__name__)

_CLOCK_TOLERANCE_NS = 60_000_000_000


class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
    """An InferenceSession; one made in a recording of ONNX Runtime is profiled until the recording's next window is over.

    Each run is a request, unless the loop around it marks steps. ONNX Runtime can't switch profiling on later, so the profiled
    runs come first and bare ones after; a session made where bare steps come next, or no window, is not profiled. Options that
    ask for profiling themselves keep their file: `end_profiling` tells its path.
    """

    def __init__(self, path_or_bytes: Any, sess_options: Any = None, *arguments: Any, **named: Any) -> None:
        self.profiling_started_ns = 0
        self._profile: str | None = None
        self._left_on: weakref.ref[Recording] | None = None
        recording = registry.current()
        directory = None
        if recording is not None and recording.framework == "onnxruntime" and _is_profiled_next(recording.loop):
            directory = _directory()
        if recording is None or directory is None:
            super().__init__(path_or_bytes, sess_options, *arguments, **named)
            return
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        options = sess_options or onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue]
        asked = options.enable_profiling, options.profile_file_prefix
        if not options.enable_profiling:
            options.profile_file_prefix = str(Path(directory) / "profile")
            self._left_on = weakref.ref(recording)
        options.enable_profiling = True
        try:
            super().__init__(path_or_bytes, options, *arguments, **named)
        finally:
            options.enable_profiling, options.profile_file_prefix = asked
        self.profiling_started_ns = _unix_ns(int(self.get_profiling_start_time_ns()))
        register(self, recording)

    def run(self, *arguments: Any, **named: Any) -> Any:
        """The outputs, as ever."""
        self._end_after_recording()
        with request():
            return super().run(*arguments, **named)

    def run_with_ort_values(self, *arguments: Any, **named: Any) -> Any:
        """The outputs, as ever."""
        self._end_after_recording()
        with request():
            return super().run_with_ort_values(*arguments, **named)

    def run_with_iobinding(self, *arguments: Any, **named: Any) -> Any:
        """Fill the bound outputs, as ever."""
        self._end_after_recording()
        with request():
            return super().run_with_iobinding(*arguments, **named)

    def end_profiling(self) -> str:
        """The path of the profile, which ends now if it has not ended before."""
        if self._profile is None:
            self._profile = str(super().end_profiling())
        return self._profile

    def _end_after_recording(self) -> None:
        """Switch off what a recording switched on whose window never came."""
        if self._left_on is None or self._left_on() is registry.current() is not None:
            return
        self._left_on = None
        with suppress(Exception):  # the user's run goes on
            self.end_profiling()


def _is_profiled_next(loop: Loop) -> bool:
    """Whether the schedule's next window comes before any bare step, which a session's profiling would slow down."""
    schedule, step = loop.schedule, loop.counts["count"]
    if not isinstance(schedule, Schedule):
        return True
    planned = (schedule.state(later) for later in range(step, schedule.length))
    return next((state for state in planned if state != "unmeasured"), "bare") in PROFILED


def _directory() -> str | None:
    try:
        return tempfile.mkdtemp(prefix="crossprof-onnxruntime-")
    except OSError as error:
        logger.warning("A session of ONNX Runtime is not profiled: %s.", error)
        return None


def _unix_ns(started_ns: int) -> int:
    """When profiling started. Where ONNX Runtime's clock is not the system's, the present: a session's making lies between."""
    now = time.time_ns()
    return started_ns if abs(now - started_ns) < _CLOCK_TOLERANCE_NS else now
