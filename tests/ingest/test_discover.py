"""Paths into jobs: content decides what a file is, the folder and the ranks decide what belongs together."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from crossprof.ingest.discover import discover
from crossprof.ingest.job import RecordingJob, TraceJob
from tests.ingest.recorded import KINETO, run_folder
from tests.ingest.xspace import Plane, encoded


def kineto(path: Path, *, rank: int | None = None, name: str = "aten::mm") -> Path:
    document: dict[str, Any] = {**KINETO, "traceName": name}
    if rank is not None:
        document = {"schemaVersion": 1, "distributedInfo": {"backend": "nccl", "rank": rank, "world_size": 2}, **document}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def xplane(path: Path, host: str = "a") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(Plane("/host:CPU"), host=host))
    return path


def traces(*paths: Path, **options: Any) -> list[TraceJob]:
    found = discover(paths, **options)
    assert not found.failures
    return [job.identified() for job in found.jobs if isinstance(job, TraceJob)]


def test_a_file_is_a_run_named_by_its_stem(tmp_path: Path) -> None:
    paths = [
        kineto(tmp_path / "worker.pt.trace.json", name="1"),
        kineto(tmp_path / "bert.json.gz", name="2"),
        xplane(tmp_path / "host.xplane.pb"),
        kineto(tmp_path / "no_ending", name="3"),
    ]
    jobs = traces(*paths)
    assert [job.run for job in jobs] == ["worker", "bert", "host", "no_ending"]
    assert len({job.run_id for job in jobs}) == 4
    assert [(job.rank, job.rank_count) for job in jobs] == [(None, 1)] * 4


def test_the_content_is_the_identity(tmp_path: Path) -> None:
    first, second = kineto(tmp_path / "a.json"), kineto(tmp_path / "b" / "other.json")
    assert traces(first)[0].run_id == traces(second, name="named")[0].run_id
    assert traces(second, name="named")[0].run == "named"
    assert traces(kineto(tmp_path / "c.json", name="else"))[0].run_id != traces(first)[0].run_id


def test_files_of_several_ranks_are_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    kineto(folder / "x.json.gz", rank=1)
    kineto(folder / "y.json", rank=0)
    (folder / "notes.txt").write_text("not a trace")
    jobs = traces(folder)
    assert [(job.path.name, job.rank, job.run, job.rank_count) for job in jobs] == [
        ("x.json.gz", 1, "job", 2),
        ("y.json", 0, "job", 2),
    ]
    assert len({job.run_id for job in jobs}) == 1


def test_the_name_tells_the_rank_where_the_file_does_not(tmp_path: Path) -> None:
    for rank in range(2):
        kineto(tmp_path / "job" / f"trace_rank{rank}.json", name=str(rank))
    assert [(job.rank, job.run) for job in traces(tmp_path / "job")] == [(0, "job"), (1, "job")]


@pytest.mark.parametrize("numbers", [("rank4", "rank8"), ("rank1", "rank2"), ("rerank0", "rerank1"), ("rank0", "rank0b")])
def test_a_number_in_a_name_is_no_rank_unless_they_are_whole(tmp_path: Path, numbers: tuple[str, str]) -> None:
    for number in numbers:
        kineto(tmp_path / "job" / f"lora_{number}.json", name=number)
    jobs = traces(tmp_path / "job")
    assert [(job.rank, job.run, job.rank_count) for job in jobs] == [(None, f"lora_{number}", 1) for number in numbers]


def test_ranks_given_together_are_one_run_however_they_are_given(tmp_path: Path) -> None:
    paths = [kineto(tmp_path / f"worker{rank}.json", rank=rank) for rank in range(2)]
    ways = (traces(tmp_path / "*.json", name="tp2"), traces(*paths, name="tp2"), traces(tmp_path, name="tp2"))
    for jobs in ways:
        assert {(job.run, job.run_id, job.rank_count) for job in jobs} == {("tp2", ways[0][0].run_id, 2)}
        assert sorted(job.rank or 0 for job in jobs) == [0, 1]


def test_what_the_file_states_wins_over_its_name(tmp_path: Path) -> None:
    for rank in (3, 5):
        kineto(tmp_path / "job" / f"rank{rank - 3}.json", rank=rank)
    assert [(job.rank, job.run) for job in traces(tmp_path / "job")] == [(3, "job"), (5, "job")]


def test_files_of_one_rank_are_runs_of_their_own(tmp_path: Path) -> None:
    kineto(tmp_path / "job" / "first.json", rank=0, name="1")
    kineto(tmp_path / "job" / "second.json", rank=0, name="2")
    assert [job.run for job in traces(tmp_path / "job")] == ["first", "second"]


def test_a_session_of_the_tensorboard_profiler_is_a_run(tmp_path: Path) -> None:
    session = tmp_path / "bert_logs" / "plugins" / "profile" / "2026_11_23_05_42_35"
    xplane(session / "a.xplane.pb", "a")
    xplane(session / "b.xplane.pb", "b")
    kineto(session / "a.trace.json.gz")  # JAX writes the same events once more
    later = tmp_path / "bert_logs" / "plugins" / "profile" / "2026_11_23_06_00_00"
    xplane(later / "a.xplane.pb", "c")
    jobs = traces(tmp_path / "bert_logs")
    assert [(job.path.name, job.rank, job.run) for job in jobs] == [
        ("a.xplane.pb", 0, "bert_logs"),
        ("b.xplane.pb", 1, "bert_logs"),
        ("a.xplane.pb", 0, "bert_logs"),
    ]
    assert jobs[0].run_id == jobs[1].run_id != jobs[2].run_id
    assert traces(session)[0].run == "bert_logs"


def test_recordings_are_found_as_such(tmp_path: Path) -> None:
    folders = [run_folder(tmp_path, rank=rank) for rank in range(2)]
    assert discover([tmp_path]).jobs == [RecordingJob(folder) for folder in folders]
    assert discover([folders[1]]).jobs == [RecordingJob(folders[1])]


def test_a_glob_and_a_path_given_twice_count_once(tmp_path: Path) -> None:
    path = kineto(tmp_path / "a.json")
    kineto(tmp_path / "b.json", name="b")
    assert [job.path for job in traces(tmp_path / "*.json", path)] == [path, tmp_path / "b.json"]


def test_what_is_no_trace_is_named_and_loses_nothing_else(tmp_path: Path) -> None:
    good = kineto(tmp_path / "good.json")
    picture, empty, folder = tmp_path / "picture.json", tmp_path / "empty.json", tmp_path / "nothing"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    empty.write_bytes(b"")
    folder.mkdir()
    found = discover([tmp_path / "missing", picture, good, empty, folder, tmp_path / "*.nothing"])
    assert [job.path for job in found.jobs if isinstance(job, TraceJob)] == [good]
    reasons = {error.path.name: error.reason for error in found.failures}
    assert "no such file" in reasons["missing"]
    assert "PNG image" in reasons["picture.json"]
    assert "empty file" in reasons["empty.json"]
    assert "no trace" in reasons["nothing"]
    assert "no file matches" in reasons["*.nothing"]
    assert not any("\n" in str(error) for error in found.failures)


def test_a_directory_passes_over_what_is_hidden_and_what_is_no_trace(tmp_path: Path) -> None:
    kineto(tmp_path / "logs" / "deep" / "a.json")
    kineto(tmp_path / "logs" / ".cache" / "b.json", name="b")
    (tmp_path / "logs" / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert [job.path.name for job in traces(tmp_path / "logs")] == ["a.json"]


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    folder, pipe, loop = tmp_path / "logs", tmp_path / "logs" / "pipe", tmp_path / "logs" / "loop"
    good = kineto(folder / "a.json")
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    (folder / "gone").symlink_to(folder / "nowhere")
    assert [job.path for job in traces(folder)] == [good]
    found = discover([pipe, loop, Path(os.devnull), "~nobody-of-this-name/x", good])
    assert [job.path for job in found.jobs if isinstance(job, TraceJob)] == [good]
    reasons = [error.reason for error in found.failures]
    for reason, part in zip(reasons, ("pipe", "symbolic links", "device", "no such file"), strict=True):
        assert part in reason
    assert not any("\n" in reason for reason in reasons)


def test_one_bad_match_of_a_pattern_loses_no_other(tmp_path: Path) -> None:
    good = kineto(tmp_path / "b.json")
    (tmp_path / "a.json").write_bytes(b"")
    found = discover([tmp_path / "*.json"])
    assert [job.path for job in found.jobs if isinstance(job, TraceJob)] == [good]
    assert [error.path.name for error in found.failures] == ["a.json"]


@pytest.mark.parametrize("name", ["trace", "trace.txt", "trace.xplane.pb"])
def test_a_name_decides_nothing(tmp_path: Path, name: str) -> None:
    assert len(traces(kineto(tmp_path / name))) == 1
