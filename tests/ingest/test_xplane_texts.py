"""Texts of a large XPlane are numbers in the staged relations, which nothing that is made of them shows."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.ingest.derive import derive
from crossprof.ingest.reader import open_source, reader_for
from tests.ingest.xspace import US, Plane, encoded, environment, gpu

_TABLES = ("kernel", "op", "runtime_call", "annotation", "memory_event", "step", "device", "finding")


def host(word: str) -> Plane:
    plane = Plane("/host:CPU")
    line = plane.line(f"thread/{word}")
    plane.event(line, f"train {word}", 0, 20 * US, step_num=1, _r=1)
    plane.event(line, f"launch {word}", US, US, correlation_id=11)
    plane.event(line, f"scope/{word}:MatMul", 2 * US, US)
    plane.event(line, f"$train.py:7 {word}", 4 * US, US)
    plane.event(line, "", 6 * US, US)
    return plane


def derived(captures: list[bytes], folder: Path) -> tuple[list[list[Any]], str]:
    """The rows of all tables that the captures of one rank become, and the type of the staged names."""
    with duckdb.connect() as connection:
        connection.execute(files("crossprof.store").joinpath("schema.sql").read_text())
        connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text())
        for number, data in enumerate(captures):
            (folder / "host.xplane.pb").write_bytes(data)
            source = open_source(folder / "host.xplane.pb")
            reader_for(source).stage(connection, source, capture=number)
        kind = connection.table("staged_annotation").types[0].id
        derive(connection, run_id="r", rank=0)
        return [connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in _TABLES], kind


def test_texts_of_several_captures_are_those_of_small_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captures = [encoded(environment(), gpu(), host(word)) for word in ("z", "a", "m")]
    expected, kind = derived(captures, tmp_path)
    assert kind == "varchar"
    assert [len(rows) for rows in expected[:4]] == [9, 3, 3, 15]
    monkeypatch.setattr("crossprof.ingest.xplane_mapping._FEW_BATCHES", 0)
    assert derived(captures, tmp_path) == (expected, "enum")
