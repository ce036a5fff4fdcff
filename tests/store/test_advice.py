"""Advice on hand-made runs: a rule speaks from its threshold on and not below, says what it saw, and its SQL runs."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import duckdb
import pytest

from crossprof.store.metrics import fill_run_metric
from crossprof.store.tables import uncommented

Advice = dict[str, dict[str, Any]]

_RUN = """
INSERT INTO base.run BY NAME SELECT 'r' AS run_id, 'r' AS run, $framework AS framework, 'gpu' AS device_kind;
INSERT INTO base.rank BY NAME SELECT 'r' AS run_id, rank FROM range($ranks) AS ranks (rank);
INSERT INTO base.device BY NAME
SELECT 'r' AS run_id, rank, 0 AS device_id, 'gpu' AS kind, 'NVIDIA A100-SXM4-80GB' AS model, 1000 AS memory_bytes
FROM range($ranks) AS ranks (rank);
INSERT INTO base.step BY NAME
SELECT 'r' AS run_id, rank, step, step * 100 AS start_ns, 100 AS dur_ns, true AS is_profiled, false AS is_warmup, 0 AS capture
FROM range($ranks) AS ranks (rank), range(2) AS steps (step);
"""


_IN_EACH_STEP = "FROM range(2) AS steps (step)"


def _device_work(name: str, kind: str, category: str, dur_ns: int, *, after_ns: int = 0) -> str:
    """Further work in both steps, launched at its own start."""
    return f"""INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 10 + step AS kernel_id,
        '{name}' AS name, '{kind}' AS kind, '{category}' AS category, step * 100 + {after_ns} AS start_ns, {dur_ns} AS dur_ns,
        start_ns AS launch_ns, step, step AS device_step {_IN_EACH_STEP}"""


def _bare_steps(*durations: int) -> str:
    rows = ", ".join(f"({2 + place}, {200 + 1000 * place}, {dur})" for place, dur in enumerate(durations))
    return f"""INSERT INTO base.step BY NAME SELECT 'r' AS run_id, 0 AS rank, step, start_ns, dur_ns, false AS is_profiled,
        false AS is_warmup FROM (VALUES {rows}) AS told (step, start_ns, dur_ns)"""


def _operators(dur_ns: int) -> str:
    """No device: operators of so many ns in each step."""
    return f"""DELETE FROM base.kernel; DELETE FROM base.runtime_call; DELETE FROM base.device;
        UPDATE base.run SET device_kind = 'cpu';
        INSERT INTO base.op BY NAME SELECT 'r' AS run_id, 0 AS rank, step AS op_id, 'aten::mm' AS name, 'gemm' AS category,
        step * 100 AS start_ns, {dur_ns} AS dur_ns, {dur_ns} AS self_ns, 'main' AS thread, step {_IN_EACH_STEP}"""


_LOADING = """INSERT INTO base.annotation BY NAME SELECT 'r' AS run_id, 0 AS rank, 'enumerate(DataLoader)' AS name,
    'user' AS kind, 100 * step AS start_ns, 4 AS dur_ns, 'main' AS thread, step FROM range(2) AS steps (step)"""
_WAITING = """INSERT INTO base.runtime_call BY NAME SELECT 'r' AS run_id, 0 AS rank, 10 + step AS call_id, step,
    'cudaStreamSynchronize' AS name, 'sync' AS kind, 100 * step AS start_ns, 4 AS dur_ns, 'main' AS thread
    FROM range(2) AS steps (step)"""
_LAUNCHED_BEFORE = "UPDATE base.runtime_call SET start_ns = start_ns - {0}; UPDATE base.kernel SET launch_ns = launch_ns - {0}"
_ALL_REDUCE = ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "collective", "communication")
_PAGEABLE = ("Memcpy HtoD (Pageable -> Device)", "memcpy", "copy")

# what is just below the threshold of a rule, what is above it, and what is said then
_RULES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "launch_bound": ({"idle_ns": 9}, {"idle_ns": 11}, "idle for 11 % of a measured step, waiting for a launch"),
    "input_bound": (
        {"idle_ns": 4, "more": _LOADING},
        {"idle_ns": 8, "more": _LOADING.replace("4 AS dur_ns", "8 AS dur_ns")},
        "idle for 8 % of a measured step while a launching thread loads data",
    ),
    "host_blocked": (
        {"idle_ns": 4, "more": _WAITING},
        {"idle_ns": 8, "more": _WAITING.replace("4 AS dur_ns", "8 AS dur_ns")},
        "idle for 8 % of a measured step while a launching thread is in a call that blocks",
    ),
    "kernel_gaps": (  # of the first step no one knows: nothing worked before it
        {"idle_ns": 18, "more": _LAUNCHED_BEFORE.format(23)},
        {"idle_ns": 30, "more": _LAUNCHED_BEFORE.format(35)},
        "idle for 15 % of a measured step though its next work was launched",
    ),
    "exposed_communication": (
        {"idle_ns": 9, "more": _device_work(*_ALL_REDUCE, 9)},
        {"idle_ns": 15, "more": _device_work(*_ALL_REDUCE, 15)},
        "Collectives take 15 % of a measured step with no compute beside them",
    ),
    "uneven_ranks": (  # 100 of 95.5 is 4.7 % longer
        {"idle_ns": 0, "ranks": 2, "other_ns": 9},
        {"idle_ns": 0, "ranks": 2, "other_ns": 18},
        "Rank 0 computes 0.0001 ms of a measured step, the mean of 2 ranks",
    ),
    "low_precision": (
        {"idle_ns": 0, "name": "ampere_fp16_s16816gemm_fp16_128x64"},
        {"idle_ns": 0, "name": "ampere_sgemm_128x64_tn"},
        "100 % of kernel time is products and convolutions in fp32",
    ),
    "unfused_elementwise": (
        {"idle_ns": 0, "more": _device_work("vectorized_elementwise_kernel", "kernel", "elementwise", 20)},
        {"idle_ns": 0, "more": _device_work("vectorized_elementwise_kernel", "kernel", "elementwise", 60)},
        "37.5 % of kernel time is elementwise work, norms, reductions and optimizer updates, in 2 of 4 kernels",
    ),
    "exposed_copies": (
        {"idle_ns": 4, "more": _device_work(*_PAGEABLE, 4)},
        {"idle_ns": 8, "more": _device_work(*_PAGEABLE, 8)},
        "Copies and memsets take 8 % of a measured step with nothing beside them; 100 % of the copied time is to or from",
    ),
    "profiler_overhead": (
        {"idle_ns": 0, "more": _bare_steps(*[95] * 5)},
        {"idle_ns": 0, "more": _bare_steps(*[80] * 5)},
        "Profiled steps take 1.25 times as long as bare ones",
    ),
    "uneven_steps": (
        {"idle_ns": 0, "more": _bare_steps(*[100] * 20, *[110] * 4)},
        {"idle_ns": 0, "more": _bare_steps(*[100] * 20, *[150] * 4)},
        "The 95th percentile of 24 steps of rank 0 is 1.5 times their median; 4 stand out: 22, 23, 24, 25",
    ),
    "outside_operators": (
        {"idle_ns": 0, "more": _operators(90)},
        {"idle_ns": 0, "more": _operators(70)},
        "30 % of a measured step lies outside of all operators",
    ),
}
_MEMORY = """INSERT INTO base.memory_event BY NAME SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 10 AS at_ns, 300 AS bytes,
    {} AS allocated_bytes, {} AS reserved_bytes, 'cuda' AS allocator"""
_RUNS: dict[str, dict[str, Any]] = {
    **{f"below {code}": below for code, (below, _, _) in _RULES.items()},
    **{f"above {code}": above for code, (_, above, _) in _RULES.items()},
    "late": {"idle_ns": 15},
    "late in JAX": {"idle_ns": 15, "framework": "jax"},
    "late in another": {"idle_ns": 15, "framework": "other"},
    "half of the memory": {"idle_ns": 0, "more": _MEMORY.format(300, 499)},
    "most of the memory": {"idle_ns": 0, "more": _MEMORY.format(600, 800)},
    "no time": {"idle_ns": 99, "name": "sgemm", "more": "UPDATE base.kernel SET dur_ns = 0"},
}


@pytest.fixture(scope="module")
def advice(tiny: ModuleType) -> dict[str, Advice]:
    """The advice for each of _RUNS by its code. They share a catalog: to roll up one run takes as long as all of them."""
    with tiny.connect() as connection:
        connection.execute(f"ATTACH ':memory:' AS alone; CREATE SCHEMA alone.base; USE alone.base; {uncommented('schema.sql')}")
        for run_id, facts in _RUNS.items():
            _fill(connection, **facts)
            _move(connection, run_id)
        connection.execute("USE memory.main; DETACH alone")
        fill_run_metric(connection)
        found: dict[str, Advice] = {run_id: {} for run_id in _RUNS}
        for row in connection.sql("FROM advice").to_arrow_table().to_pylist():
            connection.sql(row["query"]).fetchall()
            found[row["run_id"]][row["code"]] = row
    return found


def _fill(
    connection: duckdb.DuckDBPyConnection, *, idle_ns: int, framework: str = "torch", name: str = "fused", more: str = "",
    ranks: int = 1, other_ns: int = 0,
) -> None:  # fmt: skip
    """A run of two steps of 100 ns in which the device works from `idle_ns` after the start of each on."""
    given = {"framework": framework, "ranks": ranks}
    for statement in _RUN.split(";\n")[:-1]:
        connection.execute(statement, {key: value for key, value in given.items() if f"${key}" in statement})
    for rank in range(ranks):
        _work(connection, rank, other_ns if rank else idle_ns, name)
    if more:
        connection.execute(more)


def _move(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Takes the run, under this id, from the catalog where the next is made to the one with the views."""
    tables = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'alone' AND estimated_size > 0"
    for (table,) in connection.execute(tables).fetchall():
        moved = "* REPLACE ($run_id AS run_id, $run_id AS run)" if table == "run" else "* REPLACE ($run_id AS run_id)"
        connection.execute(f"INSERT INTO memory.base.{table} SELECT {moved} FROM base.{table}", {"run_id": run_id})
        connection.execute(f"DELETE FROM base.{table}")


