"""The file for speedscope: stacks that open and close as the viewer demands, and operators by Python stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import exported
import pytest

from crossprof.errors import CrossprofError
from crossprof.store import Store
from crossprof.store.export import Selection, bounded, speedscope, write_speedscope


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(exported.write(tmp_path_factory.mktemp("exported"))) as opened:
        yield opened


def written(store: Store, folder: Path, selection: Selection | None = None) -> dict[str, Any]:
    write_speedscope(store, exported.RUN, folder / "file", selection or Selection(), lambda *_: None)
    document: dict[str, Any] = json.loads((folder / "file").read_bytes())
    return document


def spans(document: dict[str, Any], profile: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    """Name, depth, start and duration of each frame of a profile, as the viewer stacks them."""
    names = [frame["name"] for frame in document["shared"]["frames"]]
    stack: list[tuple[int, int]] = []
    found, last = [], profile["startValue"]
    for event in profile["events"]:
        assert event["at"] >= last
        last = event["at"]
        if event["type"] == "O":
            stack.append((event["frame"], last))
        else:
            frame, start = stack.pop()
            assert frame == event["frame"]
            found.append((names[frame], len(stack), start, last - start))
    assert stack == []
    assert last <= profile["endValue"]
    return sorted(found, key=lambda one: (one[2], one[1]))


def test_frames_of_threads_and_streams_nest_as_they_ran(store: Store, tmp_path: Path) -> None:
    document = written(store, tmp_path)
    profiles = {profile["name"]: profile for profile in document["profiles"]}
    assert list(profiles) == [
        f"rank {rank} · {name}"
        for rank in (0, 1)
        for name in (
            "thread main", "thread main (2)", "device 0 stream 7", "device 0 stream 7 (2)",
            "operators by Python stack, self time",
        )
    ]  # fmt: skip
    assert spans(document, profiles["rank 1 · thread main"]) == [
        ("aten::linear", 0, 0, 30),
        ("aten::mm", 1, 20, 10),
        ("cudaLaunchKernel", 2, 22, 4),
        ("aten::relu", 0, 30, 20),
        ("aten::item", 0, 50, 0),
        ("aten::mm", 0, 100, 20),
        ("cudaGraphLaunch", 1, 102, 8),
    ]
    assert spans(document, profiles["rank 0 · thread main (2)"]) == [("forward", 0, 0, 30)]
    assert spans(document, profiles["rank 0 · device 0 stream 7"]) == [
        ("sgemm", 0, 0, 40),
        ("relu", 0, 60, 30),
        ("sgemm", 0, 90, 10),
    ]
    assert spans(document, profiles["rank 0 · device 0 stream 7 (2)"]) == [('sgemm "π"', 0, 0, 20)]


def test_python_stacks_are_read_from_the_outside_in(store: Store, tmp_path: Path) -> None:
    document = written(store, tmp_path, Selection(rank=0))
    (stacks,) = (profile for profile in document["profiles"] if profile["type"] == "sampled")
    frames = document["shared"]["frames"]
    assert stacks["weights"] == [10]
    assert [[frames[frame] for frame in sample] for sample in stacks["samples"]] == [
        [
            {"name": "<module>", "file": "train.py", "line": 3},
            {"name": "forward", "file": "torch/nn.py", "line": 7},
            {"name": "aten::mm"},
        ]
    ]


def test_the_file_is_of_the_form_that_the_viewer_asks_for(store: Store, tmp_path: Path) -> None:
    document = written(store, tmp_path)
    assert set(document) == {"$schema", "exporter", "name", "activeProfileIndex", "profiles", "shared"}
    for profile in document["profiles"]:
        assert set(profile) == {"type", "name", "unit", "startValue", "endValue"} | (
            {"events"} if profile["type"] == "evented" else {"samples", "weights"}
        )
        assert profile["unit"] == "nanoseconds"
    assert len({json.dumps(frame) for frame in document["shared"]["frames"]}) == len(document["shared"]["frames"])


def test_of_a_run_that_is_too_large_as_many_measured_steps_are_taken_as_fit(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bounded(store, exported.RUN, Selection()) == Selection()
    monkeypatch.setattr(speedscope, "MOST_SLICES", 20)
    assert bounded(store, exported.RUN, Selection(rank=0)) == Selection(rank=0)
    assert bounded(store, exported.RUN, Selection()) == Selection(steps=(1, 1))  # step 0 is warm-up
    assert bounded(store, exported.RUN, Selection(steps=(0, 1))) == Selection(steps=(0, 1))
    document = written(store, tmp_path)
    (first, *_) = document["profiles"]
    assert [name for name, *_ in spans(document, first)] == ["aten::mm", "cudaGraphLaunch"]


def test_a_selection_without_frames_is_refused_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CrossprofError, match=r"has no step 9 there\. Its steps are 0 to 1"):
        written(store, tmp_path, Selection(steps=(9, 9)))
    assert list(tmp_path.iterdir()) == []
