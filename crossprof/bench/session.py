"""A session of the bench: one request, carried out in one go or in several, until all of it is in the store."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from crossprof._version import __version__
from crossprof.bench.request import Request
from crossprof.errors import CrossprofError
from crossprof.workloads import framework_named

__all__ = ["Session", "held", "installed", "seconds_known", "session_of", "software"]


@dataclass
class Session:
    """One session, as its file beside the store's runs keeps it.

    Attributes:
        id: The tag `bench` of its runs.
        asked: The request.
        software: Versions of crossprof and of what the frameworks need.
        finished_ns: When all of it was in the store; None before.
        seconds: How long each cell took, by its name: one number a run.
    """

    folder: Path
    id: str
    asked: dict[str, Any]
    software: dict[str, str]
    started_ns: int
    finished_ns: int | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        """The store that its runs are in."""
        return self.folder.parent

    @property
    def is_begun(self) -> bool:
        """Whether it has its file, by which another call goes on with it."""
        return (self.folder / f"{self.id}.json").is_file()

    def took(self, cell: str, seconds: float) -> None:
        """Note how long a cell took."""
        self.seconds.setdefault(cell, []).append(round(seconds, 3))
        self.save()

    def finish(self) -> None:
        """Note that all of it is in the store."""
        self.finished_ns = time.time_ns()
        self.save()

    def save(self) -> None:
        """Write its file anew, in one rename."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in asdict(self).items() if name != "folder"}
        staged = self.folder / f"{self.id}.json.new"
        staged.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        staged.replace(staged.with_suffix(""))


def session_of(store: Path, request: Request, *, is_new: bool = False) -> Session:
    """The latest session of the same request and software, unless it is finished; then, or where one is wanted, a new one.

    A new one has no file until something is done in it.
    """
    known = software(request)
    same = [one for one in _sessions(store) if (one.asked, one.software) == (request.to_json(), known)]
    if same and same[-1].finished_ns is None and not is_new:
        return same[-1]
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    return Session(_folder(store), f"{moment}-{secrets.token_hex(2)}", request.to_json(), known, time.time_ns())


def seconds_known(store: Path) -> dict[str, list[float]]:
    """How long each cell took in all sessions, by its name, the earliest first."""
    found: dict[str, list[float]] = {}
    for session in _sessions(store):
        for cell, seconds in session.seconds.items():
            found.setdefault(cell, []).extend(seconds)
    return found


@contextmanager
def held(store: Path) -> Iterator[None]:
    """The only bench of a store: two at once would measure each other. The kernel lets go of it when the process dies.

    Raises:
        CrossprofError: Another one is under way.
    """
    folder = _folder(store)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CrossprofError(
                f"A bench of {store} is under way: wait for it, or end it, or name another --store."
            ) from error
        yield
    finally:
        os.close(descriptor)


def software(request: Request) -> dict[str, str]:
    """Versions of crossprof and of all that the frameworks of a request need, as far as they are installed."""
    packages = {package for name, _ in request.ways() for package in framework_named(name).PACKAGES}
    return {"crossprof": __version__, **installed(packages)}


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The version of each of these packages that is installed."""
    found = {}
    for package in sorted(packages):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _sessions(store: Path) -> list[Session]:
    """All sessions, the earliest first. A file that can't be read is none."""
    found = []
    for path in sorted(_folder(store).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            found.append(Session(folder=path.parent, **json.loads(path.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda session: session.started_ns)


def _folder(store: Path) -> Path:
    return store / "bench"
