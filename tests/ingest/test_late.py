"""Ranks that are missing, that come later, and that can't be read."""

import json
from pathlib import Path

import pytest

from crossprof.errors import RunNotFound, StoreError
from crossprof.ingest import ingest
from tests.ingest.ranks import rank_trace, table
from tests.ingest.recorded import KINETO, run_folder

FINDINGS = "SELECT code, rank, count, detail FROM finding WHERE code IN ('missing_ranks', 'rank_failed') ORDER BY code"
RUNS = "SELECT run, world_size, part_count, is_partial FROM run"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_run_names_the_ranks_that_it_lacks(store: Path, tmp_path: Path) -> None:
    ingest([rank_trace(tmp_path / "job", rank, world_size=5).parent for rank in (0, 3)], store=store)
    assert table(store, RUNS) == [("job", 5, 2, True)]
    [(code, rank, count, detail)] = table(store, FINDINGS)
    assert (code, rank, count) == ("missing_ranks", None, 3)
    assert "3 of 5 ranks are not in the store: 1, 2, 4." in detail


def test_a_rank_that_no_one_counted_shows_how_many_there_are(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "alone.json"
    path.write_text(json.dumps({"distributedInfo": {"rank": 30}, **KINETO}))
    ingest([path], store=store)
    assert table(store, RUNS) == [("alone", 31, 1, True)]
    [(_, _, count, detail)] = table(store, FINDINGS)
    assert count == 30
    assert "18, 19, ..." in detail


def test_the_user_says_which_run_a_rank_belongs_to(store: Path, tmp_path: Path) -> None:
    [first] = ingest([rank_trace(tmp_path, 0)], store=store, name="tp2")
    [second] = ingest([rank_trace(tmp_path, 1)], store=store, run="tp2")
    assert (second.status, second.run_id, second.run, second.rank) == ("added", first.run_id, "tp2", 1)
    assert table(store, RUNS) == [("tp2", 2, 2, False)]
    assert table(store, FINDINGS) == []
    assert ingest([tmp_path / "rank1.json"], store=store, run=str(first.run_id)[:6])[0].status == "present"


def test_a_rank_is_replaced_by_force_alone(store: Path, tmp_path: Path) -> None:
    ingest([rank_trace(tmp_path, 0), rank_trace(tmp_path, 1)], store=store, name="tp2")
    other = rank_trace(tmp_path / "other", 1, traceName="other")
    [refused] = ingest([other], store=store, run="tp2")
    assert (refused.status, refused.reason) == (
        "failed",
        "run tp2 has rank 1 from another file. --force puts this one in its place.",
    )
    assert table(store, FINDINGS) == []
    assert ingest([other], store=store, run="tp2", force=True)[0].status == "added"
    assert table(store, "SELECT path FROM artifact WHERE rank = 1") == [(str(other),)]


def test_the_name_tells_a_late_rank_where_the_file_does_not(store: Path, tmp_path: Path) -> None:
    ingest([rank_trace(tmp_path, 0)], store=store, name="tp2")
    silent, nameless = tmp_path / "trace_rank1.json", tmp_path / "x.json"
    silent.write_text(json.dumps(KINETO))
    nameless.write_text(json.dumps({**KINETO, "traceName": "x"}))
    added, refused = ingest([silent, nameless], store=store, run="tp2")
    assert (added.status, added.rank) == ("added", 1)
    assert "rank<number>" in str(refused.reason)


def test_what_can_not_join_a_run_is_refused(store: Path, tmp_path: Path) -> None:
    first = rank_trace(tmp_path / "a", 0, traceName="a")
    ingest([first], store=store)
    ingest([rank_trace(tmp_path / "b", 0)], store=store)
    with pytest.raises(RunNotFound, match="nothing"):
        ingest([first], store=store, run="nothing")
    with pytest.raises(StoreError, match="means 2 runs"):
        ingest([first], store=store, run="rank0@all")
    with pytest.raises(StoreError, match="without --run"):
        ingest([run_folder(tmp_path / "recorded")], store=store, run="rank0")
    with pytest.raises(StoreError, match="of rank 1"):
        ingest([rank_trace(tmp_path / name, 1, traceName=name) for name in "cd"], store=store, run="rank0")


def test_ranks_given_with_one_of_a_run_join_it(store: Path, tmp_path: Path) -> None:
    [first] = ingest([rank_trace(tmp_path / "job", 0, world_size=3)], store=store, name="tp3")
    rank_trace(tmp_path / "job", 1, world_size=3)
    results = ingest([tmp_path / "job"], store=store)
    assert [(result.status, result.run_id) for result in results] == [("present", first.run_id), ("added", first.run_id)]
    rank_trace(tmp_path / "job", 2, world_size=3)
    assert [result.status for result in ingest([tmp_path / "job"], store=store)] == ["present", "present", "added"]
    assert table(store, RUNS) == [("tp3", 3, 3, False)]


def test_another_file_of_a_rank_is_another_run(store: Path, tmp_path: Path) -> None:
    ingest([rank_trace(tmp_path / "job", rank) for rank in range(2)], store=store)
    rank_trace(tmp_path / "job", 1, traceName="other")
    results = ingest([tmp_path / "job"], store=store, name="again")
    assert [(result.status, result.run) for result in results] == [("added", "again")] * 2


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty", marks=pytest.mark.slow),
        pytest.param('{"traceEvents": 1', id="cut"),
        pytest.param("<html>404</html>", id="page", marks=pytest.mark.slow),
    ],
)
def test_a_rank_that_can_not_be_read_leaves_the_others_and_a_finding(
    store: Path, tmp_path: Path, content: str, jobs: int
) -> None:
    for rank in range(4):
        rank_trace(tmp_path / "job", rank, world_size=4)
    whole = (tmp_path / "job" / "rank2.json").read_text()
    (tmp_path / "job" / "rank2.json").write_text(content)
    (tmp_path / "job" / "rank2.log").write_text("a log")
    results = ingest([tmp_path / "job"], store=store, jobs=jobs)
    assert sorted((result.rank, result.status) for result in results) == [
        (0, "added"),
        (1, "added"),
        (2, "failed"),
        (3, "added"),
    ]
    assert table(store, RUNS) == [("job", 4, 3, True)]
    missing, lost = table(store, FINDINGS)
    assert missing[:3] == ("missing_ranks", None, 1)
    assert lost[:3] == ("rank_failed", 2, 1)
    assert "rank2.json: this is" in lost[3]
    assert ingest([tmp_path / "job"], store=store)[0].status == "present"  # the same again
    assert len(table(store, FINDINGS)) == 2
    (tmp_path / "job" / "rank2.json").write_text(whole)
    assert [result.status for result in ingest([tmp_path / "job"], store=store)] == ["present", "present", "added", "present"]
    assert table(store, RUNS) == [("job", 4, 4, False)]
    assert table(store, FINDINGS) == []


