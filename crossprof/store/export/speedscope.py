"""A run as a file of speedscope: a profile for each thread and stream of each rank, and one of operators by Python stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from crossprof._version import __version__
from crossprof.errors import CrossprofError
from crossprof.store.export import slices
from crossprof.store.export.selection import RankWindow, Selection, chosen
from crossprof.store.export.staged import staged
from crossprof.store.store import Store

__all__ = ["MOST_SLICES", "bounded", "write_speedscope"]

MOST_SLICES = 300_000
"""What the viewer, which holds all of a file in memory, shows within seconds."""
_BATCH = 100_000
_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_COUNTS = """
    SELECT step, sum(count) AS count, bool_and(is_measured) AS is_measured FROM (
        SELECT step, count(*) AS count, NULL AS is_measured FROM (
            SELECT step FROM op WHERE run_id = $1 AND rank BETWEEN $2 AND $3
            UNION ALL SELECT step FROM kernel WHERE run_id = $1 AND rank BETWEEN $2 AND $3
            UNION ALL SELECT step FROM runtime_call WHERE run_id = $1 AND rank BETWEEN $2 AND $3
            UNION ALL SELECT step FROM annotation WHERE run_id = $1 AND rank BETWEEN $2 AND $3 AND device_id IS NULL
        ) GROUP BY step
        UNION ALL SELECT step, 0, is_profiled AND NOT is_warmup FROM step WHERE run_id = $1 AND rank BETWEEN $2 AND $3
    ) GROUP BY step ORDER BY step
"""
_PROFILES = """
    SELECT track, lane, kind, device_id, thread, min(start_ns) AS first_ns, max(start_ns + dur_ns) AS last_ns
    FROM slice JOIN track USING (track) WHERE kind IN ('thread', 'stream')
    GROUP BY track, lane, kind, device_id, thread ORDER BY kind = 'stream', count(*) DESC, track, lane
"""
# At one instant what has ended closes, the innermost first; then opens what begins, and what takes no time closes at once.
_EVENTS = """
    SELECT ',{{"type":"' || type || '","frame":' || (term - 1) || ',"at":' || (at_ns - {origin}) || '}}' AS text FROM (
        SELECT 'O' AS type, term, start_ns AS at_ns, 1 AS phase, position AS place
        FROM slice WHERE track = {track} AND lane = {lane}
        UNION ALL
        SELECT 'C', term, start_ns + dur_ns, (dur_ns = 0)::INTEGER, if(dur_ns = 0, position, -position)
        FROM slice WHERE track = {track} AND lane = {lane}
    ) ORDER BY at_ns, phase, place, type DESC
"""
_OWN = "run_id = getvariable('run_id') AND rank = getvariable('rank')"
_STACKS = f"""
    CREATE OR REPLACE TEMP TABLE held AS
    SELECT row_number() OVER () AS stack, list_append(list_reverse(string_split(stack, ';')), name) AS frames,
        sum(self_ns) AS self_ns
    FROM op WHERE {_OWN} AND stack IS NOT NULL AND start_ns >= getvariable('first_ns') AND start_ns < getvariable('last_ns')
    GROUP BY op.stack, name HAVING sum(self_ns) > 0;
    INSERT INTO term SELECT (SELECT count(*) FROM term) + row_number() OVER (ORDER BY frame), frame, getvariable('rank')
    FROM (SELECT DISTINCT unnest(frames) AS frame FROM held) ANTI JOIN term ON term.text = frame
"""
_SAMPLES = """
    SELECT list(id - 1 ORDER BY place), any_value(self_ns)::BIGINT FROM (
        SELECT stack, self_ns, unnest(frames) AS frame, generate_subscripts(frames, 1) AS place FROM held
    ) JOIN term ON term.text = frame GROUP BY stack ORDER BY stack
"""
_FRAMES = r"""
    SELECT text, nullif(regexp_extract(text, '^(.+)\((\d+)\): (.+)$', 1), '') AS file,
        try_cast(regexp_extract(text, '^(.+)\((\d+)\): (.+)$', 2) AS BIGINT) AS line,
        nullif(regexp_extract(text, '^(.+)\((\d+)\): (.+)$', 3), '') AS name
    FROM term ORDER BY id
