"""What the store says of a session, asked of a store."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from crossprof.bench.standing import note, ranks_that_spoke, set_aside, standing
from crossprof.store import Store, publish, write_part


def write(store: Path, run_id: str, *, says: str = "", status: str = "completed", ranks: int = 1, world_size: int = 1) -> None:
    """A run of the session `one`, whose traces hold one operator."""
    for rank in range(ranks):
        with duckdb.connect() as connection:
            connection.execute(files("crossprof.store").joinpath("schema.sql").read_text("utf-8"))
            connection.execute(
                "INSERT INTO run BY NAME SELECT $1 AS run_id, $1 AS run, $2 AS status, $3 AS world_size, 0 AS started_ns, "
                "MAP {'bench': 'one', 'cell': $1, 'repeat': '1'} AS tags",
                [run_id, status, world_size],
            )
            connection.execute("INSERT INTO rank BY NAME SELECT ? AS run_id, ? AS rank, ? AS status", [run_id, rank, status])
            connection.execute(
                "INSERT INTO op BY NAME SELECT ? AS run_id, ? AS rank, 0 AS op_id, ? AS name, 'other' AS category, "
                "0 AS start_ns, 1 AS dur_ns, 1 AS self_ns",
                [run_id, rank, says],
            )
            if not says:
                connection.execute(
                    "INSERT INTO finding BY NAME SELECT ? AS run_id, ? AS rank, 'profiler_unsafe' AS code, "
                    "'warning' AS severity, 1 AS count, '' AS detail",
                    [run_id, rank],
                )
            write_part(connection, store, run_id=run_id, rank=rank, content_sha256=f"{run_id}-{rank}")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "store"
    write(path, "whole", says="aten::add")
    write(path, "killed", says="aten::add", status="killed")
    write(path, "half", says="gloo:all_reduce", ranks=1, world_size=2)
    write(path, "spread", says="all-reduce.1", ranks=2, world_size=2)
    write(path, "withheld", ranks=2, world_size=2)
    publish(path)
    return path


def test_a_run_counts_where_all_ranks_came_to_their_end(store):
    whole, half = standing(store, "one")
    assert whole == {("whole", 1), ("spread", 1), ("withheld", 1)}
    assert sorted(half) == ["half", "killed"]
    assert standing(store, "two") == (set(), [])


@pytest.mark.parametrize(("run_id", "spoke"), [("whole", 0), ("half", 1), ("spread", 2), ("withheld", None)])
def test_ranks_spoke_where_their_traces_have_collectives(store, run_id, spoke):
    assert ranks_that_spoke(store, run_id) == spoke


def test_what_is_set_aside_no_table_finds(store):
    note(store, "spread", {"collectives": "seen"})
    set_aside(store, ["killed"], "one")
    assert standing(store, "one")[1] == ["half"]
    with Store(store) as opened:
        tags = dict(opened.sql("SELECT run_id, tags FROM run").fetchall())
    assert tags["spread"]["collectives"] == "seen"
    assert (tags["killed"].get("bench"), tags["killed"]["bench_failed"]) == (None, "one")
