"""What happens to a finished recording: its traces are compressed, and a process of its own ingests it."""

from __future__ import annotations

import logging
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from crossprof import settings

__all__ = ["Finished", "forget", "submit", "wait"]

logger = logging.getLogger(__name__)


class Finished(Protocol):
    """A closed recording."""

    path: Path
    store: Path

    def compress(self) -> None:
        """Compress the traces."""
        ...


_waiting: queue.Queue[Finished] = queue.Queue()
_thread: threading.Thread | None = None
_lock = threading.Lock()


def submit(recording: Finished) -> None:
    """Take over a recording, in the background. Recordings of one process are ingested one after the other."""
    global _thread  # noqa: PLW0603 - one thread a process, started with the first recording
    _waiting.put(recording)
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_work, name="crossprof-handoff", daemon=True)
            with suppress(RuntimeError):  # the interpreter is ending: the next command ingests the folder
                _thread.start()


def wait() -> None:
    """Wait at most CROSSPROF_WAIT seconds for all that was submitted. What is left over, the next command ingests."""
    if _thread is None or not _thread.is_alive():
        return
    limit = _seconds(settings.get("CROSSPROF_WAIT"))
    deadline = time.monotonic() + limit
    while _waiting.unfinished_tasks and time.monotonic() < deadline:
        time.sleep(0.02)
    if _waiting.unfinished_tasks:
        logger.warning("Recordings are still being ingested after %g s; the next crossprof command shows them.", limit)


def _seconds(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        logger.warning("CROSSPROF_WAIT=%r is no number of seconds; exit does not wait.", text)
        return 0.0


def forget() -> None:
    """In a forked child: leave all that was submitted to the parent."""
    global _waiting, _thread, _lock
    _waiting, _thread, _lock = queue.Queue(), None, threading.Lock()


def _work() -> None:
    while True:
        recording = _waiting.get()
        try:
            recording.compress()
            if settings.is_on("CROSSPROF_INGEST"):
                _ingest(recording)
        except Exception as error:
            if recording.path.exists():  # else a service ingested it before we could
                logger.warning("%s was not ingested: %s. Run: crossprof ingest %s", recording.path, error, recording.path)
        finally:
            _waiting.task_done()


def _ingest(recording: Finished) -> None:
    """Run the ingest of one folder in a child that outlives this process. Its output goes to a log beside the staging area."""
    log = recording.store / ".staging" / f"ingest-{recording.path.parent.name}-{recording.path.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(
            _at_low_priority(_command(recording)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
    if child.wait():
        last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise RuntimeError(last)
    log.unlink(missing_ok=True)


def _command(recording: Finished) -> list[str]:
    """The ingest of a folder. `-P` keeps the directory of the training script, and modules in it that shadow ours, out."""
    return [sys.executable, "-P", "-m", "crossprof", "ingest", os.fspath(recording.path), "--store", os.fspath(recording.store)]


def _at_low_priority(command: list[str]) -> list[str]:
    """The command behind `nice`, where there is one: a preexec function could deadlock in a process with threads."""
    nice = shutil.which("nice")
    return [nice, "-n", "10", *command] if nice else command


def _environment() -> dict[str, str]:
    """The environment, in which the child finds this very package, records nothing and takes no accelerator."""
    package = os.fspath(Path(__file__).parents[2])
    found_by = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package]))
    return {**os.environ, "PYTHONPATH": found_by, "CROSSPROF_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
