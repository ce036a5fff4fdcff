"""A recording of crossprof's own into the tables: what the collectors wrote, and the traces of its windows."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from crossprof.errors import TraceError
from crossprof.ingest.reader import open_source, reader_for
from crossprof.ingest.recording import Recording
from crossprof.ingest.scratch import json_text

__all__ = ["stage_recording"]

ReadFile = tuple[Path, str, int | None]
"""A file of the recording, its format, and the window that it holds."""

_LINES = ("steps.jsonl", "samples.jsonl")


def stage_recording(connection: duckdb.DuckDBPyConnection, recording: Recording) -> list[ReadFile]:
    """The files of the recording: path, format and window.

    Fills run, rank, device, step, sample, finding and the staged relations.
    A window whose trace is missing or can't be read costs a finding, never the steps.
    """
    captures = _captures(recording)
    status = recording.document.get("status") if recording.has_ended else "killed"
    values = {
        "document": json_text(recording.document),
        "status": status,
        "run_id": recording.run_id,
        "rank": recording.rank,
        "steps": _text(recording.lines("steps.jsonl")),
        "samples": _text(recording.lines("samples.jsonl")),
        "windows": [int(capture.get("capture") or 0) for capture in captures],
    }
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = ?", [value])
    connection.execute(files("crossprof.ingest").joinpath("run_folder.sql").read_text(encoding="utf-8"))
    own = [recording.folder / "run.json", *(path for name in _LINES if (path := recording.lines(name)))]
    found: list[ReadFile] = [(path, "recording", None) for path in own]
    for capture in captures:
        found += _stage_capture(connection, recording, capture)
    return found


def _captures(recording: Recording) -> list[dict[str, Any]]:
    """The windows that run.json names, and those that it had no time to name."""
    named = [capture for capture in recording.document.get("captures") or [] if isinstance(capture, dict)]
    numbers = {capture.get("capture") for capture in named}
    folders = sorted(recording.folder.glob("capture-*"))
    on_disk = [int(name) for folder in folders if (name := folder.name.removeprefix("capture-")).isdigit()]
    return named + [{"capture": number, "state": "recording", "files": []} for number in on_disk if number not in numbers]


def _stage_capture(connection: duckdb.DuckDBPyConnection, recording: Recording, capture: dict[str, Any]) -> list[ReadFile]:
    number = int(capture.get("capture") or 0)
    paths = [_present(recording.folder / name) for name in capture.get("files") or []] or _traces_in(
        recording.folder / f"capture-{number}"
    )
    staged: list[ReadFile] = []
    failures = [] if paths else [_missing(capture)]
    for path in paths:
        try:
            source = open_source(path)
            reader = reader_for(source)
            reader.stage(connection, source, capture=number)
        except (TraceError, duckdb.Error) as error:
            reason = error.reason if isinstance(error, TraceError) else str(error).splitlines()[0]
            failures.append(f"{path.name}: {reason}")
        else:
            staged.append((path, reader.format, number))
    if failures:
        _add_failure(connection, number, failures)
    return staged


def _missing(capture: dict[str, Any]) -> str:
    if capture.get("state") == "failed":
        return "the profiler failed"
    return (
        "the process ended before its trace was written"
        if capture.get("state") == "recording"
        else "the profiler wrote no trace"
    )


def _add_failure(connection: duckdb.DuckDBPyConnection, number: int, reasons: list[str]) -> None:
    detail = f"Window {number} has no usable trace: {'; '.join(reasons)}"
    effect = "Kernels and operators of this window are missing; step times are kept."
    row = ["capture_failed", "error", len(reasons), detail, effect, number]
    connection.execute("INSERT INTO staged_finding VALUES (?, ?, ?, ?, ?, ?)", row)


def _present(path: Path) -> Path:
    """The file, or its compressed form: a recording is compressed after it ended, perhaps at this moment."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if not path.is_file() and packed.is_file() else path


def _traces_in(folder: Path) -> list[Path]:
    """The traces in a window's folder. JAX writes the same window twice; the XPlane form says more."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    planes = [path for path in found if path.name.endswith(".xplane.pb")]
    return planes or [path for path in found if path.name.endswith((".json", ".json.gz"))]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
