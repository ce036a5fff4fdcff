"""The trace for Perfetto, read back by a reader of its own: every slice and reading, at its nanosecond, in its place."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import exported
import perfetto_trace
import pytest
from perfetto_trace import Trace

from crossprof.errors import CrossprofError
from crossprof.ingest import ingest
from crossprof.store import Store
from crossprof.store.export import Selection, write_perfetto

CORPUS = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
BASE = exported.BASE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(exported.write(tmp_path_factory.mktemp("exported"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def trace(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return written(store, tmp_path_factory.mktemp("trace"))


def written(store: Store, folder: Path, selection: Selection | None = None, run_id: str = exported.RUN) -> Trace:
    write_perfetto(store, run_id, folder / "trace", selection or Selection(), lambda *_: None)
    return perfetto_trace.read(folder / "trace")


def rank(trace: Trace, track: int) -> int:
    return int(trace.process(track).split(" · ")[0].removeprefix("rank "))


def slices(trace: Trace) -> Counter[tuple[int, str, str, int, int]]:
    return Counter((rank(trace, one.track), one.category, one.name, one.start_ns, one.dur_ns) for one in trace.slices)


def readings(trace: Trace) -> Counter[tuple[int, int, float]]:
    return Counter((rank(trace, track), at, value) for track, at, value in trace.counters)


def test_every_slice_and_reading_of_both_ranks_is_there_on_one_clock(store: Store, trace: Trace) -> None:
    assert slices(trace) == exported.slices(store, exported.RUN)
    assert readings(trace) == exported.readings(store, exported.RUN)
    assert len(trace.slices) == 2 * 15
    assert {one.start_ns for one in trace.slices if one.name == "aten::linear"} == {BASE + 10}  # the second rank's clock is set


def test_tracks_say_what_they_are(trace: Trace) -> None:
    own = {track: held for track, held in trace.tracks.items() if rank(trace, track) == 0}
    assert [held["process"] for held in own.values() if "process" in held] == ["rank 0 · here · pid 4242"]
    names = Counter(held["name"] for held in own.values() if "name" in held)
    assert names == {
        "GPU 0 · H100": 1, "steps": 1, "thread main": 2, "stream 7": 2, "ranges on 7": 1,
        "allocated": 1, "reserved": 1, "hw.gpu.utilization": 1, "system.memory.usage": 1,
    }  # fmt: skip
    parents = {held.get("name"): own[held["parent"]].get("name") for held in own.values() if "parent" in held}
    assert (parents["stream 7"], parents["allocated"], parents["thread main"]) == ("GPU 0 · H100", "GPU 0 · H100", None)
    assert {held["name"]: held["unit"] for held in own.values() if "unit" in held}["hw.gpu.utilization"] == "1"


def test_slices_carry_what_the_store_knows_of_them(trace: Trace) -> None:
    (linear,) = (one for one in trace.slices if one.name == "aten::linear" and rank(trace, one.track) == 0)
    assert linear.arguments == {"step": 0, "op_id": 0, "shapes": "[[2,3],[3,4]]", "self_ns": 20}
    first = next(one for one in trace.slices if one.name == "sgemm")
    assert first.arguments == {"step": 0, "kernel_id": 0, "call_id": 0, "kind": "kernel", "grid": "8,1,1"}


def test_launches_flow_to_their_kernels(trace: Trace) -> None:
    ends: dict[int, list[str]] = {}
    for one in trace.slices:
        for flow in one.flows:
            ends.setdefault(flow, []).append(f"{rank(trace, one.track)} {one.name}")
    expected = [
        ["cudaLaunchKernel", "sgemm"],
        ["cudaGraphLaunch", "relu", "sgemm"],
    ]  # those of a graph in the order of their starts
    assert sorted(ends.values()) == sorted([f"{place} {name}" for name in names] for names in expected for place in (0, 1))


def test_a_rank_and_steps_can_be_chosen(store: Store, tmp_path: Path) -> None:
    chosen = written(store, tmp_path, Selection.parsed(1, "1"))
    assert {rank(chosen, one.track) for one in chosen.slices} == {1}
    begins = {one.start_ns for one in chosen.slices} | {at for _, at, _ in chosen.counters}
    assert min(begins) == BASE + 100
    assert max(begins) < BASE + 200
    expected = exported.slices(store, exported.RUN)
    assert slices(chosen) == Counter(
        {one: n for one, n in expected.items() if one[0] == 1 and BASE + 100 <= one[3] < BASE + 200}
    )


def test_nothing_is_left_behind_where_there_is_nothing_to_write(store: Store, tmp_path: Path) -> None:
    for selection in (Selection(rank=7), Selection(steps=(5, 9))):
        with pytest.raises(CrossprofError, match="has no"):
            written(store, tmp_path, selection)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [pytest.param("megatron_tp8_a100", marks=pytest.mark.slow), "hta_nccl_a100", "torch_h100_qwen15", "xp_tpu_v6e_inference"],
)
def test_real_captures_are_there_to_the_last_event(name: str, tmp_path: Path) -> None:
    if not (CORPUS / name).is_dir():
        pytest.skip("no real traces: set CROSSPROF_CORPUS to their folder")
    ingest([CORPUS / name], store=tmp_path / "store")
    with Store(tmp_path / "store") as store:
        run_id = store.resolve(name)[0] if name in {run for (run,) in store.sql("SELECT run FROM run").fetchall()} else ""
        run_id = run_id or store.sql("SELECT run_id FROM run").fetchall()[0][0]
        trace = written(store, tmp_path, run_id=run_id)
        assert slices(trace) == exported.slices(store, run_id)
        assert readings(trace) == exported.readings(store, run_id)
