"""A Kineto file of steps that are alike: 1000 us each, one kernel in the last 600 us, launched within its step."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

STEP_US, KERNEL_US = 1000, 600
START_US = 5_000_000


def write(path: Path, steps: int) -> Path:
    """Write that many steps to the path, as torch would."""
    events = [{"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "ts": START_US, "args": {"name": "python"}}]
    for number in range(steps):
        events += _step(number)
    properties = [{"id": 0, "name": "NVIDIA A100", "computeMajor": 8, "computeMinor": 0, "numSms": 108}]
    document = {"schemaVersion": 1, "deviceProperties": properties, "distributedInfo": {"rank": 0}, "traceEvents": events}
    path.write_text(json.dumps(document, indent=1))
    return path


def _step(number: int) -> list[dict[str, Any]]:
    start = START_US + number * STEP_US
    host, launch = {"ph": "X", "pid": 1, "tid": 1}, {"correlation": number + 1, "External id": 2 * number + 2}
    mark = {"name": f"ProfilerStep#{number}", "cat": "user_annotation", "ts": start, "dur": STEP_US}
    operator = {"name": "aten::mm", "cat": "cpu_op", "ts": start + 100, "dur": 200}
    call = {"name": "cudaLaunchKernel", "cat": "cuda_runtime", "ts": start + 150, "dur": 20}
    kernel = {"name": "sgemm_128x64", "cat": "kernel", "ts": start + STEP_US - KERNEL_US, "dur": KERNEL_US}
    return [
        {**host, **mark, "args": {"External id": 2 * number + 1}},
        {**host, **operator, "args": {"External id": 2 * number + 2}},
        {**host, **call, "args": launch | {"cbid": 211}},
        {"ph": "X", "pid": 0, "tid": 7, **kernel, "args": launch | {"device": 0, "stream": 7, "context": 1}},
    ]


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
