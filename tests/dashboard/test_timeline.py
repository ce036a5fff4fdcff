"""The timeline's page and the addresses that its script asks, over two small runs that a person can check."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import plotly.utils
import pytest
from flask import Flask
from flask.testing import FlaskClient

from crossprof.dashboard import create_app
from crossprof.dashboard.addresses import timeline_address
from crossprof.dashboard.pages import timeline as page
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.timeline import build
from crossprof.dashboard.timeline.shelf import Shelf
from crossprof.errors import CrossprofError, RunNotFound

US = 1_000


@pytest.fixture(scope="module")
def server(launches_store: Path) -> Iterator[Flask]:
    made = create_app(launches_store).server
    yield made
    made.extensions["crossprof"].close()


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


@pytest.fixture
def snapshot(launches_store: Path) -> Iterator[Snapshot]:
    held = Snapshot(launches_store)
    yield held
    held.close()


def decoded(content: bytes) -> dict[str, Any]:
    """A binary answer as the script reads it."""
    length = int.from_bytes(content[:4], "little")
    header: dict[str, Any] = json.loads(content[4 : 4 + length])
    for name, (dtype, offset, count) in header["arrays"].items():
        assert (4 + length + offset) % 8 == 0, "typed arrays must be aligned"
        header[name] = np.frombuffer(content, dtype, count, 4 + length + offset)
    return header


def text_of(layout: Any) -> str:
    return json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)


def told(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_tracks_tell_streams_threads_steps_and_where_to_open(client: FlaskClient, launches: ModuleType) -> None:
    (run,) = told(client, "/timeline/tracks?runs=first")
    assert [(track["label"], track["lanes"]) for track in run["tracks"]] == [
        ("Steps", [0]),
        ("stream 7", [1]),
        ("stream 8", [2]),
        ("Thread 11", [3, 4]),
    ]
    assert run["zero"] == str(launches.ZERO_NS)
    assert run["steps"] == [[4, 1000 * US, 1000 * US], [5, 2000 * US, 1000 * US]], "the warm-up step is none to align at"
    assert run["opening"] == [1000 * US, 3000 * US]
    titles = {category["name"]: category["title"] for category in run["categories"]}
    assert titles["call"] == "runtime call"


def test_two_runs_know_how_far_they_are_apart_on_the_clock(client: FlaskClient) -> None:
    assert [run["after_first"] for run in told(client, "/timeline/tracks?runs=first,second")] == [0, 0]


def test_a_share_of_processor_time_is_drawn_from_the_reading_before(synthetic_store: Path) -> None:
    held = Snapshot(synthetic_store)
    query = "select at_ns, value from sample where run_id = ? and metric = 'process.cpu.utilization' order by at_ns"
    read = held.store().sql(query, ["syn-torch-gpu-1"]).fetchall()
    with build.build(held.store(), "syn-torch-gpu-1") as connection:
        drawn = connection.sql(
            "SELECT at_ns + zero_ns, value FROM reading JOIN counter USING (counter_id), origin "
            "WHERE counter = 'process.cpu.utilization' ORDER BY at_ns"
        ).fetchall()
    held.close()
    assert len(read) > 2
    assert drawn == [(before, value) for (before, _), (_, value) in pairwise(read)]


def test_a_window_is_typed_arrays_and_the_names_in_them(client: FlaskClient, launches: ModuleType) -> None:
    answer = client.get(f"/timeline/slices?run=first&from=0&to={1000 * US}&px=1000&lanes=0-4")
    held = decoded(answer.data)
    assert held["width"] is None
    rows = sorted(
        zip(held["lane"], held["start"], held["dur"], (held["names"][str(name)] for name in held["name"]), strict=True)
    )
    assert [(int(lane), int(start) // US, int(dur) // US, name) for lane, start, dur, name in rows] == [
        (0, 0, 1000, "step 3"),
        (1, 400, 200, launches.GEMM),
        (2, 450, 100, "Memcpy HtoD (Pinned -> Device)"),
        (3, 100, 200, "aten::mm"),
        (3, 320, 10, "cudaMemcpyAsync"),
        (3, 350, 400, "cudaStreamSynchronize"),
        (4, 150, 20, "cudaLaunchKernel"),
    ]


def test_the_widest_window_is_answered(client: FlaskClient) -> None:
    held = decoded(client.get(f"/timeline/slices?run=first&from={-(1 << 60)}&to={1 << 60}&px=1&lanes=0-4").data)
    assert len(held["start"]) == 21


def test_an_answer_of_some_size_is_compressed_for_those_who_take_it(client: FlaskClient) -> None:
    packed = client.get("/timeline/tracks?runs=first", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == client.get("/timeline/tracks?runs=first").data


def test_a_searched_text_is_found_in_the_window(client: FlaskClient) -> None:
    held = decoded(client.get(f"/timeline/slices?run=first&from=0&to={2000 * US}&px=2000&lanes=1&search=CUTLASS").data)
    assert [held["names"][str(name)].split()[1][:7] for name in held["hit_names"]] == ["cutlass"]
    assert [int(at * held["hit_width"]) // US for at in held["hit_bin"]] == [399, 1399]
    found = told(client, "/timeline/search?run=first&search=cutlass&lanes=0-4&at=0")
    assert (found["calls"], found["total_ns"], found["next"]) == (3, 600 * US, {"kind": 0, "rank": 0, "id": 0})


def test_a_hidden_category_is_left_out_everywhere(client: FlaskClient) -> None:
    window = f"from=0&to={1000 * US}&px=1000&lanes=0-4&hide=gemm,call,sync"
    assert sorted(set(decoded(client.get(f"/timeline/slices?run=first&{window}").data)["lane"])) == [0, 2]
    area = told(client, f"/timeline/area?run=first&{window}")
    assert [row[0] for row in area["rows"]] == ["step 3", "Memcpy HtoD (Pinned -> Device)"]


def test_a_kernel_tells_its_launch_and_where_it_is_in_the_other_run(client: FlaskClient, launches: ModuleType) -> None:
    held = told(client, "/timeline/event?run=first&beside=second&kind=0&rank=0&id=10")
    facts = dict(held["facts"])
    assert held["event"]["name"] == launches.GEMM
    assert facts["Duration"] == "200\u2009µs"
    assert facts["Delay"] == "250\u2009µs from the start of the call"
    assert (facts["Launched by"], facts["Operator"]) == ("cudaLaunchKernel, thread 11", "aten::mm")
    assert (facts["Grid × block"], facts["Where"], facts["Step"]) == ("8,1,1 × 128,1,1", "device 0, stream 7, rank 0", "4")
    (flow,) = held["flows"]
    assert (flow["launch"]["start_ns"], flow["work"]["start_ns"]) == (1150 * US, 1400 * US)
    assert held["same"]["rows"] == [["first", "3", "600", "200", "200", "200"], ["second", "3", "900", "300", "300", "300"]]
    assert held["elsewhere"] == [{"kind": 0, "rank": 0, "id": 10}]


def test_calls_operators_and_steps_tell_what_they_can(client: FlaskClient) -> None:
    call = told(client, "/timeline/event?run=first&kind=2&rank=0&id=1")
    assert [flow["work"]["id"] for flow in call["flows"]] == [1]
    operator = told(client, "/timeline/event?run=first&kind=1&rank=0&id=0")
    assert dict(operator["facts"])["Shapes"] == "[[64, 64]]"
    assert [flow["work"]["id"] for flow in operator["flows"]] == [0]
    step = told(client, "/timeline/event?run=first&kind=4&rank=0&id=3")
    assert (step["flows"], dict(step["facts"])["Category"]) == ([], "step profiled warmup")


def test_the_query_behind_an_event_answers(client: FlaskClient, snapshot: Snapshot) -> None:
    for event in ("kind=0&rank=0&id=10", "kind=1&rank=0&id=0", "kind=2&rank=0&id=1", "kind=4&rank=0&id=3"):
        address = told(client, f"/timeline/event?run=first&{event}")["sql"]
        assert address.startswith("/sql?q=")
        assert len(snapshot.store().arrow(_query_of(address))) == 1


def _query_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["q"][0]


def test_an_area_sets_two_runs_side_by_side(client: FlaskClient, launches: ModuleType) -> None:
    sides = "&".join(f"run={run}&from=0&to={1000 * US}&lanes=1-2" for run in ("first", "second"))
    held = told(client, f"/timeline/area?{sides}")
    assert held["rows"][0] == [launches.GEMM, "gemm", "1", "200", "66.7\u2009%", "1", "300", "75.0\u2009%", "+100"]
    assert held["groups"] == [["", 2], ["first", 3], ["second", 3], ["", 1]]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("tracks?runs=nobody", 404, "No run answers to 'nobody'"),
        ("tracks", 400, "'runs' names 0 runs"),
        ("tracks?runs=first,second,first", 400, "'runs' names 3 runs"),
        ("slices?from=0&to=1&px=1", 400, "'run' names no run"),
        ("slices?run=nobody&from=0&to=1&px=1", 404, "No run answers"),
        ("slices?run=first&from=zero&to=1&px=1", 400, "'from' is 'zero': give a whole number"),
        ("slices?run=first&from=0&to=1e6&px=1", 400, "'to' is '1e6'"),
        ("slices?run=first&from=9&to=9&px=1", 400, "The window from 9 to 9 is empty"),
        ("slices?run=first&from=0&to=99999999999999999999&px=1", 400, "'to' is 99999999999999999999: give a number from"),
        ("slices?run=first&from=0&to=9&px=9999999", 400, "'px' is 9999999: give a number from 1 to 8192"),
        ("slices?run=first&from=0&to=9&px=0", 400, "'px' is 0"),
        ("slices?run=first&from=0&to=9&px=1&lanes=1;drop", 400, "'lanes' has '1;drop'"),
        ("slices?run=first&from=0&to=9&px=1&lanes=0-99999", 400, "'lanes' goes beyond 65535"),
        ("event?run=first&kind=0&rank=0&id=999", 422, "The run first has no event 0.0.999"),
        ("event?run=first&kind=x&rank=0&id=1", 400, "'kind' is 'x'"),
        ("area?from=0&to=1", 400, "0 runs are given"),
        ("area?run=first&from=0&to=1&by=moon", 400, "'by' is 'moon': give name or category"),
        ("search?run=first&search=a&at=now", 400, "'at' is 'now'"),
    ],
)
def test_a_wrong_question_gets_one_line(client: FlaskClient, path: str, status: int, says: str) -> None:
    answer = client.get("/timeline/" + path)
    assert answer.status_code == status
    assert says in answer.text
    assert answer.text.count("\n") == 1


def test_the_guard_stands_before_the_timeline(launches_store: Path) -> None:
    server = create_app(launches_store, token="secret").server
    client = server.test_client()
    assert client.get("/timeline/tracks?runs=first").status_code == 401
    assert client.get("/timeline/tracks?runs=first", headers={"Host": "evil.example"}).status_code == 403
    server.extensions["crossprof"].close()


def test_a_run_is_read_once_and_let_go_when_others_need_the_room(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(snapshot, most_bytes=1)
    first = shelf.timeline(shelf.resolve("first"))
    assert shelf.timeline(shelf.resolve("launch-a")) is first
    shelf.timeline(shelf.resolve("second"))
    assert shelf.timeline(shelf.resolve("first")) is not first
    monkeypatch.setattr(build, "MOST_EVENTS", 3)
    with pytest.raises(CrossprofError, match="The run has 21 events"):
        shelf.timeline(shelf.resolve("second"))


def test_the_page_shows_the_latest_run_or_those_of_the_address(snapshot: Snapshot) -> None:
    assert '"run_id": "launch-a"' in text_of(page.layout(snapshot, {"runs": "first,second"}))
    assert '"run_id": "launch-none"' not in text_of(page.layout(snapshot, {"runs": "first,second,silent"})), (
        "of three the first two"
    )
    with pytest.raises(RunNotFound):
        page.layout(snapshot, {"runs": "nobody"})


def test_a_run_without_events_and_an_empty_store_say_what_to_do(snapshot: Snapshot, tmp_path: Path) -> None:
    held = text_of(page.layout(snapshot, {"runs": "silent"}))
    assert "None, because silent recorded no event" in held
    assert "crossprof ingest TRACE --run launch-none" in held
    held = text_of(page.layout(Snapshot(tmp_path / "nothing"), {}))
    assert "The store is empty" in held
    assert "crossprof ingest PATH" in held
    assert not (tmp_path / "nothing").exists()


def test_addresses_hold_what_they_are_given() -> None:
    assert timeline_address(["a", "b"]) == "/timeline?runs=a,b"
    assert timeline_address(["a"], selected="0.0.0.7", search="gemm & co") == "/timeline?runs=a&sel=0.0.0.7&search=gemm+%26+co"
