"""The TensorFlow profiler as a collector."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossprof.collectors.collector import ProfilerBusy, ProfilerUnsafe
from crossprof.collectors.ranks import tf_workers
from crossprof.collectors.xplane_options import profile_options

__all__ = ["TensorFlowCollector"]


class TensorFlowCollector:
    """Records what TensorFlow's tracers record. TensorFlow names its files by the second, so each window needs a directory.

    In a worker of several the host's tracer stays off, unless the option `multi_worker` is true: to stop it there ends the
    process now and then, by a fault of its own. Raises ProfilerUnsafe where nothing would be left to record.
    """

    framework = "tensorflow"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)
        self.caveat: str | None = None
        if not self._options.pop("multi_worker", False) and tf_workers() > 1:
            self._spare_host()
        self._marker: Any = None
        self._directory: Path | None = None
        self._is_on = False

    def _spare_host(self) -> None:
        """Record the GPUs alone."""
        cure = "multi_worker=True records its operators all the same"
        if self._options.setdefault("host_tracer_level", 0) or not _has_gpu():
            raise ProfilerUnsafe(f"TensorFlow's tracer of the host may end a worker that has collectives with others; {cure}")
        self.caveat = f"The host is not traced: that may end a worker that has collectives with others; {cure}."

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        """Switch the profiler on. What is in force shows only in the trace: see `effective_options`."""
        import tensorflow as tf

        del metadata  # an XPlane has no place for it; run.json stands beside the file
        told = {name: _Level(level) if type(level) is int else level for name, level in self._options.items()}
        options = tf.profiler.experimental.ProfilerOptions(**told) if told else None
        self._directory = directory
        try:
            tf.profiler.experimental.start(os.fspath(directory), options)
        except tf.errors.AlreadyExistsError as error:
            raise ProfilerBusy("The TensorFlow profiler is already on in this process.") from error
        self._is_on = True

    def begin_step(self, step: int) -> None:
        """Open a `train` event with the step's number, the form that XProf takes for a step."""
        import tensorflow as tf

        self._marker = tf.profiler.experimental.Trace("train", step_num=step, _r=1)
        self._marker.__enter__()

    def end_step(self) -> None:
        """Close the event."""
        marker, self._marker = self._marker, None
        if marker is not None:
            marker.__exit__(None, None, None)

    def drain(self) -> None:
        """Wait for the devices of the eager context, as far as they are of this process: other workers' can't be asked."""
        import tensorflow as tf

        here = tf.constant(0).device.partition("/device:")[0]
        for device in tf.config.list_logical_devices():
            if device.name.startswith(("/device:", f"{here}/")):
                with tf.device(device.name):
                    tf.raw_ops.SyncDevice()

    def may_stop(self) -> bool:
        """Always: the profiler is one for all threads."""
        return True

    def stop(self) -> None:
        """Switch the profiler off; TensorFlow writes the file in the same call."""
        import tensorflow as tf

        if self._is_on:
            self._is_on = False
            tf.profiler.experimental.stop()

    def export(self) -> list[Path]:
        """The XPlane that `stop` wrote."""
        return sorted(self._directory.rglob("*.xplane.pb")) if self._directory else []

    def effective_options(self) -> Mapping[str, Any]:
        """The options as the trace states them."""
        files = sorted(self._directory.rglob("*.xplane.pb")) if self._directory else []
        return profile_options(files[0]) if files else {}


class _Level:
    """A level that TensorFlow takes for a number: 2.21 turns an int into a bool first, and leaves a bool out."""

    def __init__(self, level: int) -> None:
        self._level = level

    def __index__(self) -> int:
        return self._level


def _has_gpu() -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and bool(tensorflow.config.list_physical_devices("GPU"))
