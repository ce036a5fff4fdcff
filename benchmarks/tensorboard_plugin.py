"""What the TensorBoard plugin of PyTorch says of Kineto files: its own figures, and those without its known defects, as JSON.

    .venv-bench/bin/python benchmarks/tensorboard_plugin.py FOLDER > tests/store/tensorboard_plugin.json

The last release, torch-tb-profiler 0.4.3, does not know `cuda_runtime`, takes annotations of the user for nothing, takes
marks and ranges that are projected onto a GPU for events of the host, keeps times as doubles and fails on a file that is
one array. `repaired` is the same program with the first two as in its last source, without the projections, on a file whose
times count from its first event. Files are named by folder and rank, times are microseconds of a mean step, shares are of 1.
"""

from __future__ import annotations

import gzip
import json
import logging
import sys
import tempfile
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

from torch_tb_profiler.profiler import trace
from torch_tb_profiler.profiler.data import RunProfileData
from torch_tb_profiler.profiler.event_parser import ProfileRole

RUNTIMES = ("cuda_runtime", "mtia_runtime", "glow_runtime", "xpu_runtime", "privateuse1_runtime")
NAMES = {
    ProfileRole.Kernel: "kernel_time",
    ProfileRole.Memcpy: "memcpy_time",
    ProfileRole.Memset: "memset_time",
    ProfileRole.Communication: "communication_time",
    ProfileRole.Runtime: "runtime_time",
    ProfileRole.DataLoader: "data_loader_time",
    ProfileRole.CpuOp: "cpu_exec_time",
    ProfileRole.Other: "other_time",
    ProfileRole.Total: "step_time",
}
RELEASED = trace.create_trace_event


def repaired(event: dict[str, Any], is_pytorch_lightning: bool) -> Any:
    """An event of the plugin, as its last source makes it, projections onto a GPU left out."""
    category = event.get("cat", "").lower()
    if category == "gpu_user_annotation":
        return None
    if category in RUNTIMES:
        return trace.DurationEvent(trace.EventTypes.RUNTIME, event)
    if category == "user_annotation" and not event["name"].startswith("ProfilerStep#"):
        return trace.OperatorEvent(trace.EventTypes.USER_ANNOTATION, event)
    return RELEASED(event, is_pytorch_lightning)


def rebased(path: Path, folder: str) -> Path:
    """A copy of the file whose times count from its first event: doubles hold those to far below a nanosecond."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        document = json.load(file, parse_float=Decimal)
    document = {"traceEvents": document} if isinstance(document, list) else document
    begin = min(event["ts"] for event in document["traceEvents"] if event.get("ph") == "X")
    for event in document["traceEvents"]:
        if "ts" in event:
            event["ts"] -= begin
    copy = Path(folder) / "rebased.json"
    copy.write_text(json.dumps(document, default=float), encoding="utf-8")
    return copy


def figures(path: Path, *, is_repaired: bool) -> dict[str, Any]:
    """The overview of one file; nothing where the plugin fails or has no time at all."""
    trace.create_trace_event = repaired if is_repaired else RELEASED
    with tempfile.TemporaryDirectory() as cache:
        try:
            told = RunProfileData.parse("worker", "0", str(rebased(path, cache) if is_repaired else path), cache)
        except TypeError:
            return {}
    costs = told.avg_costs.costs
    if costs[ProfileRole.Total] < 0:  # the end of no operator less the start of none
        return {}
    gpus = told.gpu_metrics_parser
    found = {name: round(float(costs[role]), 3) for role, name in NAMES.items()}
    for gpu in map(int, gpus.gpu_ids):
        shares = {
            "gpu_utilization": gpus.gpu_utilization[gpu],
            "est_sm_efficiency": gpus.avg_approximated_sm_efficiency_per_device[gpu],
            "est_achieved_occupancy": gpus.avg_occupancy_per_device[gpu] and gpus.avg_occupancy_per_device[gpu] / 100,
        }
        found |= {f"{name}/{gpu}": round(value, 9) for name, value in shares.items() if value is not None}
    return found


def main(folder: Path) -> None:
    """Print what both say of every Kineto file under the folder that has a truth beside it."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {}
    for truth in sorted(folder.glob("*/truth.json")):
        ranks = json.loads(truth.read_text()).get("cross_check")
        for row in ranks if isinstance(ranks, list) else []:
            [path] = [
                path
                for path in truth.parent.glob("*.json*")
                if path != truth and (len(ranks) == 1 or f"_{row['rank']}." in path.name)
            ]
            both = {"released": figures(path, is_repaired=False), "repaired": figures(path, is_repaired=True)}
            found[f"{truth.parent.name}/{row['rank']}"] = both
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
