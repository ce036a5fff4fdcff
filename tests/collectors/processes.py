"""Processes of a job on this host: started together, ended together, and what their launchers would tell them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crossprof.ingest import ingest
from crossprof.store import Store

ROOT = Path(__file__).parents[2]
SECONDS = 400
"""For a busy machine: alone, the longest of these jobs takes a tenth of that."""

Launcher = Callable[[int, int, int], dict[str, str]]
"""What a process of a job is told, by its rank, the number of ranks and a free port."""

_QUIET = {
    "CROSSPROF_INGEST": "0",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "KINETO_LOG_LEVEL": "99",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TOKENIZERS_PARALLELISM": "false",
}


class Crashed(AssertionError):
    """A process of a job was ended by a fault in its memory."""


def alone(rank: int, ranks: int, port: int) -> dict[str, str]:
    """No launcher."""
    return {}


def torchrun(rank: int, ranks: int, port: int) -> dict[str, str]:
    """What torchrun tells a process, on one host."""
    number = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "MASTER_PORT": port}
    return {name: str(value) for name, value in number.items()} | {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}


def tf_config(rank: int, ranks: int, port: int) -> dict[str, str]:
    """What a launcher of TensorFlow tells a worker. The ports after the first are most likely free too."""
    workers = [f"127.0.0.1:{port + number}" for number in range(ranks)]
    return {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}})}


def jax_cluster(rank: int, ranks: int, port: int) -> dict[str, str]:
    """What the cells of JAX take for jax.distributed."""
    return {"JAX_RANK": str(rank), "JAX_ADDRESS": f"127.0.0.1:{port}"}


def run_job(
    script: Path, *arguments: str, folder: Path, ranks: int = 1, launcher: Launcher = alone, **environment: str
) -> None:
    """Run a script in each rank, in `folder`, where its recordings come to lie below store/. Fails unless all end well.

    $REPORT names a file of its own for each rank: report-0.json and so on.
    """
    port = _free_port()
    common = {name: value for name, value in os.environ.items() if not name.startswith(("CROSSPROF_", "COV"))}
    common |= _QUIET | {"PYTHONPATH": str(ROOT), "CROSSPROF_STORE": str(folder / "store")} | environment
    told = [launcher(rank, ranks, port) | {"REPORT": str(folder / f"report-{rank}.json")} for rank in range(ranks)]
    with _started([sys.executable, str(script), *arguments], [common | one for one in told], folder) as running:
        codes = [process.wait(timeout=SECONDS) for process in running]
    output = "\n".join((folder / f"output-{rank}.txt").read_text(errors="replace")[-3000:] for rank in range(ranks))
    if {-6, -11} & set(codes):
        raise Crashed(output)
    assert codes == [0] * ranks, output


def ingested(folder: Path) -> Store:
    """The store below a folder, with all its recordings."""
    results = ingest([folder / "store" / "recordings"], store=folder / "store")
    assert {result.status for result in results} == {"added"}, [result.reason for result in results]
    return Store(folder / "store")


def rows(store: Store, query: str, *values: Any) -> list[dict[str, Any]]:
    """What a query finds."""
    found: list[dict[str, Any]] = store.arrow(query, list(values)).to_pylist()
    return found


@contextmanager
def _started(
    command: Sequence[str], environments: Sequence[dict[str, str]], folder: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes of a job, none of which outlives the context."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number, environment in enumerate(environments):
            with (folder / f"output-{number}.txt").open("wb") as output:
                streams: dict[str, Any] = {"stdout": output, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
                process = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True, **streams)
            running.append(process)
        yield running
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
