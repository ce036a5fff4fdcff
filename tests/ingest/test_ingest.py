"""Ingest end to end on tiny input: parts, moves, what is there already, what fails, and a kill at every point."""

import fcntl
import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import StoreError
from crossprof.ingest import ingest, pending
from crossprof.ingest import part as part_module
from crossprof.ingest.home import Home
from crossprof.store import delete
from crossprof.store.part_writer import PartWriter
from tests.ingest.recorded import KINETO, STEPS, alive, document, run_folder

ingest_module = sys.modules["crossprof.ingest.ingest"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "traces" / "bert.json"
    path.parent.mkdir()
    path.write_text(json.dumps({**KINETO, "host_name": "node-7"}))
    return path


def table(store: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of the published catalog, as any client reads them."""
    with duckdb.connect(str(store / "crossprof.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def parts(store: Path) -> list[Path]:
    return [path for path in store.glob("runs/*/part-*") if path.is_dir()]


def test_a_foreign_trace_becomes_a_run(store: Path, trace: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    [result] = ingest([trace], store=store, tags={"a": "b"}, on_progress=lambda *step: seen.append(step))
    assert (result.status, result.run, result.rank, result.n_events) == ("added", "bert", 0, 2)
    assert result.part in parts(store)
    assert table(
        store, "SELECT run, framework, status, source, host, world_size, device_kind, device_count, tags::VARCHAR FROM run"
    ) == [("bert", "torch", "imported", "trace", "node-7", 1, "cpu", 1, "{a=b}")]
    [(start, end)] = table(store, "SELECT started_ns, ended_ns FROM run")
    assert (start, end - start) == (KINETO["baseTimeNanoseconds"] + 3_000_000, 900_000)
    assert table(store, "SELECT path, format, storage, bytes FROM artifact") == [
        (str(trace), "kineto", "referenced", trace.stat().st_size)
    ]
    assert seen == [("bert.json", 0, 1), ("publishing", 1, 1)]
    assert not list((store / ".staging").iterdir())


def test_the_same_content_is_no_second_run(store: Path, trace: Path, tmp_path: Path) -> None:
    ingest([trace], store=store)
    copy = tmp_path / "renamed"
    copy.write_bytes(trace.read_bytes())
    [result] = ingest([copy], store=store, name="other")
    assert result.status == "present"
    assert str(result.run_id) in str(result.reason)
    assert len(parts(store)) == 1
    assert table(store, "SELECT run FROM run") == [("bert",)]


def job_of_two(folder: Path) -> list[Path]:
    """The files of a job of two ranks."""
    folder.mkdir()
    files = [folder / "a.json", folder / "b.json"]
    for rank, file in enumerate(files):
        file.write_text(json.dumps({"distributedInfo": {"rank": rank, "world_size": 2}, **KINETO}))
    return files


@pytest.mark.parametrize("is_published", [True, False], ids=["before", "in the same command"])
def test_one_file_of_a_run_is_no_second_run(store: Path, tmp_path: Path, *, is_published: bool) -> None:
    _, file = job_of_two(tmp_path / "job")
    if is_published:
        ingest([tmp_path / "job"], store=store)
        [result] = ingest([file], store=store, name="other")
    else:
        *_, result = ingest([tmp_path / "job", file], store=store)
    assert (result.status, result.run, result.rank) == ("present", "job", 1)
    assert str(result.run_id) in str(result.reason)
    assert table(store, "SELECT run_id, run, world_size FROM run") == [(result.run_id, "job", 2)]


def test_ranks_read_one_by_one_are_another_run_than_their_job(store: Path, tmp_path: Path) -> None:
    files = job_of_two(tmp_path / "job")
    assert [ingest([file], store=store)[0].status for file in files] == ["added", "added"]
    assert [result.status for result in ingest([tmp_path / "job"], store=store)] == ["added", "added"]
    assert [result.status for result in ingest([tmp_path / "job", *files], store=store)] == ["present"] * 4
    assert table(store, "SELECT run FROM run WHERE part_count = 2") == [("job",)]


def test_the_trace_of_a_recording_is_no_second_run(store: Path, tmp_path: Path) -> None:
    run_folder(store / "recordings")
    ingest([store / "recordings"], store=store)
    home = store / "artifacts" / "20261123-bert" / "rank-0"
    copy = tmp_path / "copy.json"
    copy.write_bytes((home / "capture-0" / "trace.json").read_bytes())
    for path in (home / "capture-0" / "trace.json", home / "capture-0", home, home.parent, store / "artifacts", copy):
        [result] = ingest([path], store=store)
        assert (result.status, result.run_id, result.run) == ("present", "20261123-bert", "bert"), path
    assert len(parts(store)) == 1
    [result] = ingest([copy], store=store, force=True)
    assert (result.status, result.run) == ("added", "copy")


def test_a_deleted_run_is_read_again(store: Path, trace: Path) -> None:
    [result] = ingest([trace], store=store)
    delete(store, [str(result.run_id)])
    assert ingest([trace], store=store)[0].status == "added"


def test_a_store_means_the_recordings_that_wait_in_it(store: Path, trace: Path, tmp_path: Path) -> None:
    ingest([trace], store=store, keep=True)
    run_folder(store / "recordings")
    [result] = ingest([store], store=store)
    assert (result.status, result.run_id) == ("added", "20261123-bert")
    assert ingest([store], store=store) == []
    [refused] = ingest([store], store=tmp_path / "another")
    assert (refused.status, "artifacts" in str(refused.reason)) == ("failed", True)
    assert [result.status for result in ingest([store / "artifacts"], store=tmp_path / "another")] == ["added"]


def test_a_broken_catalog_is_no_obstacle(store: Path, trace: Path) -> None:
    ingest([trace], store=store)
    catalog = (store / "crossprof.duckdb").resolve()
    catalog.chmod(0o644)
    catalog.write_bytes(b"broken")
    assert ingest([trace], store=store)[0].status == "present"
    assert table(store, "SELECT run FROM run") == [("bert",)]


def test_force_reads_it_again(store: Path, trace: Path) -> None:
    [first] = ingest([trace], store=store)
    [second] = ingest([trace], store=store, force=True, name="better", framework="jax")
    assert (second.status, second.run_id) == ("added", first.run_id)
    assert table(store, "SELECT run, framework FROM run") == [("better", "jax")]


def test_keep_copies_the_file_into_the_store(store: Path, trace: Path) -> None:
    [result] = ingest([trace], store=store, keep=True)
    name = f"artifacts/{result.run_id}/rank-0/bert.json"
    assert table(store, "SELECT path, storage FROM artifact") == [(name, "copied")]
    assert (store / name).read_bytes() == trace.read_bytes()
    assert trace.exists()


def test_the_rank_may_stand_behind_the_events(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.json"
    padding = [
        {"ph": "X", "cat": "cpu_op", "name": "x" * 100, "pid": 1, "tid": 1, "ts": n, "dur": 1, "args": {}} for n in range(500)
    ]
    path.write_text(json.dumps({"traceEvents": padding, "distributedInfo": {"rank": 3, "world_size": 8}}))
    [result] = ingest([path], store=store)
    assert result.rank == 3
    assert table(store, "SELECT world_size, is_partial FROM run") == [(8, True)]
    assert ingest([path], store=store)[0].status == "present"


def test_times_of_no_known_epoch_are_a_finding(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"traceEvents": KINETO["traceEvents"]}))
    ingest([path], store=store)
    assert table(store, "SELECT severity, count FROM finding WHERE code = 'time_relative'") == [("info", 1)]


def test_ranks_of_a_directory_are_one_run_and_one_publish(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for rank in range(3):
        text = json.dumps({"distributedInfo": {"rank": rank, "world_size": 3}, **KINETO})
        (tmp_path / "job").mkdir(exist_ok=True)
        (tmp_path / "job" / f"{rank}.json").write_text(text)
    calls: list[Path] = []
    real = ingest_module.publish
    monkeypatch.setattr(ingest_module, "publish", lambda root: (calls.append(root), real(root)))
    results = ingest([tmp_path / "job"], store=store)
    assert [(result.status, result.rank) for result in results] == [("added", 0), ("added", 1), ("added", 2)]
    assert calls == [store]
    assert table(store, "SELECT run, world_size, part_count, is_partial FROM run") == [("job", 3, 3, False)]


def test_what_fails_costs_nothing_else(store: Path, trace: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xplane.pb"
    broken.write_bytes(b"\x0a\x10\x12\x09/host:CPU\x1a\x05\xff\xff\xff\xff\xff")
    results = ingest([tmp_path / "missing", broken, trace], store=store)
    assert [(result.path.name, result.status) for result in results] == [
        ("missing", "failed"),
        ("broken.xplane.pb", "failed"),
        ("bert.json", "added"),
    ]
    assert all(result.reason and "\n" not in result.reason for result in results if result.status == "failed")
    assert table(store, "SELECT run FROM run") == [("bert",)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_store_that_can_not_be_written_is_said_so_at_once(trace: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="locked"):
        ingest([trace], store=locked / "store")


def test_a_store_below_a_file_is_said_so_at_once(trace: Path) -> None:
    with pytest.raises(StoreError, match="--store"):
        ingest([trace], store=trace / "store")


def test_a_recording_of_the_store_moves_to_its_artifacts(store: Path) -> None:
    folder = run_folder(store / "recordings")
    [result] = ingest([store / "recordings"], store=store, tags={"more": "1"})
    assert (result.status, result.run, result.run_id, result.n_events) == ("added", "bert", "20261123-bert", 2)
    assert not folder.parent.exists()
    home = "artifacts/20261123-bert/rank-0"
    names = ["capture-0/trace.json", "run.json", "samples.jsonl", "steps.jsonl"]
    assert table(store, "SELECT path, storage, capture FROM artifact ORDER BY path") == [
        (f"{home}/{name}", "moved", 0 if "capture" in name else None) for name in names
    ]
    assert all((store / home / name).is_file() for name in names)
    assert table(store, "SELECT status, source, device_kind, device_model, tags::VARCHAR FROM run") == [
        ("completed", "recording", "gpu", "H100", "{team=nlp, more=1}")
    ]
    assert table(store, "SELECT count(*) FROM step_time") == [(len(STEPS),)]
    assert ingest([store / "recordings"], store=store) == []


def test_a_recording_elsewhere_stays_there(store: Path, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "from_the_cluster")
    assert ingest([folder], store=store)[0].status == "added"
    assert folder.is_dir()
    assert {row[0] for row in table(store, "SELECT storage FROM artifact")} == {"referenced"}
    assert ingest([folder], store=store)[0].status == "present"


def test_a_recording_elsewhere_is_copied_on_demand(store: Path, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "from_the_cluster")
    ingest([folder], store=store, keep=True)
    copy = store / "artifacts" / "20261123-bert" / "rank-0" / "capture-0" / "trace.json"
    assert copy.read_bytes() == (folder / "capture-0" / "trace.json").read_bytes()
    assert {row[0] for row in table(store, "SELECT storage FROM artifact")} == {"copied"}


def test_a_moved_recording_can_be_read_again(store: Path) -> None:
    run_folder(store / "recordings")
    ingest([store / "recordings"], store=store)
    moved = store / "artifacts" / "20261123-bert"
    [result] = ingest([moved], store=store, force=True)
    assert result.status == "added"
    assert table(store, "SELECT count(*) FROM artifact WHERE storage = 'moved'") == [(4,)]
    assert (moved / "rank-0" / "run.json").is_file()


def test_a_live_recording_waits(store: Path) -> None:
    folder = run_folder(store / "recordings", status="running", process=alive(), started_ns=time.time_ns())
    [result] = ingest([folder], store=store)
    assert (result.status, folder.is_dir()) == ("skipped", True)
    assert str(os.getpid()) in str(result.reason)
    assert pending(store) == []


def test_pending_names_what_has_ended(store: Path) -> None:
    assert pending(store) == []
    ended = run_folder(store / "recordings", run_id="a")
    killed = run_folder(store / "recordings", run_id="b", status="running")
    (store / "recordings" / "c" / "rank-0").mkdir(parents=True)
    (store / "recordings" / "c" / "rank-0" / "run.json").write_text("{")
    assert pending(store) == [ended, killed]


def test_a_recording_that_another_process_works_on_is_left_to_it(store: Path) -> None:
    folder = run_folder(store / "recordings")
    with locked(folder):
        [result] = ingest([folder], store=store)
    assert (result.status, parts(store)) == ("skipped", [])
    assert ingest([folder], store=store)[0].status == "added"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("is_done", [True, False], ids=["compressed", "being compressed"])
def test_a_recording_compressed_since_it_was_read_stays_until_it_is_read_again(
    store: Path, monkeypatch: pytest.MonkeyPatch, *, is_done: bool
) -> None:
    folder = run_folder(store / "recordings")
    real = ingest_module.publish

    with ExitStack() as held, monkeypatch.context() as patch:

        def publish_while_compressing(root: Path) -> None:
            real(root)
            if is_done:
                (folder / "capture-0" / "trace.json.gz").write_bytes(gzip.compress(json.dumps(KINETO).encode()))
                (folder / "capture-0" / "trace.json").unlink()
                captures = [{"capture": 0, "state": "complete", "files": ["capture-0/trace.json.gz"]}]
                (folder / "run.json").write_text(json.dumps(document(captures=captures)))
            else:
                held.enter_context(locked(folder))

        patch.setattr(ingest_module, "publish", publish_while_compressing)
        assert ingest([folder], store=store)[0].status == "added"
        assert folder.is_dir()
    assert ingest(pending(store), store=store)[0].status == ("added" if is_done else "present")
    assert not folder.exists()
    paths = [path for (path,) in table(store, "SELECT path FROM artifact WHERE capture = 0")]
    assert [path.rpartition("/")[2] for path in paths] == ["trace.json.gz" if is_done else "trace.json"]
    assert all((store / path).is_file() for path in paths)


class Killed(BaseException):
    """Stands for a kill: nothing that handles errors handles it."""


def killed(*_args: Any, **_options: Any) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("place", "name", "then"),
    [
        (part_module, "derive", "added"),
        (PartWriter, "finish", "added"),
        (Home, "move", "present"),
        (ingest_module, "publish", "present"),
    ],
    ids=["while deriving", "before the part", "before the move", "before the publish"],
)
def test_a_kill_at_any_point_loses_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, then: str
) -> None:
    folder = run_folder(store / "recordings")
    with monkeypatch.context() as patch:
        patch.setattr(place, name, killed)
        with pytest.raises(Killed):
            ingest([folder], store=store)
    assert ingest(pending(store), store=store)[0].status == then
    assert table(store, "SELECT run, (SELECT count(*) FROM step_time WHERE run_id = run.run_id) FROM run") == [("bert", 4)]
    assert len([path for path in parts(store) if "20261123-bert" in str(path)]) == 1
    assert (store / "artifacts" / "20261123-bert" / "rank-0" / "run.json").is_file()
    assert not folder.exists()


def test_the_same_rank_recorded_again_keeps_both_folders(store: Path) -> None:
    run_folder(store / "recordings")
    ingest([store / "recordings"], store=store)
    run_folder(store / "recordings", model="bert-large")
    assert ingest([store / "recordings"], store=store)[0].status == "added"
    assert len(list((store / "artifacts" / "20261123-bert").iterdir())) == 2
    assert table(store, "SELECT model FROM run") == [("bert-large",)]


def test_the_same_recording_that_comes_back_is_let_go(store: Path) -> None:
    for status in ("added", "present", "present"):
        folder = run_folder(store / "recordings")
        assert [result.status for result in ingest(pending(store), store=store)] == [status]
        assert not folder.exists()
    assert [path.name for path in (store / "artifacts" / "20261123-bert").iterdir()] == ["rank-0"]
    run_folder(store / "recordings", model="bert-large")
    ingest(pending(store), store=store)
    for model in ("bert-large", "bert-base"):
        run_folder(store / "recordings", model=model)
        ingest(pending(store), store=store)
    assert len(list((store / "artifacts" / "20261123-bert").iterdir())) == 2
    assert not list((store / ".trash").iterdir())
    paths = [path for (path,) in table(store, "SELECT path FROM artifact")]
    assert all((store / path).is_file() for path in paths)


def test_what_nobody_foresaw_in_one_file_loses_no_other(
    store: Path, trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = run_folder(tmp_path, run_id="odd")
    (odd / "run.json").write_text(json.dumps({"run_id": "odd", "rank": "one", "host": "h"}))
    real = part_module.derive

    def derive(connection: Any, *, run_id: str, **options: Any) -> None:
        if run_id == "20261123-bert":
            raise ValueError("no\nsuch shape")
        real(connection, run_id=run_id, **options)

    monkeypatch.setattr(part_module, "derive", derive)
    results = ingest([odd, run_folder(tmp_path / "more"), trace], store=store)
    assert [result.status for result in results] == ["failed", "failed", "added"]
    assert [result.reason for result in results[:2]] == [
        "run.json is not one of crossprof's: the value of rank is of another type.",
        "it can't be ingested (ValueError: no).",
    ]


def test_a_move_that_fails_costs_nothing_else(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder(store / "recordings")
    with monkeypatch.context() as patch:
        patch.setattr(Home, "move", refused)
        assert ingest(pending(store), store=store)[0].status == "added"
    assert ingest(pending(store), store=store)[0].status == "present"
    assert pending(store) == []


def refused(*_args: Any) -> None:
    raise PermissionError(13, "Permission denied")


def test_what_a_killed_ingest_left_behind_is_swept_by_age(store: Path, trace: Path) -> None:
    old, young = store / ".staging" / "old-scratch", store / ".staging" / "young-scratch"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (1, 1))
    ingest([trace], store=store)
    assert (old.exists(), young.exists()) == (False, True)


def test_one_file_is_hashed_first_only_where_the_store_may_have_it(
    store: Path, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [added] = ingest([trace], store=store)
    copy = trace.with_name("copy.json")
    copy.write_bytes(trace.read_bytes())
    as_large = trace.with_name("as_large.json")
    as_large.write_bytes(trace.read_bytes().replace(b"node-7", b"node-8"))
    assert ingest([as_large], store=store)[0].status == "added"
    monkeypatch.setattr(part_module, "open_source", None)  # what the store has is not read
    [present] = ingest([copy], store=store)
    assert (present.status, present.run_id, present.rank) == ("present", added.run_id, added.rank)


def test_one_file_that_can_not_be_hashed_fails_in_one_line(store: Path, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("crossprof.ingest.digest.sha256_of", refuse)
    [result] = ingest([trace], store=store)
    assert (result.status, result.run_id, result.reason) == ("failed", None, "it can't be read (Input/output error).")
    assert parts(store) == []


def test_one_more_rank_that_can_not_be_hashed_fails_in_one_line(
    store: Path, trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = ingest([trace], store=store)
    late = tmp_path / "rank1.json"
    late.write_bytes(trace.read_bytes().replace(b"}", b" }", 1))

    def refuse(_path: Path) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("crossprof.ingest.digest.sha256_of", refuse)
    [result] = ingest([late], store=store, run=first.run_id)
    assert (result.status, result.reason) == ("failed", "it can't be read (Input/output error).")
    assert len(parts(store)) == 1
