"""What a recording leaves out: parts of run.json, and the host's name and paths also in the files of the profilers."""

from __future__ import annotations

import json
import mmap
import os
import platform
import re
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
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

_NAME = rb"""(?:[^/"\\;:\x00-\x1f]|\\u[0-9a-f]{4})+"""
"""A directory's name, plain or in JSON. Frames of a stack are set apart by ; and : is before a function."""

_PLAIN_NAME = rb"(?:[\w.+@-]|[\xc2-\xf4][\x80-\xbf]+)+"
"""One without any byte that may be a tag after a field of protobuf."""


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
        directories = _directories(store or settings.store_path()) if "paths" in self.left_out else set()
        self._paths = _pattern(directories, _NAME) if directories else None
        self._plain_paths = _pattern(directories, _PLAIN_NAME) if directories else None
        self._host = _host_pattern(platform.node()) if "host" in self.left_out else None

    @property
    def cleans_files(self) -> bool:
        """Whether the profiler's files hold something that is to be left out."""
        return self._paths is not None or self._host is not None

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
        if self._host is not None and kept.get("links"):  # TensorBoard names its directories by the host
            name = platform.node()
            kept["links"] = {tracker: str(place).replace(name, "x" * len(name)) for tracker, place in kept["links"].items()}
        text = json.dumps(kept, indent=1, default=str)
        return text if self._paths is None else self._paths.sub(_crossed_out, text.encode()).decode()

    def files(self, files: Iterable[Path]) -> list[Path]:
        """The files of a window, cleaned in place: what is taken out is crossed out, so that no length changes.

        A file that can't be cleaned is removed, and those after it are.
        """
        remaining, cleaned = list(files), []
        try:
            while remaining:
                cleaned.append(self._cleaned(remaining[0]))
                del remaining[0]
        except BaseException:
            for path in remaining:
                path.unlink(missing_ok=True)
            raise
        return cleaned

    def _cleaned(self, path: Path) -> Path:
        if not self.cleans_files:
            return path
        with path.open("r+b") as file:
            if path.stat().st_size:
                with mmap.mmap(file.fileno(), 0) as content:
                    for start, end in self._spans(path, content):
                        content[start:end] = b"x" * (end - start)
        if self._host is None or not path.name.startswith(f"{platform.node()}."):
            return path
        return path.rename(path.with_name("host" + path.name.removeprefix(platform.node())))

    def _spans(self, path: Path, content: mmap.mmap) -> Iterator[tuple[int, int]]:
        """What is to be crossed out, before the next is looked for."""
        if self._paths is not None and path.suffix == ".json":
            yield from (found.span() for found in self._paths.finditer(content))
        elif self._paths is not None and self._plain_paths is not None:
            fields = (self._paths.match(content, *_field(content, found.start())) for found in self._paths.finditer(content))
            yield from (found.span() for found in fields if found)
            yield from (found.span() for found in self._plain_paths.finditer(content))
        if self._host is not None:
            yield from (found.span("name") for found in self._host.finditer(content))


def _directories(store: Path) -> set[str]:
    """The directories of this process, each as it is named and as it is resolved."""
    script = os.path.dirname(os.path.abspath(sys.argv[0])) if sys.argv and sys.argv[0] else ""  # noqa: PTH100, PTH120
    named = [str(store), script, str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir()]
    with suppress(OSError):  # it may be gone
        named.append(str(Path.cwd()))
    return {path for each in named for path in (each, os.path.realpath(each)) if len(path) >= _SHORTEST_PATH}


def _pattern(directories: Iterable[str], name: bytes) -> re.Pattern[bytes]:
    """Any of the directories, plain or as JSON writes it, with all below it but the last name."""
    written = {os.fsencode(path) for path in directories}
    for is_ascii in (True, False):
        written |= {os.fsencode(json.dumps(path, ensure_ascii=is_ascii)[1:-1]) for path in directories}
    prefixes = b"|".join(re.escape(path) for path in sorted(written, key=len, reverse=True))
    return re.compile(rb"(?:" + prefixes + rb")(?:/" + name + rb"(?=/))*(?![\w.+@-])")


def _field(content: mmap.mmap, start: int) -> tuple[int, int]:
    """Where a field of protobuf that starts there ends: what follows it may look like more of a path."""
    length = content[start - 1] if start else 0
    if start > 1 and content[start - 2] > 0x7F:
        length = content[start - 2] & 0x7F | length << 7
    return start, start + length


def _host_pattern(name: str) -> re.Pattern[bytes] | None:
    """The host's name where profilers write it: `host_name` of Kineto, field 4 of an XSpace."""
    if not name:
        return None
    word = re.escape(name.encode())
    field = re.escape(b'"' + bytes([min(len(name.encode()), 127)]))
    return re.compile(rb'(?:"host_name": "|' + field + rb")(?P<name>" + word + rb")")


def _crossed_out(found: re.Match[bytes]) -> bytes:
    return b"x" * len(found.group())
