"""The server's side: a process for each query, one started ahead of the next, a deadline, and bounds on what comes back."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from crossprof.dashboard.sandbox.answer import FILE_BYTES, PAGE_BYTES
from crossprof.dashboard.sandbox.child import Confinement
from crossprof.errors import QueryError

__all__ = ["Column", "Rows", "Sandbox", "SandboxError"]

_AT_ONCE = 2
_PATIENCE_S = 5.0
_START_S = 30.0
_HEAD = 12
_MOST = {"rows": 8 * PAGE_BYTES, "csv": FILE_BYTES, "parquet": FILE_BYTES, "arrow": FILE_BYTES, "fail": 1 << 16}
"""Bytes of an answer in each form. JSON writes some characters as six."""
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from crossprof.dashboard.sandbox.child import main; main()"
_PACKAGES = str(Path(__file__).resolve().parents[3])


class SandboxError(QueryError):
    """A query that was refused, failed or stopped. `position` is the character that it is about, None where unknown."""

    def __init__(self, sql: str, reason: str, position: int | None = None) -> None:
        self.position = position if position is not None and 0 <= position <= len(sql) else None
        super().__init__(sql, reason)


@dataclass(frozen=True)
class Column:
    """One column of a result: its name, DuckDB's type, whether its texts are numbers."""

    name: str
    type: str
    is_number: bool


@dataclass(frozen=True)
class Rows:
    """The rows of a result as texts. `limit` is what cut them off: rows, bytes, or nothing. `seconds` is what they took."""

    columns: tuple[Column, ...]
    rows: list[list[str | None]]
    limit: str | None
    seconds: float


