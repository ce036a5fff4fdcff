"""Faults injected into real training processes: the result stays, what was recorded is read, and a finding says what happened.

Each fault has a process of its own. Those without a profiler share one store and one ingest; those with one are slow.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from crossprof.cli import main

SCRIPT = """
import os, signal, sys, time
import crossprof
{before}
@crossprof.profile("{name}", {options})
def train():
    total = 0
    for number in crossprof.steps(range(40){sizes}):
        total += number
        {during}
        time.sleep(0.002)
    return total

{call}
"""
RESULT = "780\n"
SHORT = "schedule=(1, 2, 1, 3)"
TORCH = f'framework="torch", {SHORT}'
IMPORT_TORCH = "import torch\ndef work(): return float((torch.ones(16, 16) @ torch.ones(16, 16)).sum())"
GUARDED = """
try:
    print(train())
except KeyboardInterrupt:
    print("stopped")
except MemoryError as error:
    print(f"out of memory: {error}")
"""
NOTEBOOK = """
import code
kernel = code.InteractiveInterpreter({"crossprof": crossprof, "os": os, "signal": signal})
cell = '''
@crossprof.profile("notebook", schedule=(1, 2, 1, 3))
def train(stop, number):
    for step in crossprof.steps(range(40)):
        if step == stop: os.kill(os.getpid(), number)
    return 780
print(train(*arguments))
'''
for arguments in ((7, signal.SIGINT), (99, 0), (7, signal.SIGKILL)):
    kernel.locals["arguments"] = arguments
    kernel.runsource(cell, symbol="exec")
    sys.stdout.flush()
"""


@dataclass(frozen=True)
class Fault:
    """What is done to a process, and what must come of it."""

    during: str = "pass"
    before: str = ""
    call: str = "print(train())"
    sizes: str = ""
    options: str = SHORT
    code: int = 0
    out: str = RESULT
    statuses: tuple[str, ...] = ("completed",)
    steps: int = 40
    findings: frozenset[str] = frozenset()


def at_twenty(fault: str, code: int, status: str, finding: str, out: str = "") -> Fault:
    return Fault(
        f"if number == 20: {fault}",
        call=GUARDED,
        code=code,
        out=out,
        statuses=(status,),
        steps=20,
        findings=frozenset([finding]),
    )


SET_CLOCK = "shift[0] = {12: 3_600_000_000_000, 25: -86_400_000_000_000}.get(number, shift[0])"
FAULTS = {
    "none": Fault(),
    "SIGTERM": at_twenty("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "interrupted", "run_interrupted"),
    "SIGINT": at_twenty("os.kill(os.getpid(), signal.SIGINT)", 0, "interrupted", "run_interrupted", "stopped\n"),
    "SIGKILL": at_twenty(
        "os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "killed", "recording_killed"
    ),  # the OOM killer's
    "_exit": at_twenty("os._exit(9)", 9, "killed", "recording_killed"),
    "MemoryError": at_twenty("raise MemoryError('no room')", 0, "failed", "run_failed", "out of memory: no room\n"),
    "exit": at_twenty("sys.exit(4)", 4, "failed", "run_failed"),
    "fork": Fault("if number == 9 and not os.fork(): list(crossprof.steps(range(9))); os._exit(0)"),
    # The host's clock an hour ahead, and a day back: faked in the process, since setting it would disturb the machine.
    "clock": Fault(
        SET_CLOCK,
        before="real, shift = time.time_ns, [0]\ntime.time_ns = lambda: real() + shift[0]",
        findings=frozenset(["clock_set"]),
    ),
    "callback": Fault(sizes=", samples=lambda item: 1 / 0, tokens=lambda item: 3", findings=frozenset(["size_unknown"])),
    # The same cell three times in one interpreter: interrupted, whole, and cut off by the death of the kernel.
    "notebook": Fault(
        call=NOTEBOOK,
        code=-signal.SIGKILL,
        statuses=("interrupted", "completed", "killed"),
        steps=7 + 40 + 7,
        findings=frozenset(["run_interrupted", "recording_killed"]),
    ),
}


@dataclass
class Outcome:
    """How a process ended, and what the store says of its runs."""

    code: int
    out: str
    err: str
    statuses: tuple[str, ...] = ()
    steps: int = 0
    shortest_ns: int = 0
    longest_ns: int = 0
    findings: dict[str, str] = field(default_factory=dict)


def run(name: str, fault: Fault, store: Path) -> Outcome:
    parts = {part: getattr(fault, part) for part in ("before", "during", "call", "options", "sizes")}
    return run_python(SCRIPT.format(name=name, **parts), store)


def run_python(code: str, store: Path, *, file: Path | None = None) -> Outcome:
    environment = {**os.environ, "CROSSPROF_STORE": str(store), "CROSSPROF_INGEST": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(file)] if file else [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def read(store: Path, outcomes: dict[str, Outcome]) -> None:
    """Ingest the store, and add what it says of the runs of each name."""
    import crossprof

    assert main(["ingest", str(store / "recordings"), "--store", str(store)]) == 0
    with crossprof.open(store) as opened:
        for name, outcome in outcomes.items():
            of_name = "join run using (run_id) where run.run = ?"
            runs = opened.arrow("select status from run where run = ? order by started_ns", [name]).to_pylist()
            outcome.statuses = tuple(row["status"] for row in runs)
            times = f"select count(*) as steps, min(dur_ns) as least, max(dur_ns) as most from step {of_name}"
            (row,) = opened.arrow(times, [name]).to_pylist()
            outcome.steps, outcome.shortest_ns, outcome.longest_ns = row["steps"], row["least"] or 0, row["most"] or 0
            found = opened.arrow("select code, detail from finding where run = ?", [name]).to_pylist()
            outcome.findings = {row["code"]: row["detail"] for row in found}


def alone(fault: Fault, store: Path) -> Outcome:
    outcome = run("alone", fault, store)
    read(store, {"alone": outcome})
    return outcome


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """All faults that need no profiler, in a store that they share."""
    store = tmp_path_factory.mktemp("chaos") / "store"
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(FAULTS, pool.map(lambda name: run(name, FAULTS[name], store), FAULTS), strict=True))
    read(store, found)
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_the_result_stays_and_a_finding_says_what_happened(outcomes: dict[str, Outcome], name: str) -> None:
    outcome, fault = outcomes[name], FAULTS[name]
    assert (outcome.code, outcome.out) == (fault.code, fault.out), outcome.err
    assert (outcome.statuses, outcome.steps) == (fault.statuses, fault.steps)
    expected = {"no_framework"} if fault.findings <= {"clock_set", "size_unknown"} else set()
    assert outcome.findings.keys() >= fault.findings | expected
    if fault == Fault():
        assert (set(outcome.findings), outcome.err) == ({"no_framework"}, "")


def test_no_step_is_longer_or_shorter_for_a_clock_that_is_set(outcomes: dict[str, Outcome]) -> None:
    clock = outcomes["clock"]
    assert "set by +3600.0" in clock.findings["clock_set"]
    assert clock.shortest_ns >= 2_000_000
    assert clock.longest_ns < 10_000_000_000


def test_a_callback_that_raises_is_named(outcomes: dict[str, Outcome]) -> None:
    assert "ZeroDivisionError" in outcomes["callback"].findings["size_unknown"]


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
