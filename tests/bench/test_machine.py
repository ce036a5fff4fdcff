"""What the machine is busy with, as the runs say it."""

import json
import os
import subprocess
import sys

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


SEEN = """
import json, sys
from crossprof.bench.machine import Machine, state
here = Machine.here()
json.dump({"gpus": here.gpus, "ranks": here.ranks(), "tags": state().tags()}, sys.stdout)
"""


def test_a_gpu_is_seen_with_its_clocks_and_with_what_others_do_on_it(fake_nvml):
    visible = {"LD_LIBRARY_PATH": str(fake_nvml), "CUDA_VISIBLE_DEVICES": "0,1"}
    done = subprocess.run([sys.executable, "-c", SEEN], env=os.environ | visible, check=True, capture_output=True, timeout=60)
    seen = json.loads(done.stdout)
    assert (seen["gpus"], seen["ranks"]) == ([8 << 30] * 2, [1, 2])
    tags = {name: value for name, value in seen["tags"].items() if "gpu" in name and not name.endswith("_1")}
    assert tags == {
        "gpu_clock_hz": "1980000000",
        "gpu_celsius": "45",
        "gpu_throttle": "1",
        "gpu_busy": "0.75",
        "gpu_used_bytes": "1073741824",
    }
    assert seen["tags"]["machine"] == "loaded"
    assert float(seen["tags"]["busy_before"]) >= 0.75, "by the GPU, if not by the processors"
    assert seen["tags"]["gpu_clock_hz_1"] == "1980000000"