def _work(connection: duckdb.DuckDBPyConnection, rank: int, idle_ns: int, name: str) -> None:
    """A launch at the end of the idle time, and its kernel, which begins with it and ends with the step."""
    for step in range(2):
        start = step * 100 + idle_ns
        values = [rank, step, start]
        connection.execute(
            "INSERT INTO base.runtime_call BY NAME SELECT 'r' AS run_id, ? AS rank, ? AS call_id, 'cudaLaunchKernel' AS name, "
            "'launch' AS kind, ? AS start_ns, 2 AS dur_ns, 'main' AS thread, call_id AS step",
            values,
        )
        connection.execute(
            "INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, ? AS rank, 0 AS device_id, ? AS kernel_id, ? AS start_ns, "
            "? AS name, 'kernel' AS kind, 'gemm' AS category, 100 - ? AS dur_ns, start_ns AS launch_ns, kernel_id AS call_id, "
            "kernel_id AS step, kernel_id AS device_step, kernel_id AS correlation_id",
            [*values, name, idle_ns],
        )


def test_waiting_for_launches_is_named_from_a_tenth_of_the_step_on(advice: dict[str, Advice]) -> None:
    assert advice["below launch_bound"] == {}
    (one,) = advice["late"].values()
    assert (one["code"], one["share_ratio"]) == ("launch_bound", pytest.approx(0.15))
    assert one["evidence"] == (
        "The device is idle for 15 % of a measured step, waiting for a launch, with 1 launches a step. "
        "A launch takes the host 0.002 µs, and a kernel 0.085 µs on average."
    )
    assert "torch.compile" in one["action"]


