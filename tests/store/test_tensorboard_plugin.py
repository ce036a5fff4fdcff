"""The numbers of the TensorBoard plugin of PyTorch on a file checked by hand. test_peers.py has real captures."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from crossprof.store.peers import fill_peer_metric
from crossprof.store.peers.events import read_files
from crossprof.store.peers.tensorboard_step import steps as steps_of

TOLD = json.loads((Path(__file__).parent / "tensorboard_plugin.json").read_text())

# Steps 0..100, 100..200, 200..300 us. The first launches a kernel that ends at 130, the second two and a copy, the third
# nothing. Work of before the steps ends at 5. A GPU of two SMs.
STEPS = """
    INSERT INTO base.run (run_id, run) VALUES ('r', 'file');
    INSERT INTO base.rank (run_id, rank) VALUES ('r', 0);
    INSERT INTO base.device (run_id, rank, device_id, kind, compute_units) VALUES ('r', 0, 0, 'gpu', 2);
    INSERT INTO base.artifact BY NAME
    SELECT 'r' AS run_id, 0 AS rank, '/trace' AS path, 'kineto' AS format, '' AS sha256, 1 AS bytes, 'referenced' AS storage;
    INSERT INTO base.annotation BY NAME
    SELECT 'r' AS run_id, 0 AS rank, name, kind, start_us * 1000 AS start_ns, (end_us - start_us) * 1000 AS dur_ns
    FROM (VALUES ('ProfilerStep#0', 'step', 0, 100), ('ProfilerStep#1', 'step', 100, 200), ('ProfilerStep#2', 'step', 200, 300),
        ('enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__', 'user', 10, 20), ('mine', 'user', 30, 50))
        AS t (name, kind, start_us, end_us);
    INSERT INTO base.op BY NAME
    SELECT 'r' AS run_id, 0 AS rank, op_id, name, 'other' AS category, start_us * 1000 AS start_ns,
        (end_us - start_us) * 1000 AS dur_ns, dur_ns AS self_ns
    FROM (VALUES (1, 'aten::mm', 40, 60), (2, 'nccl:all_reduce', 140, 150)) AS t (op_id, name, start_us, end_us);
    INSERT INTO base.runtime_call BY NAME
    SELECT 'r' AS run_id, 0 AS rank, call_id, name, 'launch' AS kind, start_us * 1000 AS start_ns, 2000 AS dur_ns
    FROM (VALUES
        (1, 'cudaLaunchKernel', 45), (2, 'cudaLaunchKernel', 141), (3, 'cuLaunchKernel', 170), (4, 'cudaLaunchKernel', 99)
    ) AS t (call_id, name, start_us);
    INSERT INTO base.kernel BY NAME
    SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, row_number() OVER () AS kernel_id, 'k' AS name, kind, 'other' AS category,
        start_us * 1000 AS start_ns, (end_us - start_us) * 1000 AS dur_ns, call_id, op_id, grid, occupancy AS occupancy_ratio
    FROM (VALUES
        ('kernel', 2, 5, NULL, NULL, '1,1,1', 0.5),
        ('kernel', 70, 130, 1, 1, '1,1,1', 0.25),
        ('collective', 150, 160, 2, 2, '1,1,1', 1.0),
        ('kernel', 155, 165, 2, NULL, '2,2,1', 0.75),
        ('memcpy', 160, 180, 2, NULL, NULL, NULL),
        ('memset', 175, 190, 3, NULL, NULL, NULL),
        ('kernel', 290, 310, 4, NULL, '1,1,1', 1.0)
    ) AS t (kind, start_us, end_us, call_id, op_id, grid, occupancy);
"""


@pytest.fixture
def steps(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with tiny.connect() as connection:
        connection.execute(STEPS)
        yield connection


def told(source: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The plugin's numbers by our rules, in microseconds or shares; those of one GPU under its number."""
    fill_peer_metric(source)
    rows = source.sql(
        """SELECT concat_ws('/', metric[4:], device_id), if(unit = 'ns', value / 1000, value) FROM peer_metric
        WHERE starts_with(metric, 'tb.')"""
    ).fetchall()
    return dict(rows)


def steps_in(source: duckdb.DuckDBPyConnection) -> list[tuple[float, float]]:
    """The starts and ends of the steps of the one file, in microseconds."""
    ((start, end),) = [steps_of(file) for file in read_files(source)]
    return list(zip((start / 1000).tolist(), (end / 1000).tolist(), strict=True))


def test_a_step_ends_with_its_work_and_the_next_begins_there(steps: duckdb.DuckDBPyConnection) -> None:
    assert steps_in(steps) == [
        (5, 130),
        (130, 200),
    ]  # the third launches nothing; a call across the end of the first is of no step


def test_the_overview(steps: duckdb.DuckDBPyConnection) -> None:
    found = told(steps)
    parts = {name: value * 2 for name, value in found.items() if name.endswith("_time")}  # there are two steps
    assert parts == {
        "step_time": 195,
        "kernel_time": 60 + 10,  # the collective is communication: its op says so
        "memcpy_time": 20 - 5,
        "memset_time": 15 - 5,
        "communication_time": 5 + 10,  # the kernel where no other runs, and the op from 140
        "runtime_time": 2,  # the calls at 45; that at 141 lies in communication, and the driver's is none
        "data_loader_time": 10,
        "cpu_exec_time": 20 + 10 - 2,
        "other_time": 195 - 70 - 15 - 10 - 15 - 2 - 10 - 28,
    }
    assert found["gpu_utilization/0"] == (60 + 15) / 195
    assert found["est_sm_efficiency/0"] == (60 / 2 + 5 / 2 + 10) / 195  # four blocks on two SMs count as two
    assert found["est_achieved_occupancy/0"] == (60 * 0.25 + 10 * 1 + 10 * 0.75) / 80


def test_without_steps_all_operators_are_one(steps: duckdb.DuckDBPyConnection) -> None:
    steps.execute("DELETE FROM base.annotation WHERE kind = 'step'")
    assert steps_in(steps) == [(40, 310)]  # the call at 99 lies within


def test_a_last_step_with_less_than_its_share_is_dropped(steps: duckdb.DuckDBPyConnection) -> None:
    steps.execute("UPDATE base.kernel SET call_id = 1 WHERE call_id = 2 AND kind <> 'memcpy'")
    assert len(steps_in(steps)) == 1


def test_its_last_release_knows_the_runtime_of_old_files_alone() -> None:
    both = {name: figures for name, figures in TOLD.items() if figures["released"] and figures["repaired"]["runtime_time"] > 0}
    assert {name for name, figures in both.items() if figures["released"]["runtime_time"] > 0} == {"kineto_resnet50_nw0/0"}
    assert len(both) > 20
