"""Which framework a piece of code uses, and what is known of its devices and origin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types

import pytest

import crossprof
from crossprof.collectors import collector, devices, provenance


def module(name: str) -> types.ModuleType:
    return types.ModuleType(name)


def function_of(name: str) -> object:
    def function() -> None: ...

    function.__module__ = name
    return function


@pytest.fixture
def loaded(monkeypatch):
    """Makes these modules, and no other framework, seem loaded."""

    def load(*names: str) -> None:
        for name in [*collector.FRAMEWORKS, "keras", "jax._src.xla_bridge", "tensorflow.python.eager.context"]:
            monkeypatch.delitem(sys.modules, name, raising=False)
        for name in names:
            monkeypatch.setitem(sys.modules, name, module(name))

    return load


@pytest.mark.parametrize(
    ("names", "namespace", "found"),
    [
        ([], {}, (None, False)),
        (["torch"], {}, ("torch", False)),
        (["torch", "jax"], {"jax": module("jax")}, ("jax", False)),
        (["tensorflow", "jax"], {"tf": module("tensorflow")}, ("tensorflow", False)),
        (["torch", "jax"], {"DataLoader": function_of("torch.utils.data")}, ("torch", False)),
        (["torch", "jax"], {"train_step": function_of("my.model")}, ("torch", True)),
        (["torch", "jax"], {"jax": module("jax"), "torch": module("torch")}, ("torch", True)),
    ],
)
def test_framework(loaded, names, namespace, found):
    loaded(*names)
    assert collector.detect_framework(namespace) == found


def test_a_framework_that_started_no_device_is_not_in_use(loaded, monkeypatch):
    loaded("tensorflow", "jax")
    bridge = types.SimpleNamespace(backends_are_initialized=lambda: False)
    monkeypatch.setitem(sys.modules, "jax._src.xla_bridge", bridge)
    assert collector.detect_framework({}) == ("tensorflow", False)


def test_keras_tells_its_back_end(loaded, monkeypatch):
    loaded("torch", "tensorflow", "jax")
    keras = module("keras")
    keras.config = types.SimpleNamespace(backend=lambda: "jax")
    monkeypatch.setitem(sys.modules, "keras", keras)
    assert collector.detect_framework({"keras": keras}) == ("jax", False)


def test_a_framework_that_the_function_itself_imports_is_found(recorded, loaded, monkeypatch, fake):
    from crossprof.collectors import recording

    loaded()
    monkeypatch.setattr(recording, "detect_framework", collector.detect_framework)

    @crossprof.profile("late")
    def train():
        sys.modules["jax"] = module("jax")
        sys.modules["jax"].__version__ = "0.0"
        for _ in crossprof.steps(range(13)):
            pass

    try:
        train()
    finally:
        sys.modules.pop("jax", None)
    (one,) = recorded()
    assert (one.run["framework"], one.run["framework_version"]) == ("jax", "0.0")


def test_a_proxy_that_answers_nothing_costs_nothing(loaded):
    class Proxy:
        def __getattribute__(self, name):
            raise RuntimeError(f"{name}: working outside of request context")

    loaded("torch", "jax")
    assert collector.detect_framework({"request": Proxy(), "t": function_of("torch.nn")}) == ("torch", False)


def test_an_unknown_framework_is_refused():
    with pytest.raises(ValueError, match="theano"):
        collector.make_collector("theano", {})


def test_no_device_is_asked_of_a_framework_that_started_none(loaded, monkeypatch):
    loaded("jax", "tensorflow")
    monkeypatch.setitem(sys.modules, "jax._src.xla_bridge", types.SimpleNamespace(backends_are_initialized=lambda: False))
    names = (*collector.FRAMEWORKS, None)
    assert [devices.framework_devices(name) for name in names] == [[]] * len(names)


def test_cuda_devices_carry_the_uuid_that_nvml_knows(loaded, monkeypatch):
    loaded("torch")
    found = types.SimpleNamespace(name="H", total_memory=10, multi_processor_count=4, major=9, minor=0, uuid="ab-cd")
    cuda = types.SimpleNamespace(is_initialized=lambda: True, device_count=lambda: 1, get_device_properties=lambda index: found)
    sys.modules["torch"].cuda = cuda
    sys.modules["torch"].version = types.SimpleNamespace(hip=None)
    (row,) = devices.framework_devices("torch")
    assert (row["device_id"], row["uuid"], row["vendor"], row["compute_capability"]) == (0, "GPU-ab-cd", "NVIDIA", "9.0")


def test_tpus_are_found_through_jax(loaded, monkeypatch):
    loaded("jax")
    monkeypatch.setitem(sys.modules, "jax._src.xla_bridge", types.SimpleNamespace(backends_are_initialized=lambda: True))
    chip = types.SimpleNamespace(
        platform="tpu", id=3, local_hardware_id=0, device_kind="TPU v5e", memory_stats=lambda: {"bytes_limit": 16}
    )
    cpu = types.SimpleNamespace(platform="cpu")
    sys.modules["jax"].local_devices = lambda: [chip, cpu]
    (row,) = devices.framework_devices("jax")
    assert (row["device_id"], row["kind"], row["vendor"], row["memory_bytes"]) == (0, "tpu", "Google", 16)


def test_only_variables_that_matter_are_kept(monkeypatch):
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    kept = provenance.environment()
    assert kept["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"
    assert kept["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "AWS_SECRET_ACCESS_KEY" not in kept
    assert "PATH" not in kept


def test_secrets_of_the_command_line_are_blanked(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--api-key=1", "--hf-token", "2", "--lr", "3", "--password", "--tokens=4"])
    argv = provenance.process_facts()["argv"]
    assert argv[:6] == ["train.py", "--api-key=***", "--hf-token", "***", "--lr", "3"]
    assert "1" not in argv
    assert "2" not in argv


def test_git_state(tmp_path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert provenance.git_state(tmp_path) is None
    git("init", "-q", "-b", "trunk")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "first")
    assert provenance.git_state(tmp_path) == {"commit": git("rev-parse", "HEAD"), "branch": "trunk", "is_dirty": False}
    (tmp_path / "a").write_text("2")
    assert provenance.git_state(tmp_path)["is_dirty"]


def test_git_that_is_missing_or_hangs_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert provenance.git_state(tmp_path) is None


def test_a_worker_of_several_is_not_profiled_by_tensorflow_unless_asked(monkeypatch, recorded):
    workers = {"worker": ["a:1", "b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": workers, "task": {"type": "worker", "index": 0}}))
    assert collector.make_collector("tensorflow", {"multi_worker": True}).caveat is None
    with crossprof.profile("worker", framework="tensorflow"):
        for _ in crossprof.steps(range(13)):
            pass
    (one,) = recorded()
    assert one.codes == {"profiler_unsafe"}
    assert one.states == "uu" + "b" * 11
    assert one.run["captures"] == []


def test_of_a_worker_of_several_with_gpus_these_alone_are_recorded(monkeypatch, recorded):
    """Told from the outside: no GPU is at hand. The host's tracer is the one that crashes such workers."""
    workers = {"worker": ["a:1", "b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": workers, "task": {"type": "worker", "index": 0}}))
    monkeypatch.setattr("crossprof.collectors.tf_profiler._has_gpu", lambda: True)
    with pytest.raises(collector.ProfilerUnsafe, match="multi_worker=True"):
        collector.make_collector("tensorflow", {"host_tracer_level": 2})
    tf = pytest.importorskip("tensorflow")
    with crossprof.profile("worker", framework="tensorflow"):
        for _ in crossprof.steps(range(13)):
            tf.ones((2, 2)) @ tf.ones((2, 2))
    (one,) = recorded()
    assert one.codes == {"profiler_limited"}
    assert one.run["captures"][0]["state"] == "complete"
    assert one.run["options_effective"]["host_tracer_level"] == 0
