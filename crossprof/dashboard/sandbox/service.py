"""SQL over one store: what a process may read of it, by the settings and by what the kernel offers."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from crossprof import settings
from crossprof.dashboard.sandbox import landlock
from crossprof.dashboard.sandbox.child import Confinement
from crossprof.dashboard.sandbox.pool import Sandbox
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import CrossprofError
from crossprof.store import Layout
from crossprof.store.blank import made

__all__ = ["Reach", "confinement_of", "reach", "sandbox_over"]


@dataclass(frozen=True)
class Reach:
    """What queries may read here, and in words why not everything."""

    reads_parts: bool
    is_landlocked: bool
    note: str = ""


def reach() -> Reach:
    """What queries may read here. Raises CrossprofError: nothing, since SQL is off, or the setting has no meaning."""
    wanted, has_landlock = settings.get("CROSSPROF_SQL"), landlock.version() > 0
    natively = (
        "only tables that the catalog holds are answered, such as step_time, kernel_summary and run_metric; not kernel or op."
    )
    if os.name != "posix":
        raise CrossprofError("SQL in the browser needs Linux. `crossprof sql` asks the store directly.")
    if wanted == "off":
        raise CrossprofError("SQL is off on this server (CROSSPROF_SQL=off). `crossprof sql` asks the store directly.")
    if wanted == "native":
        return Reach(False, has_landlock, f"CROSSPROF_SQL=native: {natively}")
    if wanted != "all":
        raise CrossprofError(f"CROSSPROF_SQL is '{wanted}': set it to all, native or off.")
    if not has_landlock:
        return Reach(False, False, f"The kernel here has no Landlock, which keeps a query from writing files, so {natively}")
    return Reach(True, True)


def seconds() -> float:
    """How long a query may take. Raises CrossprofError: the setting is no such number."""
    text = settings.get("CROSSPROF_SQL_SECONDS") or ""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found <= 3600:
        raise CrossprofError(f"CROSSPROF_SQL_SECONDS is '{text}': set it to a number of seconds, at most 3600.")
    return found


def sandbox_over(snapshot: Snapshot) -> Sandbox:
    """A sandbox for the queries of one store's readers. It ends with the snapshot."""
    made = Sandbox(confinement_of(snapshot))
    snapshot.on_close(made.close)
    return made


def confinement_of(snapshot: Snapshot) -> Callable[[], Confinement]:
    """What says, at each query, which catalog a process may ask and what it may read."""
    nothing = _NoCatalog()
    snapshot.on_close(nothing.close)

    def now() -> Confinement:
        allowed = reach()
        snapshot.store()  # publishes where nobody has, or for another version of crossprof
        layout = Layout(snapshot.path.resolve())
        folders = (str(layout.runs), str(layout.packs)) if allowed.reads_parts else ()
        return Confinement(str(layout.current() or nothing.path), folders, seconds(), allowed.is_landlocked)

    return now


class _NoCatalog:
    """What stands in for the catalog of a store without runs: a file with all views and no rows."""

    def __init__(self) -> None:
        self._held = ExitStack()

    @cached_property
    def path(self) -> Path:
        """Where it lies, until it is closed."""
        file = Path(self._held.enter_context(tempfile.TemporaryDirectory(prefix="crossprof-"))) / "empty.duckdb"
        file.write_bytes(made())
        return file

    def close(self) -> None:
        """Take it away."""
        self._held.close()
