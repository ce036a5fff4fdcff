"""A worker: a process of its own that reads one rank after another, so that one that dies costs its rank alone.

It is started as a new interpreter, never by a fork: this process may hold threads of DuckDB. Nor as `multiprocessing` would,
which runs the caller's own script once more in every worker.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe

from crossprof.ingest.home import Home
from crossprof.ingest.job import Job
from crossprof.ingest.part import Request
from crossprof.ingest.result import IngestResult, failed, result_of

__all__ = ["Worker", "end", "serve"]

_START = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path[:] = sys.argv[2:]
from crossprof.ingest.worker import serve
serve(int(sys.argv[1]))
"""
_GRACE_SECONDS = 2.0


class Worker:
    """The handle on a process that reads ranks. `connection` can be read when a result is there, or the process is dead."""

    def __init__(self, request: Request) -> None:
        self.connection, theirs = Pipe()
        self._number = -1
        self._job: Job | None = None
        command = [sys.executable, "-c", _START, str(theirs.fileno()), *sys.path]
        # In a process group of its own, Ctrl-C reaches it through `end` alone, once.
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, process_group=0)
        theirs.close()
        self._send((logging.getLogger().getEffectiveLevel(), request))

    def give(self, number: int, job: Job) -> None:
        """Let it read a job. It knows one at a time."""
        self._number, self._job = number, job
        self._send(job)

    def result(self) -> tuple[int, tuple[IngestResult, Home | None]]:
        """The number of its job and what became of that. Waits for it; a process that died is a reason like any other."""
        number, job = self._number, self._job
        assert job is not None
        self._job = None
        try:
            return number, self.connection.recv()
        except (EOFError, OSError):
            return number, (failed(job, _obituary(self._process.wait())), None)

    @property
    def is_alive(self) -> bool:
        """Whether it can take another job."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask the process to end: where it reads a rank as Ctrl-C would, so that it leaves nothing behind."""
        if self._job is not None:
            self._process.send_signal(signal.SIGINT)
        self.connection.close()

    def wait(self) -> None:
        """Wait for its end, which comes by force if it does not listen."""
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: object) -> None:
        with suppress(OSError):  # it is dead; `result` says so
            self.connection.send(message)


def end(workers: Sequence[Worker]) -> None:
    """End workers, whatever they do."""
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.wait()


def serve(descriptor: int) -> None:
    """Read the jobs that come over a connection until it closes: what a worker's process does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Connection(descriptor) as connection, suppress(EOFError, OSError, KeyboardInterrupt):
        level, request = connection.recv()
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
        while True:
            connection.send(result_of(connection.recv(), request))


def _obituary(code: int) -> str:
    """Why a process that ended with that code gave no result."""
    if code == -signal.SIGKILL:
        cause = "was killed, most likely because memory ran out. Ingest it with --jobs 1, or on a machine with more memory"
    elif code < 0:
        cause = f"died of signal {-code} ({signal.strsignal(-code)}). Ingest it alone to see whether that happens again"
    else:
        cause = f"ended early with code {code}. Ingest it with --jobs 1 to see why"
    return f"the process that read it {cause}."
