"""Faults injected into real training processes: the result stays, what was recorded is read, and a finding says what happened.

Each fault has a process of its own; all share a store and an ingest. Those of profilers and disks are in test_chaos_windows.py.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.collectors.chaos import Fault, Outcome, read, run

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
