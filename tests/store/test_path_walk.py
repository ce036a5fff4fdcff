"""What shortening one thing is worth, against a replay: in random graphs, in random small steps, in steps of real captures."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossprof.ingest import ingest
from crossprof.store import critical_path, path_walk
from crossprof.store.path_walk import critical_paths, gains, replay
from crossprof.store.step_graph import EDGES, KINDS, Graph, step_graph

CORPUS = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
WORK = [KINDS.index(kind) for kind in ("kernel", "collective", "memcpy", "memset", "host", "call", "data_loading")]
EXECUTION = EDGES.index("execution")

edges = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=30)


def random_graph(drawn: list[tuple[int, int, int]]) -> Graph:
    """A graph whose instants come as soon as their edges let them; 0 is the start, and the last instant is the end."""
    found = sorted(
        {(min(a, b) + (a == b), max(a, b) + 1 + (a == b)): lag for a, b, lag in drawn}.items(), key=lambda edge: edge[0][1]
    )
    reached = {0} | {target for (_, target), _ in found}
    found += [((0, source), 0) for source in {source for (source, _), _ in found} - reached]
    found.sort(key=lambda edge: edge[0][1])
    size = max(target for (_, target), _ in found) + 1
    at, parent = [0] * size, [-1] * size
    for number, ((source, target), lag) in enumerate(found):
        if parent[target] < 0 or at[source] + lag > at[target]:
            at[target], parent[target] = at[source] + lag, number
    for target in range(1, size):
        if parent[target] < 0:
            found.append(((0, target), 0))
            parent[target] = len(found) - 1
    source, target = np.array([edge for edge, _ in found]).T
    count, none = len(found), np.zeros(size, np.int64)
    return Graph(
        time=np.array(at), window=none, component=none, lane=none, order=np.arange(size), parent=np.array(parent),
        source=source, target=target, lag=np.array([lag for _, lag in found]), kind=np.zeros(count, np.int64),
        why=np.arange(count), event=np.zeros(count, np.int64), sink=np.array([size - 1]),
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(edges, st.data())
def test_an_edge_on_the_path_gains_what_the_next_longest_path_leaves(
    drawn: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    graph = random_graph(drawn)
    (path,) = critical_paths(graph, np.array([0]))
    (most,) = gains(graph, [path])
    end = graph.time[graph.sink[0]]
    assert (replay(graph, 0 * graph.lag) == graph.time).all()
    assert graph.lag[path].sum() == end
    for edge in range(len(graph.lag)):
        if graph.lag[edge]:
            by = data.draw(st.integers(1, int(graph.lag[edge])))
            shorter = np.where(np.arange(len(graph.lag)) == edge, by, 0)
            gained = end - replay(graph, shorter)[graph.sink[0]]
            on_path = np.flatnonzero(path == edge)
            assert gained == (min(by, most[on_path[0]]) if len(on_path) else 0)


def test_a_way_that_changes_threads_at_every_step_takes_no_longer() -> None:
    steps = 40_000
    graph = random_graph([(2 * number, 2 * number + 1, 1) for number in range(steps)] + [(0, 2 * steps - 1, 10 * steps)])
    (path,) = critical_paths(graph, np.array([0]))
    start = time.process_time()
    (most,) = gains(graph, [path])
    assert time.process_time() - start < 2  # 40,000 looks at all of the graph take a minute
    assert most.tolist() == [9 * steps]


def table(rows: Sequence[tuple[int, ...]], names: str, flags: str) -> dict[str, Any]:
    columns = np.array(rows, np.int64).reshape(-1, len(names.split())).T
    return {
        name: column.astype(bool) if name in flags.split() else column
        for name, column in zip(names.split(), columns, strict=True)
    }


LENGTH = 60
RANKS = st.integers(0, 1)
spans = st.lists(
    st.tuples(RANKS, st.integers(0, 2), st.integers(0, LENGTH), st.integers(0, 25), st.sampled_from("opswb")), max_size=16
)
kernels = st.lists(
    st.tuples(RANKS, st.integers(0, 2), st.integers(0, LENGTH - 1), st.integers(0, 25), st.integers(-1, 6), st.integers(0, 2)),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(spans, kernels, st.booleans(), st.randoms(use_true_random=False))
def test_in_a_random_step_what_is_on_the_path_gains_and_nothing_else(
    drawn: list[tuple[Any, ...]], work: list[tuple[Any, ...]], is_marked: bool, chosen: random.Random
) -> None:
    graph, windows = random_step(drawn, work, is_marked)
    assert (replay(graph, 0 * graph.lag) == graph.time).all()
    check_steps(graph, windows["start_ns"], chosen, tries=6)


def test_of_many_joined_ranks_the_gains_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_walk, "_MOST_RANKS", 1)
    graph, windows = random_step([(0, 0, 10, 20, "o"), (1, 0, 5, 30, "o")], [], is_marked=True)
    paths = critical_paths(graph, windows["start_ns"])
    assert [most.tolist() for most in gains(graph, paths)] == [[-1] * len(path) for path in paths]


def random_step(drawn: list[tuple[Any, ...]], work: list[tuple[Any, ...]], is_marked: bool) -> tuple[Graph, dict[str, Any]]:
    """One step of two ranks whose clocks are one; kernels of an instance over 0 are one collective."""
    host = [
        (rank, sort != "o", number, thread, start, min(start + length, LENGTH), 1, sort == "s", sort == "w", sort == "b")
        for number, (rank, thread, start, length, sort) in enumerate(drawn)
    ]
    device = [
        (
            rank,
            number,
            call,
            1,
            10 + stream,
            start,
            min(start + length, LENGTH),
            not 0 < length <= LENGTH - start,
            0,
            instance,
            0,
        )
        for number, (rank, stream, start, length, call, instance) in enumerate(sorted(work, key=lambda one: one[2]))
    ]
    windows = table([(0, 0, LENGTH, LENGTH), (0, 5, LENGTH - 3, LENGTH)], "component start_ns end_ns length_ns", "")
    host_flags, device_flags, range_flags = "is_top waits is_order is_blocking", "is_cut is_pageable", "is_step is_loading"
    graph = step_graph(
        windows,
        table(host, f"number kind id thread start_ns end_ns {host_flags}", host_flags),
        table(device, f"number id call_id device stream start_ns end_ns {device_flags} instance kind", device_flags),
        table(
            [(rank, 0, 0, LENGTH, 1, 0) for rank in (0, 1)] * is_marked,
            f"number thread start_ns end_ns {range_flags}",
            range_flags,
        ),
    )
    return graph, windows


def check_steps(graph: Graph, start_ns: Any, chosen: random.Random, *, tries: int) -> tuple[int, int]:
    """Shortens work on and off the path of a step; says how many on it gained, and how many another path kept from it."""
    place = np.empty(len(graph.order), np.int64)
    place[graph.order] = np.arange(len(graph.order))
    assert (place[graph.source] < place[graph.target]).all()
    assert (graph.time[graph.source] + graph.lag <= graph.time[graph.target]).all()
    paths = critical_paths(graph, start_ns)
    most = gains(graph, paths)
    gained = tied = 0
    for window, path in enumerate(paths):
        assert all(graph.target[first] == graph.source[second] for first, second in pairwise(path))
        end = graph.time[graph.sink[window]]
        is_work = (graph.why == EXECUTION) & (graph.lag > 0) & np.isin(graph.kind, WORK)
        on = [place for place, edge in enumerate(path) if is_work[edge] and graph.time[graph.source[edge]] >= start_ns[window]]
        inside = np.flatnonzero(is_work & (graph.time[graph.source] >= start_ns[window]))
        off = np.setdiff1d(inside, path).tolist()
        for position in chosen.sample(on, min(tries, len(on))):
            by = chosen.randint(1, int(graph.lag[path[position]]))
            gain = end - shortened(graph, path[position], by)[graph.sink[window]]
            assert gain == min(by, most[window][position])
            gained, tied = gained + (gain > 0), tied + (gain == 0)
        for edge in chosen.sample(off, min(tries, len(off))):
            assert shortened(graph, edge, chosen.randint(1, int(graph.lag[edge])))[graph.sink[window]] == end
    return gained, tied


def shortened(graph: Graph, edge: int, by: int) -> Any:
    return replay(graph, np.where(np.arange(len(graph.lag)) == edge, by, 0))


def check_store(root: Path, *, tries: int) -> tuple[int, int]:
    """The paths of all runs of a store tile their steps, name an event or a wait, and hold what the replay says."""
    with duckdb.connect(str(root / "crossprof.duckdb"), read_only=True) as connection:
        untiled = """
            SELECT run, rank, step FROM (
                SELECT *, start_ns - lag(start_ns + dur_ns) OVER (PARTITION BY run_id, rank, step ORDER BY segment) AS gap_ns
                FROM critical_path
            ) AS stretch
            LEFT JOIN step USING (run_id, rank, step)
            GROUP BY run, rank, step
            HAVING max(gap_ns) <> 0 OR min(gap_ns) <> 0 OR min(stretch.start_ns) <> any_value(step.start_ns)
                OR sum(stretch.dur_ns) <> any_value(step.dur_ns) OR min(stretch.dur_ns) <= 0
        """
        assert connection.execute(untiled).fetchall() == []
        nameless = """
            SELECT kind, count(*) FROM critical_path
            WHERE NOT (ends_with(kind, '_wait') OR kind IN ('host_gap', 'data_loading'))
                AND coalesce(op_id, call_id, kernel_id) IS NULL
            GROUP BY kind
        """
        assert connection.execute(nameless).fetchall() == []
        steps = critical_path.read_steps(connection)
        assert steps is not None
        return check_steps(steps.graph, steps.windows["start_ns"], random.Random(1), tries=tries)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
@pytest.mark.parametrize(
    "name",
    [
        "hta_nccl_a100",
        pytest.param("hta_ns_resolution_v100", marks=pytest.mark.slow),
        "xp_tf221_cpu",
        "torch213_cpu_mlp",
        "xp_jax_mi300_conv08",
    ],
)
def test_in_a_real_step_what_is_on_the_path_gains_and_nothing_else(name: str, tmp_path: Path) -> None:
    ingest([CORPUS / name], store=tmp_path)
    gained, tied = check_store(tmp_path, tries=12)
    assert gained > 0
    assert tied == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_so_it_is_in_runs_of_the_demo(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    import subprocess
    import sys

    environment = {**os.environ, "CROSSPROF_STORE": str(tmp_path)}
    script = files("crossprof.examples").joinpath(f"train_{name}.py")
    subprocess.run([sys.executable, str(script)], env=environment, check=True, timeout=900)
    gained, tied = check_store(tmp_path, tries=30)
    assert gained > 20
    assert tied == 0