"""
Progress = Callable[[str, int, int], None]


def bounded(store: Store, run_id: str, selection: Selection) -> Selection:
    """The selection itself, or, where it names no steps and holds too much, as many measured steps as the viewer takes.

    Raises CrossprofError where there are no steps to choose from.
    """
    if selection.steps is not None:
        return selection
    low, high = (0, 2**31 - 1) if selection.rank is None else (selection.rank, selection.rank)
    rows = store.arrow(_COUNTS, [run_id, low, high]).to_pylist()
    total = sum(row["count"] for row in rows)
    if total <= MOST_SLICES:
        return selection
    measured = [row for row in rows if row["is_measured"] and row["count"]]
    if not measured:
        raise CrossprofError(
            f"{run_id} holds {total:,} slices and no measured step to choose; speedscope takes {MOST_SLICES:,}. "
            "Name a rank or steps, or export to perfetto."
        )
    held, last = 0, measured[0]["step"]
    for row in measured:
        held += int(row["count"])
        if held > MOST_SLICES:
            break
        last = row["step"]
    return replace(selection, steps=(measured[0]["step"], last))


def write_speedscope(store: Store, run_id: str, target: Path, selection: Selection, on_progress: Progress) -> None:
    """Write the profiles of the bounded selection. Raises CrossprofError: nothing is in it. Raises OSError."""
    windows = chosen(store, run_id, bounded(store, run_id, selection))
    ((run,),) = store.sql("SELECT run FROM run WHERE run_id = ?", [run_id]).fetchall()
    head = {"$schema": _SCHEMA, "exporter": f"crossprof {__version__}", "name": run, "activeProfileIndex": 0}
    with slices.workbench(store) as connection, staged(target) as file:
        file.write(json.dumps(head)[:-1].encode() + b',\n"profiles":[')
        opening = b"\n"
        for done, window in enumerate(windows):
            on_progress(f"rank {window.rank}", done, len(windows))
            for profile in _profiles(connection, run_id, window, windows):
                file.write(opening)
                profile(file)
                opening = b",\n"
        if opening == b"\n":
            raise CrossprofError(
                f"{run_id} holds no operator, call or kernel there: `crossprof show {run_id}` says what was captured."
            )
        frames = ",\n".join(json.dumps(_frame(*row)) for row in connection.execute(_FRAMES).fetchall())
        file.write(b'],\n"shared":{"frames":[\n' + frames.encode() + b"]}}\n")


def _profiles(
    connection: duckdb.DuckDBPyConnection, run_id: str, window: RankWindow, windows: list[RankWindow]
) -> Iterator[Callable[[BinaryIO], None]]:
    """What writes each profile of a rank."""
    slices.point_at(connection, run_id, window)
    slices.load(connection)
    rank = f"rank {window.rank} · " if len(windows) > 1 or window.rank else ""
    for track, lane, kind, device, thread, first, last in connection.execute(_PROFILES).fetchall():
        place = f"thread {thread or 'unnamed'}" if kind == "thread" else f"device {device} stream {thread or 'unnamed'}"
        name = f"{rank}{place}{f' ({lane + 1})' if lane else ''}"
        query = _EVENTS.format(track=track, lane=lane, origin=first)
        yield lambda file, name=name, last=last - first, query=query: _write_evented(connection, file, name, last, query)  # type: ignore[misc]
    connection.execute(_STACKS)
    if samples := connection.execute(_SAMPLES).fetchall():
        yield lambda file: _write_sampled(file, f"{rank}operators by Python stack, self time", samples)


def _write_evented(connection: duckdb.DuckDBPyConnection, file: BinaryIO, name: str, last: int, query: str) -> None:
    head = {"type": "evented", "name": name, "unit": "nanoseconds", "startValue": 0, "endValue": last}
    file.write(json.dumps(head)[:-1].encode() + b',"events":[')
    skipped = 1  # the comma before the first
    for texts in slices.pieces(connection, query, _BATCH):
        file.write(slices.joined(texts)[skipped:])
        skipped = 0
    file.write(b"]}")


def _write_sampled(file: BinaryIO, name: str, samples: list[tuple[Any, ...]]) -> None:
    stacks, weights = zip(*samples, strict=True)
    head = {"type": "sampled", "name": name, "unit": "nanoseconds", "startValue": 0, "endValue": sum(weights)}
    file.write(json.dumps({**head, "samples": stacks, "weights": weights}).encode())


def _frame(text: str, file: str | None, line: int | None, name: str | None) -> dict[str, Any]:
    """A frame of Python is told apart into function, file and line."""
    return {"name": text} if file is None or line is None or name is None else {"name": name, "file": file, "line": line}
