"""The shared suite over every collector. A framework that is not installed is skipped."""

from __future__ import annotations

import json
import os
import re

import pytest

import crossprof
from crossprof.collectors import recording
from crossprof.collectors.collector import make_collector
from tests.collectors.fakes import FakeCollector
from tests.collectors.suite import CollectorSuite


class TestFake(CollectorSuite):
    framework = "torch"

    @pytest.fixture(autouse=True)
    def _drive_the_fake(self, monkeypatch, collector):
        monkeypatch.setattr(recording, "make_collector", lambda framework, options: collector)

    @pytest.fixture
    def collector(self):
        return FakeCollector()

    @pytest.fixture
    def work(self):
        return range(100).__len__

    def test_step_numbers_are_in_the_trace(self, collector, work, tmp_path):
        self.window(collector, work, tmp_path / "capture-0")
        assert collector.steps == [7, 8, 9]


class TestTorch(CollectorSuite):
    framework = "torch"

    @pytest.fixture
    def collector(self):
        return make_collector("torch", {})

    @pytest.fixture
    def work(self):
        torch = pytest.importorskip("torch")
        return lambda: torch.ones(32, 32) @ torch.ones(32, 32)

    def marked_steps(self, file):
        events = json.loads(file.read_text())["traceEvents"]
        named = [re.fullmatch(r"ProfilerStep#(\d+)", event.get("name", "")) for event in events]
        return sorted(int(match[1]) for match in named if match)

    def test_the_run_is_named_in_the_trace(self, collector, work, tmp_path):
        (file,) = self.window(collector, work, tmp_path / "capture-0")
        document = json.loads(file.read_text())
        assert document["crossprof_run"] == {"run_id": "r", "rank": 0}
        assert {event.get("name") for event in document["traceEvents"]} >= {"aten::mm", "[memory]"}

    def test_stacks_switch_trace_only_off(self, work, tmp_path):
        collector = make_collector("torch", {"with_stack": True})
        self.window(collector, work, tmp_path / "capture-0")
        assert collector.effective_options()["with_stack"]
        assert not collector.effective_options()["trace_only"]


class XPlaneSuite(CollectorSuite):
    def marked_steps(self, file):
        """As ingest's reader sees them."""
        from crossprof.ingest.reader import open_source, reader_for

        duckdb = pytest.importorskip("duckdb")
        from importlib.resources import files

        with duckdb.connect() as connection:
            connection.execute(files("crossprof.store").joinpath("schema.sql").read_text())
            connection.execute(files("crossprof.ingest").joinpath("staging.sql").read_text())
            source = open_source(file)
            reader_for(source).stage(connection, source, capture=0)
            return [step for (step,) in connection.execute("SELECT step FROM staged_step ORDER BY step").fetchall()]

    def test_levels_are_read_back_from_the_trace(self, collector, work, tmp_path):
        self.window(collector, work, tmp_path / "capture-0")
        assert collector.effective_options()["host_tracer_level"] == 2
        assert collector.effective_options()["python_tracer_level"] == 0


class TestTensorFlow(XPlaneSuite):
    framework = "tensorflow"

    @pytest.fixture
    def collector(self):
        pytest.importorskip("tensorflow")
        return make_collector("tensorflow", {})

    @pytest.fixture
    def work(self):
        tf = pytest.importorskip("tensorflow")
        return lambda: tf.matmul(tf.ones((32, 32)), tf.ones((32, 32))).numpy()

    def test_the_level_of_the_tracers_is_the_one_asked_for(self, work, tmp_path):
        """TensorFlow 2.21 itself leaves it out."""
        for level in (0, 3):
            collector = make_collector("tensorflow", {"host_tracer_level": level})
            self.window(collector, work, tmp_path / f"capture-{level}")
            assert collector.effective_options()["host_tracer_level"] == level


class TestJax(XPlaneSuite):
    framework = "jax"

    @pytest.fixture
    def collector(self):
        pytest.importorskip("jax")
        return make_collector("jax", {})

    @pytest.fixture
    def work(self):
        numpy = pytest.importorskip("jax.numpy")
        matrix = numpy.ones((32, 32))
        return lambda: numpy.dot(matrix, matrix).block_until_ready()


@pytest.fixture
def onnx_session():
    """Makes a session of one operator, and what it is asked."""
    onnx, numpy = pytest.importorskip("onnx"), pytest.importorskip("numpy")
    pytest.importorskip("onnxruntime")
    ends = [[onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4])] for name in ("inputs", "outputs")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["inputs"], ["outputs"])], "graph", *ends)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10).SerializeToString()
    return lambda: crossprof.onnxruntime.Session(model), {"inputs": numpy.ones(4, "float32")}


def test_a_session_is_profiled_for_its_own_window_alone(onnx_session, recorded):
    make, inputs = onnx_session
    with crossprof.profile("bare-first", framework="onnxruntime", schedule=(0, 2, 0, 1)):
        first = make()
        for _ in range(2):
            first.run(None, inputs)
    with crossprof.profile("too-short", framework="onnxruntime", schedule=(3, 0, 0, 1)):
        short = make()
        short.run(None, inputs)
    assert short._profile is None
    short.run(None, inputs)  # bare again, now that its recording is over
    with crossprof.profile("whole", framework="onnxruntime", schedule=(0, 0, 0, 2)):
        whole = make()
        for _ in range(4):
            whole.run(None, inputs)
        late = make()
        late.run(None, inputs)
    assert first.profiling_started_ns == late.profiling_started_ns == 0
    assert short._profile is not None
    assert [len(capture["files"]) for one in recorded() for capture in one.run["captures"]] == [1]
    assert recorded()[-1].states.startswith("pp")


def test_a_session_of_a_run_that_ended_is_freed(onnx_session, recorded):
    make, inputs = onnx_session
    with crossprof.profile("too-short", framework="onnxruntime", schedule=(3, 0, 0, 1)):
        make().run(None, inputs)
    with crossprof.profile("next", framework="onnxruntime", schedule=(0, 0, 0, 1)):
        make().run(None, inputs)
    short, following = recorded()
    assert short.run["captures"] == []
    assert len(following.run["captures"][0]["files"]) == 1


def test_a_session_is_made_where_no_profile_can_be_written(onnx_session, recorded, monkeypatch, caplog):
    make, inputs = onnx_session
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: os.mkdir("/nowhere/at/all"))  # noqa: PTH102
    with crossprof.profile("full", framework="onnxruntime"):
        assert make().run(None, inputs)
    assert "A session of ONNX Runtime is not profiled" in caplog.text
    assert recorded()[0].run["status"] == "completed"
