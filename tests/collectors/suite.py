"""What every collector must do: run once against each, fake and real."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crossprof
from crossprof.collectors.collector import Collector, ProfilerBusy


def assert_same_times(times: list[int], own: list[int]) -> None:
    """The same steps, and the same times to 1 %: the median of the differences, step by step.

    A busy machine may hold the process up between the two readings of a step, so single steps may differ.
    """
    assert len(times) == len(own)
    apart = [abs(ours - theirs) / theirs for ours, theirs in zip(times, own, strict=True)]
    assert statistics.median(apart) < 0.01


class CollectorSuite:
    """To subclass with the fixtures `collector`, a fresh one, and `work`, which makes the framework work a little."""

    framework: str

    @pytest.fixture
    def collector(self) -> Collector:
        raise NotImplementedError

    @pytest.fixture
    def work(self) -> Callable[[], Any]:
        raise NotImplementedError

    def window(self, collector: Collector, work: Callable[[], Any], directory: Path, steps: range = range(7, 10)) -> list[Path]:
        directory.mkdir()
        collector.start(directory, {"run_id": "r", "rank": 0})
        for step in steps:
            collector.begin_step(step)
            work()
            collector.end_step()
        collector.drain()
        collector.stop()
        return collector.export()

    def test_a_window_leaves_files_in_its_directory(self, collector, work, tmp_path):
        files = self.window(collector, work, tmp_path / "capture-0")
        assert len(files) == 1
        assert all(path.is_relative_to(tmp_path / "capture-0") and path.stat().st_size for path in files)

    def test_windows_follow_each_other(self, collector, work, tmp_path):
        first = self.window(collector, work, tmp_path / "capture-0")
        second = self.window(collector, work, tmp_path / "capture-1", range(20, 22))
        assert set(first).isdisjoint(second)
        assert all(path.exists() for path in first + second)

    def test_options_in_force_are_told(self, collector, work, tmp_path):
        self.window(collector, work, tmp_path / "capture-0")
        options = collector.effective_options()
        assert options
        assert json.loads(json.dumps(options)) == options

    def test_a_profiler_that_is_on_is_left_alone(self, collector, work, tmp_path):
        collector.start(tmp_path, {})
        other = type(collector)({})
        other.is_on = True  # the fake knows nothing of its siblings
        try:
            with pytest.raises(ProfilerBusy):
                other.start(tmp_path, {})
            work()
        finally:
            collector.stop()
        assert collector.export()

    def test_stop_without_start_is_harmless(self, collector):
        collector.stop()

    def test_step_numbers_are_in_the_trace(self, collector, work, tmp_path):
        (file,) = self.window(collector, work, tmp_path / "capture-0")
        assert self.marked_steps(file) == [7, 8, 9]

    def marked_steps(self, file: Path) -> list[int]:
        raise NotImplementedError

    def test_recorded_step_times_are_the_users_own(self, work, recorded):
        """Steps of 40 ms and more, timed by the loop itself: the same count, and the same times to 1 %, under coverage too."""
        own = []
        work()
        with crossprof.profile("timed", framework=self.framework) as run:
            run.step()
            began = time.perf_counter_ns()
            for _ in range(50):
                work()
                time.sleep(0.04)
                now = time.perf_counter_ns()
                run.step(samples=4)
                own.append(now - began)
                began = time.perf_counter_ns()
        (one,) = recorded()
        steps = one.steps[1:]
        assert one.states == "uubbbbbwpppppu" + "b" * 37
        assert_same_times([step["end_ns"] - step["start_ns"] for step in steps], own)
        assert one.codes == set()
        assert one.run["captures"][0]["state"] == "complete"
        assert [(one.path / name).stat().st_size > 0 for name in one.run["captures"][0]["files"]] == [True]
