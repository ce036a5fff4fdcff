"""A real torch run: self times by name equal those that torch computes for itself."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float], dict[str, int]]:
    """A trace of three steps, and torch's own self time (us) and count of each key."""
    from torch.profiler import ProfilerActivity, profile, schedule

    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.LayerNorm(64), torch.nn.GELU(), torch.nn.Linear(64, 8))
    optimizer = torch.optim.AdamW(model.parameters())
    with profile(
        activities=[ProfilerActivity.CPU],
        schedule=schedule(wait=1, warmup=1, active=3, repeat=1),
        record_shapes=True,
        profile_memory=True,
    ) as profiler:
        for _ in range(5):
            with torch.profiler.record_function("forward"):
                loss = model(torch.randn(32, 64)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            profiler.step()
    path = tmp_path_factory.mktemp("torch") / "trace.json"
    profiler.export_chrome_trace(str(path))
    averages = profiler.key_averages()
    return path, {a.key: a.self_cpu_time_total for a in averages}, {a.key: a.count for a in averages}


@pytest.mark.filterwarnings("ignore")
def test_self_times_equal_key_averages(
    recorded: tuple[Path, dict[str, float], dict[str, int]], ingested: Callable[[Path], duckdb.DuckDBPyConnection]
) -> None:
    path, self_us, counts = recorded
    database = ingested(path)
    # torch counts an op that does nothing but call its namesake as one; the self time is the same.
    rows = database.execute("""
        SELECT op.name, count(*) FILTER (parent.name IS DISTINCT FROM op.name), sum(op.self_ns) / 1000
        FROM op LEFT JOIN op AS parent ON parent.op_id = op.parent_id GROUP BY ALL""").fetchall()
    got = {name: (calls, own_us) for name, calls, own_us in rows}
    keys = [key for key in self_us if key.startswith("aten::")]
    assert len(keys) > 20
    assert {key: got[key][0] for key in keys} == {key: counts[key] for key in keys}
    assert {key: got[key][1] for key in keys} == pytest.approx({key: self_us[key] for key in keys}, rel=0.01, abs=0.01)


@pytest.mark.filterwarnings("ignore")
def test_steps_shapes_and_memory_are_there(
    recorded: tuple[Path, dict[str, float], dict[str, int]], ingested: Callable[[Path], duckdb.DuckDBPyConnection]
) -> None:
    database = ingested(recorded[0])
    assert database.execute("SELECT list(step ORDER BY step) FROM step").fetchall() == [([2, 3, 4],)]
    assert database.execute(
        "SELECT count(*) FROM op WHERE name = 'aten::addmm' AND shapes LIKE '[[64],[32,64]%'"
    ).fetchall() == [(3,)]
    assert database.execute("SELECT count(DISTINCT step) FROM op WHERE name = 'aten::gelu'").fetchall() == [(3,)]
    # Two linear layers: forward by addmm, backward by mm under a node of autograd.
    got = database.execute(
        "SELECT name, is_backward, count(*) FROM op WHERE name IN ('aten::mm', 'aten::addmm') GROUP BY ALL ORDER BY 1"
    )
    assert got.fetchall() == [("aten::addmm", False, 6), ("aten::mm", True, 9)]
    ((frees, allocations),) = database.execute(
        "SELECT count(*) FILTER (bytes < 0), count(*) FILTER (bytes > 0) FROM memory_event WHERE device_id = -1"
    ).fetchall()
    assert min(frees, allocations) > 10
