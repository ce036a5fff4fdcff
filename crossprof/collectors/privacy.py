"""What a recording leaves out: parts of run.json, and the host's name and paths also in the files of the profilers."""

from __future__ import annotations

import json
import mmap
import os
import platform
import re
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from crossprof import settings

__all__ = ["GROUPS", "Privacy", "checked"]

GROUPS = {
    "arguments": "The command line of the process.",
    "environment": "The variables of the environment.",
    "errors": "The message of the exception that ended the run; its type is kept.",
    "git": "Commit, branch and cleanliness of the working directory.",
    "host": "The name of the host, also in the profiler's files. Ranks of several hosts are told apart by boot id.",
    "paths": "The directories of the store, the script, the working directory, the home, Python and temporary files, "
    "also in the profiler's files: their letters become x.",
}
"""What can be left out, and what that is."""

_SHORTEST_PATH = 4
"""Shorter prefixes, such as /, say nothing and would take everything."""


def checked(leave_out: Collection[str]) -> frozenset[str]:
    """The groups. Raises ValueError for one that there is not."""
    unknown = sorted({leave_out} if isinstance(leave_out, str) else set(leave_out) - GROUPS.keys())
    if unknown:
        raise ValueError(f"leave_out={unknown[0]!r}: use a list of {', '.join(GROUPS)}.")
    return frozenset(leave_out)


class Privacy:
    """Leaves out what it and CROSSPROF_LEAVE_OUT are told to. Raises ValueError for a group that there is not."""

    def __init__(self, leave_out: Collection[str] = (), *, store: Path | None = None) -> None:
        named = [word.strip() for word in (settings.get("CROSSPROF_LEAVE_OUT") or "").split(",")]
        self.left_out = checked([*leave_out, *filter(None, named)])
        self._paths = _pattern(_directories(store or settings.store_path())) if "paths" in self.left_out else None
        self._host = _host_pattern(platform.node()) if "host" in self.left_out else None

    def document(self, facts: Mapping[str, Any]) -> str:
        """The text of run.json."""
        kept = dict(facts)
        if "arguments" in self.left_out and "process" in kept:
            kept["process"] = {**kept["process"], "argv": []}
        if "environment" in self.left_out:
            kept["environment"] = {}
        if "errors" in self.left_out and kept.get("error"):
            kept["error"] = str(kept["error"]).partition(":")[0]
        if "git" in self.left_out:
            kept["git"] = None
        if "host" in self.left_out and "host" in kept:
            kept["host"] = {**kept["host"], "name": None}
        text = json.dumps(kept, indent=1, default=str)
        return text if self._paths is None else self._paths.sub(_crossed_out, text.encode()).decode()

    def files(self, files: Iterable[Path]) -> list[Path]:
        """The files of a window, cleaned in place: what is taken out is crossed out, so that no length changes."""
        return [self._cleaned(path) for path in files]

    def _cleaned(self, path: Path) -> Path:
        if self._paths is None and self._host is None:
            return path
        with path.open("r+b") as file:
            if path.stat().st_size:
                with mmap.mmap(file.fileno(), 0) as content:
                    for pattern in filter(None, (self._paths, self._host)):
                        for found in pattern.finditer(content):
                            start, end = found.span(found.lastgroup or 0)
                            content[start:end] = b"x" * (end - start)
        if self._host is None or not path.name.startswith(f"{platform.node()}."):
            return path
        return path.rename(path.with_name("host" + path.name.removeprefix(platform.node())))


def _directories(store: Path) -> set[str]:
    """The directories of this process, each as it is named and as it is resolved."""
    script = os.path.dirname(os.path.abspath(sys.argv[0])) if sys.argv and sys.argv[0] else ""  # noqa: PTH100, PTH120
    named = [str(store), script, str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir()]
    with suppress(OSError):  # it may be gone
        named.append(str(Path.cwd()))
    return {path for each in named for path in (each, os.path.realpath(each)) if len(path) >= _SHORTEST_PATH}


def _pattern(directories: Iterable[str]) -> re.Pattern[bytes]:
    """Any of the directories with all below it but the last name."""
    longest_first = sorted({path.encode() for path in directories}, key=len, reverse=True)
    prefixes = b"|".join(re.escape(path) for path in longest_first)
    return re.compile(rb"(?:" + prefixes + rb")(?:/[\w.+@-]+(?=/))*(?![\w.+@-])")


def _host_pattern(name: str) -> re.Pattern[bytes] | None:
    """The host's name where profilers write it: `host_name` of Kineto, field 4 of an XSpace."""
    if not name:
        return None
    word = re.escape(name.encode())
    field = re.escape(b'"' + bytes([min(len(name.encode()), 127)]))
    return re.compile(rb'(?:"host_name": "|' + field + rb")(?P<name>" + word + rb")")


def _crossed_out(found: re.Match[bytes]) -> bytes:
    return b"x" * len(found.group())
