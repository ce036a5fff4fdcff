"""How often TensorFlow's own profiler ends a worker of MultiWorkerMirroredStrategy. crossprof has no part in it.

    python benchmarks/tf_worker_crash.py [JOBS [LEVEL]]

Each job is two workers on this host that reduce a number 6 times in each of 100 windows of the profiler. LEVEL is that of the
host's tracer, by default TensorFlow's own, 2.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

WORKER = """
import sys
import tensorflow as tf

class Level:
    '''TensorFlow 2.21 leaves out what is an int.'''
    def __index__(self):
        return int(sys.argv[1])

options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=Level())
strategy = tf.distribute.MultiWorkerMirroredStrategy()

def replica(batch):
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tf.reduce_mean(batch))

@tf.function
def step(batch):
    return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(replica, args=(batch,)), axis=None)

for number in range(100):
    tf.profiler.experimental.start(f"logs/{number}", options)
    for _ in range(6):
        float(step(tf.ones((4, 16))))
    tf.profiler.experimental.stop()
"""


def job(level: int) -> list[int]:
    """The exit codes of two workers; a negative one is the signal that ended it."""
    ports = []
    for _ in range(2):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for index in range(2):
            cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            told = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})}
            place = Path(folder) / str(index)
            place.mkdir()
            command = [sys.executable, "-c", WORKER, str(level)]
            quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
            environment = os.environ | quiet | told
            running.append(subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.DEVNULL))
        try:
            return [process.wait(timeout=300) for process in running]
        finally:
            for process in running:
                process.kill()
                process.wait()


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    level = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    codes = [job(level) for _ in range(jobs)]
    crashed = sum(any(code < 0 for code in both) for both in codes)
    print(f"{crashed} of {jobs} jobs lost a worker to a signal; exit codes {codes}")


if __name__ == "__main__":
    main()