def test_advice_is_in_the_words_of_the_framework(advice: dict[str, Advice]) -> None:
    assert "jax.jit" in advice["late in JAX"]["launch_bound"]["action"]
    assert "capture the step as a graph" in advice["late in another"]["launch_bound"]["action"]


def test_loading_data_is_told_to_load_ahead(advice: dict[str, Advice]) -> None:
    assert "num_workers" in advice["above input_bound"]["input_bound"]["action"]


def test_a_blocked_host_is_named_with_its_call(advice: dict[str, Advice]) -> None:
    told = advice["above host_blocked"]["host_blocked"]
    assert told["evidence"].endswith("1 synchronisations a step; most time goes to cudaStreamSynchronize.")


def test_products_in_single_precision_are_told_by_their_kernels(advice: dict[str, Advice]) -> None:
    told = advice["above low_precision"]["low_precision"]
    assert "A100 80GB SXM reaches 8 times the fp32 peak in TF32" in told["evidence"]
    assert advice["below low_precision"] == {}


def test_lost_memory_counts_where_memory_is_short(advice: dict[str, Advice]) -> None:
    assert advice["half of the memory"] == {}
    assert (
        advice["most of the memory"]["fragmentation"]["evidence"]
        == "600 bytes of 800 bytes reserved are in use at the most, on a device with 1000 bytes."
    )


def test_nothing_is_said_of_work_that_takes_no_time(advice: dict[str, Advice]) -> None:
    assert "low_precision" not in advice["no time"]


@pytest.mark.parametrize("code", _RULES)
def test_a_rule_speaks_above_its_threshold_alone(advice: dict[str, Advice], code: str) -> None:
    assert advice[f"below {code}"] == {}
    told = advice[f"above {code}"]
    assert list(told) == [code], "and no other rule does"
    assert _RULES[code][2] in told[code]["evidence"]
    assert told[code]["value_ratio"] >= told[code]["threshold_ratio"]


def test_every_rule_is_tried(tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        known = {code for (code,) in connection.sql("SELECT code FROM _advice_rule").fetchall()}
    assert known == {*_RULES, "fragmentation"}  # which has a test of its own