def test_ranks_told_by_their_names_are_whole_with_the_one_that_is_lost(store: Path, tmp_path: Path) -> None:
    for rank in range(3):
        (tmp_path / f"trace_rank{rank}.json").write_text(json.dumps({**KINETO, "traceName": str(rank)}) if rank != 1 else "")
    results = ingest([tmp_path / "trace_rank*.json"], store=store, name="job")
    assert [(result.rank, result.status) for result in results] == [(0, "added"), (2, "added"), (1, "failed")]
    assert table(store, RUNS) == [("job", 3, 2, True)]


def test_a_rank_that_was_read_is_not_lost_again(store: Path, tmp_path: Path) -> None:
    ingest([rank_trace(tmp_path / "job", rank, world_size=3) for rank in range(3)], store=store)
    (tmp_path / "job" / "rank2.json").write_text("")
    results = ingest([tmp_path / "job"], store=store)
    assert [result.status for result in results] == ["present", "present", "failed"]
    assert "an empty file" in str(results[2].reason)
    assert table(store, RUNS) == [("job", 3, 3, False)]
    assert table(store, FINDINGS) == []


def collective_trace(folder: Path, rank: int, *, host: str, skew_us: int, count: int = 25) -> Path:
    """A rank with collectives that end when those of all ranks end, on a clock that is ahead."""
    kernels = [
        {"ph": "X", "cat": "kernel", "name": "ncclDevKernel_AllReduce", "pid": 0, "tid": 7, "args": {"device": 0, "stream": 7},
         "ts": 1000 * number + skew_us - (number * 7 + rank) % 5, "dur": 10 + (number * 7 + rank) % 5}
        for number in range(count)
    ]  # fmt: skip
    return rank_trace(folder, rank, host_name=host, traceEvents=kernels)


def test_the_clock_of_a_late_rank_on_another_host_is_aligned(store: Path, tmp_path: Path) -> None:
    clocks = "SELECT rank, clock_offset_ns, clock_residual_ns FROM rank ORDER BY rank"
    ingest([collective_trace(tmp_path, 0, host="a", skew_us=0)], store=store, name="job")
    ingest([collective_trace(tmp_path, 1, host="b", skew_us=40)], store=store, run="job")
    assert table(store, clocks) == [(0, 0, None), (1, -40_000, 0)]
    few = collective_trace(tmp_path / "few", 1, host="b", skew_us=40, count=3)
    ingest([few], store=store, run="job", force=True)
    assert table(store, clocks) == [(0, 0, None), (1, None, None)]
    assert table(store, "SELECT rank FROM finding WHERE code = 'clock_unaligned'") == [(1,)]
