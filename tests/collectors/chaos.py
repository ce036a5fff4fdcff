"""A process with a fault in it: what is done to it, how it ends, and what the store says of its runs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

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
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it would write too
    environment = {**inherited, "CROSSPROF_STORE": str(store), "CROSSPROF_INGEST": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
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
