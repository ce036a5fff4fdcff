"""How often TensorFlow's own profiler ends a worker of MultiWorkerMirroredStrategy. crossprof has no part in it.

    python benchmarks/tf_worker_crash.py [JOBS [LEVEL [STRATEGY]]]

Each job is two workers on this host that reduce a number 6 times in each of 100 windows of the profiler. LEVEL is that of the
host's tracer, by default TensorFlow's own, 2. With the STRATEGY mirrored a job is one process with two devices.
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
def strategy_named(name):
    if name == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    parts = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

strategy = strategy_named(sys.argv[2])

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


def job(level: int, strategy: str) -> list[int]:
    """The exit codes of its processes; a negative one is the signal that ended it."""
    workers = 2 if strategy == "multiworker" else 1
    ports = []
    for _ in range(workers):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for index in range(workers):
            cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
            told = {"TF_CONFIG": config} if workers > 1 else {}
            place = Path(folder) / str(index)
            place.mkdir()
            command = [sys.executable, "-c", WORKER, str(level), strategy]
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
    strategy = sys.argv[3] if len(sys.argv) > 3 else "multiworker"
    codes = [job(level, strategy) for _ in range(jobs)]
    crashed = sum(any(code < 0 for code in of_job) for of_job in codes)
    print(f"{crashed} of {jobs} jobs of {strategy} lost a process to a signal; exit codes {codes}")


if __name__ == "__main__":
    main()
