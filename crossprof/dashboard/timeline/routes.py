"""The addresses below /timeline/ that the page's script asks: JSON, and one binary answer. The guard stands before them."""

from __future__ import annotations

import gzip
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Flask, Response, request

from crossprof.dashboard import theme
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.timeline.answer import window_answer
from crossprof.dashboard.timeline.area import GROUPINGS, area_table
from crossprof.dashboard.timeline.details import Side, details
from crossprof.dashboard.timeline.overview import overview
from crossprof.dashboard.timeline.shelf import Named, Shelf
from crossprof.dashboard.timeline.timeline import Timeline, Window
from crossprof.errors import CrossprofError, RunNotFound

__all__ = ["MOST_RUNS", "connect_routes", "lanes_of"]

MOST_RUNS = 2
_MOST_PIXELS = 8_192
_MOST_LANES = 65_535
_MOST_NS = 1 << 60
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_LEAST_BYTES = 1024

Answer = Callable[[Shelf], Response]

logger = logging.getLogger(__name__)


class _BadRequest(CrossprofError):
    """A parameter that is no number, or out of bounds."""


def connect_routes(server: Flask, snapshot: Snapshot) -> Shelf:
    """Let a server answer what the timeline asks; the timelines that it holds meanwhile."""
    shelf = Shelf(snapshot)
    answers: Mapping[str, Answer] = {
        "tracks": _tracks,
        "slices": _slices,
        "event": _event,
        "search": _search,
        "area": _area,
    }
    for name, answer in answers.items():
        server.add_url_rule(f"/timeline/{name}", f"timeline {name}", _answering(answer, shelf))
    return shelf


def _answering(answer: Answer, shelf: Shelf) -> Callable[[], Response]:
    """An answer, or in one line what is wrong with the question."""

    def respond() -> Response:
        try:
            return answer(shelf)
        except _BadRequest as error:
            return _text(str(error), 400)
        except RunNotFound as error:
            return _text(str(error), 404)
        except CrossprofError as error:
            return _text(str(error), 422)
        except Exception as error:
            logger.exception("The timeline can't answer %s.", request.full_path)
            return _text(f"{type(error).__name__}: {' '.join(str(error).split())}", 500)

    return respond


def _tracks(shelf: Shelf) -> Response:
    names = [name for name in request.args.get("runs", "").split(",") if name]
    if not 1 <= len(names) <= MOST_RUNS:
        raise _BadRequest(f"'runs' names {len(names)} runs: give one or two, separated by a comma.")
    runs = [shelf.resolve(name) for name in names]
    told = [{"run_id": run.run_id, "run": run.run, **overview(shelf.timeline(run))} for run in runs]
    earliest = min(int(run["zero"]) for run in told)
    return _json([{**run, "after_first": int(run["zero"]) - earliest} for run in told])


def _slices(shelf: Shelf) -> Response:
    timeline = shelf.timeline(_run(shelf))
    content = window_answer(timeline, _window(timeline, 0), search=request.args.get("search", ""))
    return _compressed(content, "application/octet-stream")


def _event(shelf: Shelf) -> Response:
    runs = [_run(shelf), *map(shelf.resolve, request.args.getlist("beside")[: MOST_RUNS - 1])]
    sides: list[Side] = [(run, shelf.timeline(run)) for run in runs]
    kind, rank, event_id = (_number(name, 0, -_MOST_NS, _MOST_NS) for name in ("kind", "rank", "id"))
    return _json(details(shelf.store(), sides[0], sides[1:], kind=kind, rank=rank, event_id=event_id))


def _search(shelf: Shelf) -> Response:
    timeline = shelf.timeline(_run(shelf))
    text = request.args.get("search", "")
    lanes, hidden = lanes_of(request.args.get("lanes", "")), _hidden(timeline)
    found = dict(timeline.tally(text, lanes, hidden)) if text else {"calls": 0, "total_ns": 0, "names": 0}
    if text and "at" in request.args:
        direction = -1 if request.args.get("direction") == "back" else 1
        at_ns = _number("at", 0, -_MOST_NS, _MOST_NS)
        found["next"] = timeline.neighbour(text, lanes, hidden, at_ns, direction=direction)
    return _json(found)