class Sandbox:
    """Answers queries, each in a process of its own, under what `confinement` says at the time.

    No process is started before `warm` or a query. All methods may be called from any thread.
    """

    def __init__(self, confinement: Callable[[], Confinement]) -> None:
        self._confinement = confinement
        self._running = BoundedSemaphore(_AT_ONCE)
        self._lock = Lock()
        self._spare: _Child | None = None
        self._asked: dict[str, _Child] = {}
        self._is_open = True

    def rows(self, sql: str, *, key: str = "") -> Rows:
        """The rows of a query for the page; `stop` ends it by its key. Raises SandboxError."""
        began = time.monotonic()
        payload = self._ask(sql, "rows", key)
        try:
            return _rows(payload, time.monotonic() - began)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SandboxError(sql, "The answer can't be read.") from None

    def file(self, sql: str, form: str) -> bytes:
        """The rows of a query as a csv, parquet or arrow file. Raises SandboxError."""
        return self._ask(sql, form)

    def stop(self, key: str) -> None:
        """End the query that was asked under this key, if it runs: who asked gets a SandboxError."""
        with self._lock:
            child = self._asked.get(key)
        if child:
            child.stop()

    def warm(self) -> None:
        """Start a process ahead of the next query."""
        self._keep(self._confinement())

    def close(self) -> None:
        """End the process that waits; none is started any more."""
        with self._lock:
            self._is_open = False
            spare, self._spare = self._spare, None
        if spare:
            spare.end()

    def _ask(self, sql: str, form: str, key: str = "") -> bytes:
        if not self._running.acquire(timeout=_PATIENCE_S):
            raise SandboxError(sql, f"{_AT_ONCE} queries run already: try again when one has ended.")
        try:
            allowed = self._confinement()
            child = self._take(allowed)
            with self._lock:
                self._asked |= {key: child} if key else {}
            try:
                return child.answer(sql, form, allowed.seconds)
            finally:
                with self._lock:
                    self._asked.pop(key, None)
                child.end()
                self._keep(allowed)
        finally:
            self._running.release()

    def _take(self, allowed: Confinement) -> _Child:
        """The spare process, if it fits; else a new one."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None or spare.fits(allowed):
            return spare or _Child(allowed)
        spare.end()
        return _Child(allowed)

    def _keep(self, allowed: Confinement) -> None:
        """Have a spare process that fits. It starts beside us: nobody waits for it."""
        with self._lock:
            spare = self._spare
            if not self._is_open or (spare and spare.fits(allowed)):
                return
            self._spare = _Child(allowed)
        if spare:
            spare.end()


class _Child:
    """One process and what passes between it and us. It is not trusted: what it writes is bounded in size and in time."""

    def __init__(self, allowed: Confinement) -> None:
        self._allowed = allowed
        self._is_stopped = False
        self._process = subprocess.Popen(
            [sys.executable, "-E", "-P", "-X", "utf8", "-c", _START, _PACKAGES, allowed.as_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )

    def fits(self, allowed: Confinement) -> bool:
        """Whether it lives and is confined as it should be now."""
        return allowed == self._allowed and self._process.poll() is None

    def answer(self, sql: str, form: str, seconds: float) -> bytes:
        """What it answers within the time. Raises SandboxError."""
        try:
            started, reason = self._frame(time.monotonic() + _START_S, _MOST["fail"])
            if started == b"redy":
                kind, payload = self._exchange(sql, form, time.monotonic() + seconds)
            else:
                kind, payload = b"fail", reason
        except TimeoutError:
            raise SandboxError(sql, f"Stopped after {seconds:g} s. CROSSPROF_SQL_SECONDS sets this limit.") from None
        except (EOFError, BrokenPipeError):
            raise SandboxError(sql, "Stopped." if self._is_stopped else self._cause_of_death()) from None
        if kind != b"data":
            raise _failure(sql, payload)
        return payload

    def stop(self) -> None:
        """End it in the middle of an answer."""
        self._is_stopped = True
        self._process.kill()

    def end(self) -> None:
        """End it at once: it holds nothing that needs an orderly end."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
        self._process.wait()

    def _exchange(self, sql: str, form: str, deadline: float) -> tuple[bytes, bytes]:
        self._write(json.dumps({"sql": sql, "form": form}).encode() + b"\n", deadline)
        return self._frame(deadline, _MOST[form])

    def _write(self, data: bytes, deadline: float) -> None:
        """Hand it the data. Raises TimeoutError where it does not take them, BrokenPipeError where it has ended."""
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_WRITE)
            while data:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                data = data[os.write(descriptor, data) :]

    def _frame(self, deadline: float, most: int) -> tuple[bytes, bytes]:
        head = self._read(_HEAD, deadline)
        length = int.from_bytes(head[4:], "big")
        if length > most:
            raise EOFError
        return head[:4], self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        """So many bytes. Raises TimeoutError, or EOFError where the process has ended."""
        assert self._process.stdout is not None
        descriptor, held = self._process.stdout.fileno(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(held) < count:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                block = os.read(descriptor, min(count - len(held), 1 << 20))
                if not block:
                    raise EOFError
                held += block
        return bytes(held)

    def _cause_of_death(self) -> str:
        self._process.kill()
        code = -self._process.wait()
        name = signal.Signals(code).name if code in set(signal.Signals) else "without an answer"
        return f"The query ended its process ({name}): it takes more memory or time than it may. Narrow it."


def _failure(sql: str, payload: bytes) -> SandboxError:
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        said = json.loads(payload)
        position = said["position"]
        return SandboxError(sql, str(said["message"]), position if isinstance(position, int) else None)
    return SandboxError(sql, "The query failed.")


def _rows(payload: bytes, seconds: float) -> Rows:
    """The rows that a process wrote, checked in every part. Raises ValueError, KeyError or TypeError."""
    said: dict[str, Any] = json.loads(payload)
    columns = tuple(Column(str(one["name"]), str(one["type"]), one["is_number"] is True) for one in said["columns"])
    rows = said["rows"]
    is_sound = isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == len(columns) and all(cell is None or isinstance(cell, str) for cell in row)
        for row in rows
    )
    if not is_sound or said["limit"] not in (None, "rows", "bytes"):
        raise ValueError
    return Rows(columns, rows, said["limit"], seconds)
