"""The TensorFlow profiler as a collector."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossprof.collectors.collector import ProfilerBusy, ProfilerUnsafe
from crossprof.collectors.ranks import tf_workers
from crossprof.collectors.xplane_options import profile_options

__all__ = ["TensorFlowCollector"]


class TensorFlowCollector:
    """Records what TensorFlow's tracers record. TensorFlow names its files by the second, so each window needs a directory.

    Raises ProfilerUnsafe in a worker of several, unless the option `multi_worker` is true: stopping TensorFlow's profiler there
    ends the process now and then, by a fault in its memory that has nothing to do with crossprof.
    """

    framework = "tensorflow"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)
        if not self._options.pop("multi_worker", False) and tf_workers() > 1:
            raise ProfilerUnsafe(
                "TensorFlow's profiler may end a worker that has collectives with others; multi_worker=True takes the risk"
            )
        self._marker: Any = None
        self._directory: Path | None = None
        self._is_on = False

    def start(self, directory: Path, metadata: Mapping[str, Any]) -> None:
        """Switch the profiler on. What is in force shows only in the trace: see `effective_options`."""
        import tensorflow as tf

        del metadata  # an XPlane has no place for it; run.json stands beside the file
        options = tf.profiler.experimental.ProfilerOptions(**self._options) if self._options else None
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
        names = [device.name for device in tf.config.list_logical_devices()]
        local = [name for name in names if name.startswith(("/device:", f"{here}/"))]
        if len(local) == len(names):
            tf.test.experimental.sync_devices()
            return
        for name in local:
            with tf.device(name):
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
        """The options as the trace states them: TensorFlow 2.21 ignores those that it is given."""
        files = sorted(self._directory.rglob("*.xplane.pb")) if self._directory else []
        return profile_options(files[0]) if files else {}
