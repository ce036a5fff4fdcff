"""Faults of windows, workers, disks and other profilers: as in test_chaos.py, one process and one store each."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collectors.chaos import IMPORT_TORCH, RESULT, SHORT, TORCH, Fault, alone, read, run, run_python


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.mark.slow
def test_killed_within_a_window(store: Path) -> None:
    kill = "work()\n        if number == 5: os.kill(os.getpid(), signal.SIGKILL)"
    outcome = alone(Fault(kill, before=IMPORT_TORCH, options=TORCH), store)
    assert (outcome.code, outcome.steps) == (-signal.SIGKILL, 5)
    assert {"recording_killed", "capture_failed"} <= set(outcome.findings)
    assert "ended before its trace was written" in outcome.findings["capture_failed"]


@pytest.mark.slow
def test_terminated_within_a_window(store: Path) -> None:
    """The window is written before the process goes."""
    terminate = "work()\n        if number == 5: os.kill(os.getpid(), signal.SIGTERM)"
    outcome = alone(Fault(terminate, before=IMPORT_TORCH, options=TORCH), store)
    assert (outcome.code, outcome.statuses, outcome.steps) == (-signal.SIGTERM, ("interrupted",), 5)
    assert "run_interrupted" in outcome.findings
    assert "capture_failed" not in outcome.findings


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_workers_of_a_data_loader(tmp_path: Path, store: Path, way: str) -> None:
    """In a file: spawned workers import it anew. The data set marks steps too, which are none outside of the parent."""
    pytest.importorskip("torch")
    script = tmp_path / "train.py"
    script.write_text(f"""
import crossprof, torch

class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 40
    def __getitem__(self, index):
        return sum(crossprof.steps([index]))

@crossprof.profile("chaos", {TORCH})
def train():
    loader = torch.utils.data.DataLoader(Data(), num_workers=2, multiprocessing_context="{way}")
    return sum(int(batch) for batch in crossprof.steps(loader))

if __name__ == "__main__":
    print(train())
""")
    outcome = run_python("", store, file=script)
    read(store, {"chaos": outcome})
    assert (outcome.code, outcome.out) == (0, RESULT), outcome.err
    assert (outcome.statuses, outcome.steps) == (("completed",), 40)
    assert "capture_failed" not in outcome.findings


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB. Mounting needs root: elsewhere the limit of file sizes, below, has to do."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


FILL = """
def fill():
    with open(os.environ["CROSSPROF_STORE"] + "/fill", "ab", buffering=0) as file:
        try:
            while file.write(bytes(512)): pass
        except OSError: pass
"""


def test_a_disk_that_is_full_in_mid_run(small_disk: Path, tmp_path: Path) -> None:
    """A real file system that is full. What was written by then is read, elsewhere, and says so itself."""
    outcome = run("full", Fault("if number >= 10: fill()", before=FILL), small_disk)
    assert (outcome.code, outcome.out) == (0, RESULT), outcome.err
    (small_disk / "fill").unlink()
    store = tmp_path / "store"
    shutil.copytree(small_disk / "recordings", store / "recordings")
    read(store, {"full": outcome})
    assert outcome.statuses == ("completed",)
    assert {"disk_full", "steps_unwritten"} <= set(outcome.findings)
    assert 10 <= outcome.steps < 40


@pytest.mark.slow
def test_files_that_may_not_grow(store: Path) -> None:
    """RLIMIT_FSIZE, where nothing can be mounted: it cuts the trace."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    outcome = alone(Fault("work()", before=f"{IMPORT_TORCH}\n{limit}", options=TORCH), store)
    assert (outcome.code, outcome.out, outcome.statuses) == (0, RESULT, ("completed",)), outcome.err
    assert outcome.steps == 40
    assert {"profiler_failed", "capture_failed", "file_truncated"} & set(outcome.findings)


def test_a_recording_that_somebody_deletes(store: Path) -> None:
    """Nothing is left that a finding could be in: one line says so."""
    outcome = run("gone", Fault("if number == 10: import shutil; shutil.rmtree(os.environ['CROSSPROF_STORE'])"), store)
    assert (outcome.code, outcome.out) == (0, RESULT)
    assert "The recording could not be completed" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_directory_that_can_not_be_written(tmp_path: Path) -> None:
    """Root writes everywhere: the process gives up its rights first, where it has them. Nothing is kept; one line says so."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    give_up = "import crossprof.collectors.recording, psutil\nif os.getuid() == 0: os.setuid(65534)"
    outcome = run("closed", Fault(before=give_up), closed / "store")
    assert (outcome.code, outcome.out) == (0, RESULT)
    assert outcome.err.count("\n") == 1
    assert "'closed' runs unrecorded" in outcome.err
    assert "Set CROSSPROF_STORE to a writable directory" in outcome.err
    assert not (closed / "store").exists()


OWN = {
    "tensorflow": Fault(
        "tf.ones((9, 9)) @ tf.ones((9, 9))",
        before="import tensorflow as tf\ntf.profiler.experimental.start(os.environ['OWN'])",
        call="print(train()); tf.profiler.experimental.stop()",
        options=f"framework='tensorflow', {SHORT}",
    ),
    "jax": Fault(
        "jax.numpy.ones((9, 9)).block_until_ready()",
        before="import jax\njax.profiler.start_trace(os.environ['OWN'])",
        call="print(train()); jax.profiler.stop_trace()",
        options=f"framework='jax', {SHORT}",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("framework", OWN)
def test_two_profilers_at_once(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str) -> None:
    """The user's own was there first, and has its trace at the end."""
    pytest.importorskip(framework)
    monkeypatch.setenv("OWN", str(tmp_path / "own"))
    outcome = alone(OWN[framework], store)
    assert (outcome.code, outcome.out) == (0, RESULT), outcome.err
    assert "profiler_busy" in outcome.findings
    assert (outcome.statuses, outcome.steps) == (("completed",), 40)
    assert list((tmp_path / "own").rglob("*.xplane.pb"))
