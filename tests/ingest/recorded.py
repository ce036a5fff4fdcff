"""Run folders as the collectors write them, small enough to check by hand."""

import json
import os
from pathlib import Path
from typing import Any

BASE = 1_700_000_000_000_000_000
MS = 1_000_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
DEAD_PID = 2**22 + 1  # above any pid that Linux gives out

KINETO = {
    "schemaVersion": 1,
    "baseTimeNanoseconds": BASE,
    "deviceProperties": [],
    "traceEvents": [
        {
            "ph": "X",
            "cat": "cpu_op",
            "name": "aten::mm",
            "pid": 1,
            "tid": 1,
            "ts": 3100.0,
            "dur": 200.0,
            "args": {"External id": 1},
        },
        {
            "ph": "X",
            "cat": "user_annotation",
            "name": "ProfilerStep#9",
            "pid": 1,
            "tid": 1,
            "ts": 3000.0,
            "dur": 900.0,
            "args": {},
        },
    ],
}


def document(**more: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "crossprof_version": "0.1.0",
        "run_id": "20261123-bert",
        "run": "bert",
        "status": "completed",
        "rank": 0,
        "local_rank": 0,
        "world_size": 1,
        "framework": "torch",
        "framework_version": "2.13.0",
        "versions": {"torch": "2.13.0"},
        "model": "bert-base",
        "precision": "bf16",
        "batch_size": 32,
        "config": {"lr": 0.1},
        "tags": {"team": "nlp"},
        "started_ns": BASE,
        "ended_ns": BASE + 10 * MS,
        "host": {"name": "node-1", "boot_id": BOOT_ID, "cpu_count": 8},
        "process": {"pid": DEAD_PID, "python_version": "3.11.9"},
        "devices": [
            {"device_id": -1, "kind": "cpu", "model": "EPYC", "uuid": None, "source": "framework"},
            {"device_id": 0, "kind": "gpu", "vendor": "NVIDIA", "model": "H100", "uuid": "GPU-a", "source": "framework"},
        ],
        "git": {"commit": "abc", "is_dirty": True, "branch": "main"},
        "environment": {"OMP_NUM_THREADS": "8"},
        "options_requested": {"record_shapes": True},
        "options_effective": {"record_shapes": True},
        "units": {"hw.gpu.utilization": "1", "process.memory.usage": "By", "system.cpu.utilization": "1"},
        "captures": [
            {
                "capture": 0,
                "state": "complete",
                "start_dur_ns": 5,
                "stop_dur_ns": 7,
                "export_dur_ns": 9,
                "files": ["capture-0/trace.json"],
            }
        ],
        "sampler": {"cpu_ratio": 0.01},
        "findings": [],
        **more,
    }


def step(number: int, state: str = "bare", capture: int | None = None) -> dict[str, Any]:
    start = BASE + number * MS
    return {
        "step": number,
        "start_ns": start,
        "end_ns": start + MS,
        "state": state,
        "capture": capture,
        "samples": 32,
        "tokens": None,
    }


STEPS = [step(0, "unmeasured"), step(1), step(2, "warmup", 0), step(3, "profiled", 0)]
SAMPLES = [
    {"at_ns": BASE, "perf_ns": 1, "cost_ns": 1, "source": "nvml", "device": "GPU-a", "values": {"hw.gpu.utilization": 0.5}},
    {"at_ns": BASE, "perf_ns": 1, "cost_ns": 1, "source": "psutil", "device": None, "values": {"process.memory.usage": 5e9}},
    {"at_ns": BASE, "perf_ns": 1, "cost_ns": 1, "source": "psutil", "device": None, "values": {"system.cpu.utilization": None}},
]


def run_folder(recordings: Path, *, trace: str | None = json.dumps(KINETO), **more: Any) -> Path:
    """A run folder under recordings/; a keyword replaces a key of run.json."""
    facts = document(**more)
    folder = recordings / facts["run_id"] / f"rank-{facts['rank']}"
    (folder / "capture-0").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in STEPS))
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in SAMPLES))
    if trace is not None:
        (folder / "capture-0" / "trace.json").write_text(trace)
    return folder


def alive() -> dict[str, Any]:
    """The process of a recording that still runs: this one."""
    return {"pid": os.getpid(), "python_version": "3.11.9"}
