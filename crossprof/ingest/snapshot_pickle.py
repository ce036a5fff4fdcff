"""A program: the plain facts of a pickled memory snapshot, from standard input into JSON files in a folder.

It is a process of its own, of bounded memory and time, because a pickle may be made to exhaust either, or the stack of C. It
imports the standard library alone. On success it prints nothing; else one line that says what is wrong, and exits with 1.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

__all__ = ["main"]

_NUMBERS = {
    "segments": ("device", "total_size", "active_size"),
    "events": ("addr", "size", "time_us", "device_free"),
    "annotations": ("device", "time_us"),
}
_TEXTS = {"events": ("action",), "annotations": ("name", "stage")}
_MOST_SETTINGS_BYTES = 1 << 16
_MOST_NAME_CHARACTERS = 80
_MOST_FRAMES = 256  # a list of frames may be in the file once and belong to every event
_MOST_LINE_CHARACTERS = 512
_FOREIGN = re.compile(  # files of packages, of Python, of torch's compiler, and what is no file of Python
    r"[\\/](?:site|dist)-packages[\\/]|[\\/]lib(?:64)?[\\/]python3|[\\/]python3?\d*[\\/]lib[\\/]|[\\/]torchinductor_|^$|^\?\?|^<(?!ipython|stdin)"
    r"|\.(?:c|cc|cpp|cxx|cu|cuh|h|hpp|inc)$",
    re.IGNORECASE,
)


class _Refused(Exception):
    """A pickle that is no snapshot, with the reason."""


class _PlainUnpickler(pickle.Unpickler):
    """Makes numbers, text, lists and dictionaries, which is all that a snapshot holds. Nothing of the file is called."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse: whatever runs code goes through a name."""
        asked = ascii(f"{module}.{name}")[1:-1][:_MOST_NAME_CHARACTERS]
        raise _Refused(f"it asks for {asked}, which no snapshot does; nothing of it was run")

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - the signature is pickle's
        """Refuse: a snapshot refers to nothing outside of itself."""
        raise _Refused("it refers to objects outside of itself, which no snapshot does")


def main(folder: Path, most_bytes: int) -> str | None:
    """What is wrong with the pickle, if anything is. Else its facts lie in the folder."""
    _limit_memory(most_bytes)
    data = sys.stdin.buffer.read()
    try:
        tables = _tables(_PlainUnpickler(io.BytesIO(data)).load(), most_events=len(data))
        for name, rows in tables.items():
            (folder / f"{name}.json").write_text(json.dumps(rows))
    except _Refused as refusal:
        return str(refusal)
    except MemoryError:
        return f"it takes more than {most_bytes >> 20} MiB of memory"
    except Exception as error:  # whatever the bytes of a stranger make an unpickler raise
        return f"it is cut or damaged ({type(error).__name__})"
    return None


def _tables(snapshot: Any, *, most_events: int) -> dict[str, Any]:
    """The rows of each table. An event takes more than a byte: a list that is in the file once and listed often is refused."""
    if not isinstance(snapshot, dict) or not isinstance(snapshot.get("device_traces"), list):
        raise _Refused("it is a pickle of something else: it has no device_traces")
    traces = [trace for trace in snapshot["device_traces"] if isinstance(trace, list)]
    segments = [segment for segment in _list(snapshot, "segments") if isinstance(segment, dict)]
    blocks = [_list(segment, "blocks") for segment in segments]
    if sum(map(len, traces)) + sum(map(len, blocks)) > most_events:
        raise _Refused("it claims more events than its bytes can hold")
    settings = snapshot.get("allocator_settings")
    return {
        "segments": [
            {**row, "live_blocks": sum(isinstance(block, dict) and block.get("state") != "inactive" for block in held)}
            for row, held in zip(_rows("segments", segments), blocks, strict=True)
        ],
        "events": list(_events(traces)),
        "annotations": list(_rows("annotations", _list(snapshot, "external_annotations"))),
        "settings": settings if isinstance(settings, dict) and len(json.dumps(settings)) < _MOST_SETTINGS_BYTES else None,
    }


def _events(traces: list[list[Any]]) -> Iterator[dict[str, int | str | None]]:
    """What is needed of each event, with its device and the line that it stems from."""
    lines: dict[int, tuple[str | None, bool]] = {}
    for device, trace in enumerate(traces):
        entries = [entry for entry in trace if isinstance(entry, dict)]
        for entry, row in zip(entries, _rows("events", entries), strict=True):
            yield {**row, "device": device, "source_line": _source_line(_list(entry, "frames"), lines)}


def _source_line(frames: list[Any], lines: dict[int, tuple[str | None, bool]]) -> str | None:
    """File and line of the innermost frame that is the user's; where none is, of the innermost.

    `lines` keeps what was found of a frame, by its identity: torch makes each frame once, and all live as long as the snapshot.
    """
    innermost = None
    for frame in islice(frames, _MOST_FRAMES):
        if id(frame) not in lines:
            lines[id(frame)] = _line(frame)
        line, is_own = lines[id(frame)]
        if is_own:
            return line
        innermost = innermost or line
    return innermost


def _line(frame: Any) -> tuple[str | None, bool]:
    """File and line of a frame, and whether the file is the user's. None of what is no frame."""
    if not isinstance(frame, dict):
        return None, False
    file, number = frame.get("filename"), frame.get("line")
    if type(file) is not str or type(number) is not int or len(file) > _MOST_LINE_CHARACTERS:
        return None, False
    return f"{file}:{number}", not _FOREIGN.search(file)


def _rows(kind: str, entries: list[Any]) -> Iterable[dict[str, int | str]]:
    """What is needed of each entry, where it is of the type that it should be."""
    for entry in entries:
        if isinstance(entry, dict):
            row = {key: value for key in _NUMBERS[kind] if type(value := entry.get(key)) is int}
            yield row | {key: value for key in _TEXTS.get(kind, ()) if type(value := entry.get(key)) is str}


def _list(container: dict[Any, Any], key: str) -> list[Any]:
    value = container.get(key)
    return value if isinstance(value, list) else []


def _limit_memory(most_bytes: int) -> None:
    """Make what would exceed the bound a MemoryError, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


if __name__ == "__main__":
    reason = main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(reason or "")
    sys.exit(1 if reason else 0)
