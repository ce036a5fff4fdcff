"""The scratch database takes a bounded part of the memory; the rest of its rows go to a folder that is gone afterwards."""

from pathlib import Path

import duckdb
import pytest

from crossprof.ingest import machine, scratch


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "thread_count", lambda _: 2)


def test_memory_is_bounded(tmp_path: Path) -> None:
    with scratch.scratch_database(tmp_path, memory_bytes=512 << 20) as connection:
        assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("512.0 MiB",)]


def test_many_threads_have_more_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "thread_count", lambda _: 16)
    with scratch.scratch_database(tmp_path, memory_bytes=464 << 20) as connection:
        assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("1.0 GiB",)]


def test_what_does_not_fit_spills(tmp_path: Path) -> None:
    with scratch.scratch_database(tmp_path, memory_bytes=64 << 20) as connection:
        connection.execute("CREATE TABLE wide AS SELECT hash(i) AS h, hash(h) AS k, hash(k) AS l FROM range(5000000) AS r (i)")
        ((rows, distinct),) = connection.execute("SELECT count(*), count(DISTINCT h) FROM wide").fetchall()
        spilled = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert (rows, distinct) == (5_000_000, 5_000_000)
    assert spilled > 32 << 20
    assert not list((tmp_path / ".staging").iterdir())


def test_work_that_needs_more_memory_is_done_again_with_more() -> None:
    given: list[int] = []

    def work(memory_bytes: int) -> str:
        given.append(memory_bytes)
        if len(given) < 3:
            raise duckdb.OutOfMemoryException("failed to pin block")
        return "done"

    assert scratch.with_enough_memory(work) == "done"
    assert given == [scratch.MEMORY_BYTES * 4**times for times in range(3)]


def test_work_that_needs_more_than_half_of_the_memory_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 4 << 30)
    given: list[int] = []

    def work(memory_bytes: int) -> None:
        given.append(memory_bytes)
        raise duckdb.OutOfMemoryException("failed to pin block")

    with pytest.raises(duckdb.OutOfMemoryException):
        scratch.with_enough_memory(work, crew=2)
    assert given == [320 << 20, 1 << 30]
