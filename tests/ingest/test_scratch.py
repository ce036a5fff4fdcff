"""The scratch database takes a bounded part of the memory; the rest of its rows go to a folder that is gone afterwards."""

from pathlib import Path

from crossprof.ingest import scratch


def test_memory_is_bounded(tmp_path: Path) -> None:
    with scratch.scratch_database(tmp_path, memory_bytes=512 << 20) as connection:
        assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("512.0 MiB",)]


def test_what_does_not_fit_spills(tmp_path: Path) -> None:
    with scratch.scratch_database(tmp_path, memory_bytes=64 << 20) as connection:
        connection.execute("CREATE TABLE wide AS SELECT hash(i) AS h, hash(h) AS k, hash(k) AS l FROM range(5000000) AS r (i)")
        ((rows, distinct),) = connection.execute("SELECT count(*), count(DISTINCT h) FROM wide").fetchall()
        spilled = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert (rows, distinct) == (5_000_000, 5_000_000)
    assert spilled > 32 << 20
    assert not list((tmp_path / ".staging").iterdir())
