"""TensorFlow's server of parameters with its workers, each a process of its own, and the steps that they make together.

`python -m crossprof.workloads.parameter_server TASK` is one of those processes.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from crossprof.workloads.child import Child, start
from crossprof.workloads.lifeline import FOLDER, hold
from crossprof.workloads.place import Place, free_addresses
from crossprof.workloads.processors import keep_to, processors, share

__all__ = ["ParameterServer"]

_SERVER = "/job:ps/task:0"


class ParameterServer:
    """A server that holds the variables, and workers that compute: this process coordinates them.

    Attributes:
        strategy: In its scope variables are made on the server.
    """

    def __init__(self, workers: int, *, cores: int) -> None:
        import tensorflow as tf

        self._folder = TemporaryDirectory(prefix="crossprof-servers-", dir=os.environ.get(FOLDER))
        cluster = _started(workers, cores, Path(self._folder.name))
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(cluster), task_type="chief", task_id=0, rpc_layer="grpc"
        )
        self._tf = tf
        self.strategy = tf.distribute.ParameterServerStrategy(resolver)
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(self.strategy)

    def trainer(
        self,
        gradients_of: Callable[..., tuple[Any, Sequence[Any]]],
        apply: Callable[[Sequence[Any]], Any],
        variables: Sequence[Any],
        compiled: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> Callable[..., float]:
        """A function that makes one step of the parts of a batch, and gives the mean of their losses.

        Left to themselves, workers change the variables whenever they are ready, which is other work than that of one rank.
        Here each adds its gradients to sums on the server, and the optimizer takes those when all are in.

        Args:
            gradients_of: The loss of a part, and its share of the gradients.
            apply: A step of the optimizer with these gradients.
            variables: What is trained.
            compiled: Makes a graph of a function, or leaves it as it is.
        """
        tf = self._tf
        with self.strategy.scope():
            sums = [tf.Variable(tf.zeros(variable.shape), trainable=False) for variable in variables]

        def give(*part: Any) -> Any:
            loss, gradients = gradients_of(*part)
            for held, gradient in zip(sums, gradients, strict=True):
                held.assign_add(gradient)
            return loss

        def take() -> Any:
            with tf.device(_SERVER):
                apply(sums)
                for held in sums:
                    held.assign(tf.zeros_like(held))
                return tf.constant(0)

        given, taken = compiled(give), compiled(take)

        def step(*parts: Any) -> float:
            asked = [self._coordinator.schedule(given, args=part) for part in parts]
            self._coordinator.join()
            losses = [float(one.fetch()) for one in asked]
            taken().numpy()  # what is asked of the server returns before it is done
            return sum(losses) / len(losses)

        return step


def _started(workers: int, cores: int, folder: Path) -> Mapping[str, list[str]]:
    """Start the processes; the addresses of each sort. Where one ends, so does this process: it would wait for it to return."""
    *addresses, server, coordinator = free_addresses(workers + 2)
    cluster = {"worker": addresses, "ps": [server], "chief": [coordinator]}
    available = processors()
    places = [Place(rank, tuple(addresses)) for rank in range(workers)]
    children = [
        _child(
            {"cluster": cluster, "job": "worker", "index": place.rank},
            share(available, place.rank, ranks=workers, cores=cores),
            place.own_gpu(),
            folder,
        )
        for place in places
    ]
    children.append(_child({"cluster": cluster, "job": "ps", "index": 0}, available, {"CUDA_VISIBLE_DEVICES": ""}, folder))
    is_over = Event()
    atexit.register(_end, children, is_over)
    for child in children:
        Thread(target=_end_with, args=(child, is_over), daemon=True).start()
    return cluster


def _child(task: Mapping[str, Any], numbers: list[int], environment: Mapping[str, str], folder: Path) -> Child:
    log = folder / f"{task['job']}-{task['index']}.log"
    text = json.dumps({**task, "processors": numbers})
    return start("crossprof.workloads.parameter_server", [text], environment=environment, log=log)


def _end(children: Sequence[Child], is_over: Event) -> None:
    is_over.set()
    for child in children:
        child.process.kill()


def _end_with(child: Child, is_over: Event) -> None:
    child.process.wait()
    if not is_over.is_set():
        sys.stderr.write(f"A process of the parameter server ended: {child.last_words()}\n")
        sys.stderr.flush()
        os._exit(1)


def _serve(text: str) -> None:
    """Be what the task says, until the coordinator is gone."""
    task = json.loads(text)
    keep_to(task["processors"])
    import tensorflow as tf

    cluster = tf.train.ClusterSpec(task["cluster"])
    # On one processor it would have one thread for operators, which waits for what it should itself answer, for good.
    threads = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=len(task["cluster"]["worker"]) + 1)
    server = tf.distribute.Server(cluster, job_name=task["job"], task_index=task["index"], protocol="grpc", config=threads)
    server.join()


if __name__ == "__main__":
    hold()
    _serve(sys.argv[1])
