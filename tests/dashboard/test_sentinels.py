"""Pages show what the store answers and compute nothing: they are drawn from a double whose measured numbers are sentinels.

Each page is drawn twice, over two sets of sentinels. What is the same both times is text, or tells which run, rank or step
it is about. What differs must be a sentinel as it is, in whatever unit: a sum, a share or a difference of two of them is none.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from crossprof.dashboard import create_app
from crossprof.dashboard.survey import reported
from crossprof.dashboard.survey.document import as_survey_html
from crossprof.dashboard.survey.words import anchors
from crossprof.dashboard.timeline.timeline import Timeline
from crossprof.store import Store

GPU, OTHER = "syn-torch-gpu-1", "syn-torch-gpu-2"
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")
_MEASURED = re.compile(
    r"_(ns|bytes|ratio|per_second)$|^(value|change)_\d$|calls|allocations$|^(value|ci_low|ci_high|launches)$"
)
_PLACED = re.compile(  # where something is, not what was measured of it
    r"^(start|started|finish|at|first|last|origin|low|high|since|ingested|from|to)_(ns|bytes)$|^quantile_ratio$"
)
_SIZES = {"ns": 10**6, "bytes": 2**20, "ratio": 1e-3}
_OF_SAMPLES = {"step_time"}  # a box has the quartiles of the steps that it is drawn from
_TRACED = ("x", "y", "z", "customdata", "text", "name", "hovertemplate")
_UNSEEN = {
    *("href", "style", "id", "data", "data-sql", "data-command", "columnDefs", "asked", "dashGridOptions", "key"),
    *("event", "flows", "elsewhere", "sql"),  # where the timeline's script draws
}
_ROWS = {"startRow": 0, "endRow": 50, "sortModel": [], "filterModel": {}}


class Sentinels:
    """Numbers of three digits that leave the same rest when divided by seven."""

    def __init__(self, rest: int) -> None:
        self.digits = {str(number) for number in range(100, 1000) if number % 7 == rest and number % 10}
        self._next = itertools.cycle(sorted(int(number) for number in self.digits))

    def of(self, table: pa.Table) -> pa.Table:
        """The rows with a sentinel for every number that was measured: in the unit that its name ends in."""
        for place, field in enumerate(table.schema):
            if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
                continue
            if _MEASURED.search(field.name) and not _PLACED.search(field.name):
                size = _SIZES.get(field.name.rpartition("_")[2], 1)
                cells = [None if value is None else next(self._next) * size for value in table.column(place).to_pylist()]
                table = table.set_column(place, field.name, pa.array(cells, field.type))
        return table

    def triples(self, size: float) -> Iterator[tuple[float, float, float]]:
        """Intervals of sentinels: where one begins, its value, and where it ends."""
        while True:
            yield next(self._next) * size, next(self._next) * size, next(self._next) * size

    def holds(self, number: float) -> bool:
        """Whether a number is a sentinel in some unit, as far as three digits tell."""
        return f"{number:.2e}".partition("e")[0].replace(".", "").strip("0") in self.digits


class Browser:
    """Asks a dashboard for a page and for all that fills it, as a browser would, without one."""

    def __init__(self, store: Path) -> None:
        self._app = create_app(store)
        self._client = self._app.server.test_client()
        self._asked = self._client.get("/_dash-dependencies").get_json()

    def close(self) -> None:
        self._app.server.extensions["crossprof"].close()

    def page(self, path: str) -> list[Any]:
        """The layout, and what each request answers that the layout leads to."""
        pathname, _, search = path.partition("?")
        page = self._answer("..page.children...shown.data..", {"url.pathname": pathname, "url.search": f"?{search}"})
        found, waiting = [page["page"]["children"]], self._values(page)
        done: set[str] = set()
        while fresh := [one for one in self._asked if one["output"] not in done and self._is_due(one, waiting)]:
            for one in fresh:
                done.add(one["output"])
                answer = self._answer(one["output"], waiting, one)
                waiting |= self._values(answer)
                found.append({"asked": one["output"], **answer})
        return found

    def _is_due(self, asked: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        if asked["clientside_function"] or asked["prevent_initial_call"] or asked["output"].startswith("..page"):
            return False
        return all(f"{one['id']}.{one['property']}" in values for one in [*asked["inputs"], *asked["state"]])

    def _answer(self, output: str, values: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> Any:
        named = asked or {"inputs": [{"id": "url", "property": "pathname"}, {"id": "url", "property": "search"}], "state": []}
        body = {
            "output": output,
            "outputs": _outputs(output),
            "changedPropIds": [f"{one['id']}.{one['property']}" for one in named["inputs"]],
            **{kind: [_given(one, values) for one in named[kind]] for kind in ("inputs", "state")},
        }
        answer = self._client.post("/_dash-update-component", json=body, base_url="http://127.0.0.1")
        assert answer.status_code in (200, 204), answer.get_data(as_text=True)[:400]
        return answer.get_json()["response"] if answer.status_code == 200 else {}

    @staticmethod
    def _values(part: Any) -> dict[str, Any]:
        """What requests ask of components: by id and property, of all in a layout. A grid asks for its rows by itself."""
        values: dict[str, Any] = {"look.data": "light"}
        for component in components(part):
            props = component.get("props", {})
            if props.get("id") is None:
                continue
            name = (
                props["id"] if isinstance(props["id"], str) else json.dumps(props["id"], sort_keys=True, separators=(",", ":"))
            )
            asked = {"getRowsRequest": _ROWS} if component["type"] == "AgGrid" else {"data": None, "value": None}
            values |= {f"{name}.{key}": value for key, value in {**asked, **props}.items() if key != "children"}
        return values


def components(part: Any) -> Iterator[dict[str, Any]]:
    """All components in a layout or an answer."""
    if isinstance(part, dict):
        if "type" in part and "namespace" in part:
            yield part
        for held in part.values():
            yield from components(held)
    elif isinstance(part, list):
        for held in part:
            yield from components(held)


def _given(asked: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    identity = json.loads(asked["id"]) if asked["id"].startswith("{") else asked["id"]
    return {"id": identity, "property": asked["property"], "value": values[f"{asked['id']}.{asked['property']}"]}


def _outputs(output: str) -> Any:
    parts = output.strip(".").split("...") if output.startswith("..") else [output]
    told = [{"id": json.loads(name) if name.startswith("{") else name, "property": key} for name, _, key in
            (part.rpartition(".") for part in parts)]  # fmt: skip
    return told if output.startswith("..") else told[0]


def shown(part: Any) -> Counter[float]:
    """All numbers that a reader sees: of texts, of the rows of grids, of the traces of figures."""
    if isinstance(part, str):
        return Counter(float(text.replace(",", "")) for text in _NUMBER.findall(part))
    if isinstance(part, list):
        return sum(map(shown, part), Counter())
    if not isinstance(part, dict):
        return Counter()
    if part.get("type") == "Graph":
        return _drawn([[trace.get(key) for key in _TRACED] for trace in part["props"]["figure"]["data"]])
    if part.get("type") == "AgGrid":
        return shown(part["props"].get("rowData") or [])
    return sum((shown(held) for key, held in part.items() if key not in _UNSEEN), Counter())


def _drawn(held: Any) -> Counter[float]:
    if isinstance(held, dict) and "bdata" in held:
        held = np.frombuffer(base64.b64decode(held["bdata"]), np.dtype(held["dtype"])).tolist()
    if isinstance(held, list):
        return sum((_drawn(one) for one in held), Counter())
    if isinstance(held, (int, float)) and not isinstance(held, bool):
        return Counter([float(f"{held:.6g}")] if np.isfinite(held) else [])
    return shown(held) if isinstance(held, str) else Counter()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], list[tuple[Sentinels, list[Any]]]]:
    """A page over two doubles of a store."""
    read, placed = Store.arrow, Timeline._arrow

    def draw(store: Path, path: str) -> list[tuple[Sentinels, list[Any]]]:
        found = []
        for rest in (3, 5):
            sentinels = Sentinels(rest)
            monkeypatch.setattr(Store, "arrow", lambda held, *asked, to=sentinels: to.of(read(held, *asked)))
            monkeypatch.setattr(Timeline, "_arrow", lambda held, *asked, to=sentinels: to.of(placed(held, *asked)))
            browser = Browser(store)
            found.append((sentinels, browser.page(path)))
            browser.close()
        return found

    return draw


PAGES = {
    "Runs": ("synthetic", "/"),
    "Run": ("synthetic", f"/run?runs={GPU}"),
    "Compare": ("synthetic", f"/compare?runs={GPU},{OTHER}"),
    "Kernels": ("synthetic", f"/kernels?runs={GPU}&sel=kernel|gemm||ampere_sgemm_128x64_tn"),
    "Kernels of two": ("synthetic", f"/kernels?runs={GPU},{OTHER}&sel=kernel|gemm||ampere_sgemm_128x64_tn"),
    "Operators": ("synthetic", f"/operators?runs={GPU}&sel=op|gemm||aten::addmm"),
    "Operators of two": ("synthetic", f"/operators?runs={GPU},{OTHER}"),
    "Metrics": ("synthetic", f"/metrics?runs={GPU},{OTHER}"),
    "Memory": ("spread", "/memory?runs=memory-a,memory-b"),
    "Ranks": ("spread", "/ranks"),
    "Scaling": ("spread", "/scaling"),
}


@pytest.mark.parametrize("title", PAGES)
def test_a_page_shows_numbers_of_the_store_alone(
    title: str, drawn: Callable[[Path, str], Any], synthetic_store: Path, spread_store: Path
) -> None:
    name, path = PAGES[title]
    store = {"synthetic": synthetic_store, "spread": spread_store}[name]
    first, second = ((sentinels, [part for part in held if not _is_of_samples(part)]) for sentinels, held in drawn(store, path))
    _holds_alone(first, second)


def test_the_timeline_tells_numbers_of_the_store_alone(launches_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, placed, told = Store.arrow, Timeline._arrow, []
    for rest in (3, 5):
        sentinels = Sentinels(rest)
        with monkeypatch.context() as double:
            double.setattr(Store, "arrow", lambda held, *asked, to=sentinels: to.of(read(held, *asked)))
            app = create_app(launches_store)
            for address in ("event?run=first&beside=second&kind=0&rank=0&id=10", f"area?run=first&from=0&to={10**9}&lanes=0-4"):
                app.server.test_client().get(f"/timeline/{address}")  # reads the run, in full, before it is doubled
                double.setattr(Timeline, "_arrow", lambda held, *asked, to=sentinels: to.of(placed(held, *asked)))
                answer = app.server.test_client().get(f"/timeline/{address}")
                told.append((sentinels, answer.get_json()))
            app.server.extensions["crossprof"].close()
    for first, second in zip(told[:2], told[2:], strict=True):
        _holds_alone(first, second)


def test_the_survey_shows_numbers_of_its_report_alone(
    survey_report: ModuleType, synthetic_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, files = [], []
    for rest in (3, 5):
        sentinels = Sentinels(rest)
        report = survey_report.made_up(sentinels.triples(1.0), sentinels.triples(1e-3), is_extreme=True)
        monkeypatch.setattr(reported, "report_of", lambda _store, bench, made=report: made)
        opened = ",".join(anchor for table in report.tables for anchor in anchors(table))
        browser = Browser(synthetic_store)
        pages.append((sentinels, browser.page(f"/survey?open={opened}")))
        browser.close()
        files.append((sentinels, re.sub("<style>.*?</style>|<[^>]*>", " ", as_survey_html(report), flags=re.DOTALL)))
    _holds_alone(*pages)
    _holds_alone(*files)


def _holds_alone(first: tuple[Sentinels, Any], second: tuple[Sentinels, Any]) -> None:
    for (sentinels, held), (_, other) in ((first, second), (second, first)):
        numbers = shown(held) - shown(other)
        assert len(numbers) > 5, "the double reaches the page"
        assert not [number for number in numbers if not sentinels.holds(number)]


def _is_of_samples(part: Any) -> bool:
    asked = part.get("asked", "") if isinstance(part, dict) else ""
    return asked.startswith("{") and json.loads(asked.rpartition(".")[0])["figure"] in _OF_SAMPLES
