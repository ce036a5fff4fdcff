"""The process that answers one query and ends. First it gives up every right that it does not need, then it loads DuckDB.

It reads one line of JSON, {"sql", "form"}, from standard input and writes frames to standard output: a kind of four letters,
the length as eight bytes, the bytes. `redy` once it can be asked, then `data`, or `fail` with {"message", "position"}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from crossprof.dashboard.sandbox import landlock

if TYPE_CHECKING:
    import duckdb

__all__ = ["Confinement", "answered", "confine", "connect", "main"]

_ADDRESS_SPACE = 4 << 30
_NICE = 5
_THREADS = 2
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
_LIMITS = ("/proc/self/cgroup", "/sys/fs/cgroup")
"""DuckDB looks there for limits on memory and processors, and aborts where they are but can't be read."""
_AT_START = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_VIEWS = (
    "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' AND database_name = current_database()"
)


@dataclass(frozen=True)
class Confinement:
    """What a child may do: the catalog it asks, the folders its views read (none: native tables alone), and for how long."""

    catalog: str
    folders: tuple[str, ...]
    seconds: float
    is_landlocked: bool
    memory: str = "1GiB"

    def as_json(self) -> str:
        """The command-line argument of the child."""
        return json.dumps(asdict(self))


def main() -> None:
    """Confine this process, answer one query, end."""
    allowed = Confinement(**json.loads(sys.argv[1]))
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints can't disturb the frames
    try:
        confine(allowed)
        connection = connect(allowed)
        load()
    except Exception as error:
        _send(output, *_failure(f"{type(error).__name__}: {error}", None))
        os._exit(1)
    _send(output, b"redy", b"")
    line = sys.stdin.buffer.readline()
    if line:
        signal.setitimer(signal.ITIMER_REAL, allowed.seconds + 2)  # should the server be gone: SIGALRM ends this process
        _send(output, *answered(connection, json.loads(line)))
    os._exit(0)  # nothing here is worth a tidy end


def confine(allowed: Confinement) -> None:
    """Give up what this process does not need: files, network, memory and time. Before anything that starts a thread."""
    _limit(allowed.seconds)
    if allowed.is_landlocked:
        landlock.confine([allowed.catalog, *allowed.folders, *_LIBRARIES, *_LIMITS, *_python()])


def _limit(seconds: float) -> None:
    """Bound memory, processor time and files written, and let the system end this process first when memory is short."""
    import resource  # the server imports this file too, on systems that have no such module

    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(_NICE)
    processor = int(seconds * _THREADS) + 10
    for what, wanted in (
        (resource.RLIMIT_AS, _ADDRESS_SPACE),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (most, most))


def load() -> None:
    """Load what answers need now, not when one waits."""
    import pyarrow.parquet  # noqa: F401

    from crossprof.dashboard.sandbox import answer, statement

    statement.functions()
    assert answer.FORMS


def _python() -> list[str]:
    """Where Python and its packages lie. Of the folder that the server put first, the package crossprof alone."""
    return sorted({*sys.path[1:], sys.prefix, sys.base_prefix, str(Path(__file__).parents[2])} - {""})


def connect(allowed: Confinement) -> duckdb.DuckDBPyConnection:
    """The catalog, read only, with every door of DuckDB's own closed and the settings locked."""
    import duckdb

    connection = duckdb.connect(allowed.catalog, read_only=True, config=dict(_AT_START))
    folders = ", ".join("'" + folder.replace("'", "''") + "/'" for folder in allowed.folders)
    for setting, value in (
        ("memory_limit", f"'{allowed.memory}'"),
        ("threads", str(_THREADS)),
        ("temp_directory", "''"),
        ("python_enable_replacements", "false"),
        ("allow_persistent_secrets", "false"),
        ("errors_as_json", "true"),
        ("enable_progress_bar", "false"),
        ("allowed_directories", f"[{folders}]"),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ):
        connection.execute(f"SET {setting} = {value}")
    return connection


def answered(connection: duckdb.DuckDBPyConnection, asked: dict[str, str]) -> tuple[bytes, bytes]:
    """The frame that answers a query."""
    import duckdb

    from crossprof.dashboard.sandbox.answer import FORMS
    from crossprof.dashboard.sandbox.statement import Refusal, check

    sql = asked["sql"]
    try:
        check(connection, sql, [name for (name,) in connection.execute(_VIEWS).fetchall()])
        return b"data", FORMS[asked["form"]](_relation(connection, sql))
    except Refusal as refusal:
        return _failure(str(refusal), refusal.position)
    except duckdb.Error as error:
        return _failure(*_said(str(error), sql))
    except MemoryError:
        return _failure("Out of memory: narrow the query.", None)
    except Exception as error:  # of pyarrow, for a type that a file can't hold
        return _failure(f"{type(error).__name__}: {error}", None)


def _relation(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    import duckdb

    try:
        relation = connection.sql(sql)
    except duckdb.Error:
        connection.execute(sql)  # is refused again, and says where
        raise
    assert relation is not None
    return relation


def _said(text: str, sql: str) -> tuple[str, int | None]:
    """DuckDB's message, without its advice on settings, and its place in the query."""
    with suppress(ValueError, KeyError, TypeError):
        said = json.loads(text[text.index("{") :])
        place = str(said.get("position", ""))
        position = len(sql.encode()[: int(place)].decode("utf-8", "ignore")) if place.isdigit() else None
        text = f"{said['exception_type']} Error: {said['exception_message']}"
        return _in_short(text), position
    return _in_short(text), None


def _in_short(text: str) -> str:
    if "file system operations are disabled" in text:
        return "This view reads files of runs. Here only tables that the catalog holds are answered: see the note on the page."
    return text.partition("\nPossible solutions")[0].partition("\n\n")[0]


def _failure(message: str, position: int | None) -> tuple[bytes, bytes]:
    return b"fail", json.dumps({"message": " ".join(message.split())[:2000], "position": position}).encode()


def _send(output: BinaryIO, kind: bytes, payload: bytes) -> None:
    output.write(kind + len(payload).to_bytes(8, "big"))
    output.write(payload)
    output.flush()
