"""What the machine is busy with, as the runs say it."""

from crossprof.bench import machine as module
from crossprof.bench.machine import state


def test_only_the_processors_that_a_bench_may_use_count_as_busy(monkeypatch):
    """Two of four, in a container say, whose neighbours keep the other two busy."""
    monkeypatch.setattr("psutil.cpu_percent", lambda interval, percpu: [100.0, 100.0, 30.0, 10.0])
    monkeypatch.setattr(module, "processors", lambda: [2, 3])
    assert (state().busy, state().tags()["machine"]) == (0.2, "quiet")
    monkeypatch.setattr(module, "processors", lambda: [0, 3])
    assert state().tags()["busy_before"] == "0.55"
    assert state().is_loaded