def _area(shelf: Shelf) -> Response:
    names = request.args.getlist("run")
    if not 1 <= len(names) <= MOST_RUNS:
        raise _BadRequest(f"{len(names)} runs are given by 'run': give one or two.")
    by = request.args.get("by", "name")
    if by not in GROUPINGS:
        raise _BadRequest(f"'by' is '{by[:40]}': give {' or '.join(GROUPINGS)}.")
    runs = [shelf.resolve(name) for name in names]
    sides = []
    for place, run in enumerate(runs):
        timeline = shelf.timeline(run)
        sides.append((timeline, _window(timeline, place)))
    return _json(area_table(sides, _labels(runs), by=by))


def _labels(runs: Sequence[Named]) -> list[str]:
    """The names of runs as the lanes have them, short enough for a head over three columns."""
    labels = theme.named([{"run": run.run, "run_id": run.run_id} for run in runs])
    return [theme.shortened(label, most=30) for label in labels]


def _run(shelf: Shelf) -> Named:
    name = request.args.get("run", "")
    if not name:
        raise _BadRequest("'run' names no run.")
    return shelf.resolve(name)


def _window(timeline: Timeline, place: int) -> Window:
    """The window that the n-th of the repeated parameters give."""
    start, end = (_number(name, place, -_MOST_NS, _MOST_NS) for name in ("from", "to"))
    if end <= start:
        raise _BadRequest(f"The window from {start} to {end} is empty: 'to' must come after 'from'.")
    pixels = _number("px", place, 1, _MOST_PIXELS) if "px" in request.args else 1
    lanes = request.args.getlist("lanes")
    return Window(start, end, pixels, lanes_of(lanes[place] if place < len(lanes) else ""), _hidden(timeline))


def _hidden(timeline: Timeline) -> tuple[int, ...]:
    """The ids of the categories whose names are given: those that the run lacks need no hiding."""
    names = set(request.args.get("hide", "").split(","))
    return tuple(number for number, name in enumerate(timeline.categories) if name in names)


def lanes_of(text: str) -> tuple[int, ...]:
    """The lanes that a text names: 0-3,7. Raises CrossprofError: it is none of that."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        match = _RANGE.fullmatch(part)
        if not match:
            raise _BadRequest(f"'lanes' has '{part[:40]}': give numbers and ranges, such as 0-3,7.")
        first = int(match[1])
        found += range(first, int(match[2] or first) + 1)
        if found and (len(found) > _MOST_LANES or found[-1] > _MOST_LANES):
            raise _BadRequest(f"'lanes' goes beyond {_MOST_LANES}.")
    return tuple(found)


def _number(name: str, place: int, least: int, most: int) -> int:
    """The n-th value of a parameter as a whole number within bounds."""
    values = request.args.getlist(name)
    text = values[place] if place < len(values) else ""
    try:
        number = int(text)
    except ValueError:
        raise _BadRequest(f"'{name}' is '{text[:40]}': give a whole number.") from None
    if not least <= number <= most:
        raise _BadRequest(f"'{name}' is {text[:40]}: give a number from {least} to {most}.")
    return number


def _json(content: Any) -> Response:
    return _compressed(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), "application/json")


def _compressed(content: bytes, mimetype: str) -> Response:
    """Quickly compressed: the network is mostly this machine's own."""
    response = Response(content, mimetype=mimetype)
    response.headers["Cache-Control"] = "no-store"
    if len(content) >= _LEAST_BYTES and request.accept_encodings.quality("gzip"):
        response.set_data(gzip.compress(content, 1, mtime=0))
        response.content_encoding = "gzip"
        response.vary.add("Accept-Encoding")
    return response


def _text(message: str, status: int) -> Response:
    return Response(message + "\n", status=status, mimetype="text/plain")
