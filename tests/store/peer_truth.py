"""What other tools themselves said of every real capture, and why some of it is not what our rules for them give.

HTA, TraceLens and xprof are quoted from the truth.json beside each capture, the TensorBoard plugin from what
benchmarks/tensorboard_plugin.py wrote. HTA_REPAIRED is what HTA says once its defects are taken out of a file, as
benchmarks/hta_repaired.py wrote it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import naive_peers

__all__ = [
    "DEFECTS",
    "EXPLAINED",
    "FOLDER",
    "HTA_REPAIRED",
    "PLUGIN",
    "REPAIRED",
    "TRUTHS",
    "Key",
    "file_of",
    "told_by_tools",
    "variant_of",
]

Key = tuple[int, int | None, str]  # rank, device, id of the metric; times are in microseconds

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or HERE.parents[1].parent / "shared" / "traces")
TRUTHS = {path.parent.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/truth.json"))}
HTA_REPAIRED = json.loads((HERE / "hta_repaired.json").read_text())
PLUGIN = json.loads((HERE / "tensorboard_plugin.json").read_text())
DEFECTS = {
    "strays": "HTA takes events of the host that carry a stream for GPU work: launches of Triton, stream syncs, events of MTIA",
    "doubles": "HTA and TraceLens keep times as 64-bit floats, which step by 0.25 us at the 19 digits of this file",
    "flows": "TraceLens needs arrows from launch to work and categories in lower case; files of 2021 have neither",
    "array": "HTA and TraceLens fail on a file that is one array",
    "negative": "HTA stops with an assertion, since rounding leaves its non_compute below 0",
}
EXPLAINED = {
    ("hta_alexnet_a100", "hta"): "strays",
    ("hta_alexnet_a100", "hta_exact"): "strays",
    ("hta_mtia_inference", "hta"): "strays",
    ("hta_mtia_inference", "hta_exact"): "strays",
    ("hta_triton_example", "hta"): "strays",
    ("hta_triton_example", "hta_exact"): "strays",
    ("mi300_compile_triton", "hta"): "strays",
    ("mi300_compile_triton", "hta_exact"): "strays",
    ("torch_b200_eager", "hta"): "strays",
    ("torch_b200_eager", "hta_exact"): "strays",
    ("kineto_resnet50_nw0", "tracelens"): "flows",
    ("hta_ns_resolution_v100", "hta"): "doubles",
    ("hta_ns_resolution_v100", "tracelens"): "doubles",
    ("hta_ns_resolution_v100", "tracelens_all"): "doubles",
    ("kineto_old2021_nw4", "hta"): "array",
    ("kineto_old2021_nw4", "hta_exact"): "array",
    ("kineto_old2021_nw4", "tracelens"): "array",
    ("torch_h100_qwen15", "hta"): "negative",
}
REPAIRED: dict[str, Callable[[naive_peers.Trace], dict[str, float]]] = {
    "hta": lambda trace: naive_peers.hta(trace, is_exact=False),
    "hta_exact": lambda trace: naive_peers.hta(trace, is_exact=True),
    "tracelens": lambda trace: naive_peers.tracelens(trace, has_unlinked=False),
    "tracelens_all": lambda trace: naive_peers.tracelens(trace, has_unlinked=True),
}
_VARIANTS = {
    "hta": "hta_default",
    "hta_exact": "hta_incl_last_step_no_rounding",
    "tracelens": "tracelens_default",
    "tracelens_all": "tracelens_incl_unlinked",
}


def file_of(name: str) -> Path:
    """The one trace of a capture."""
    [path] = [path for path in (FOLDER / name).iterdir() if path.name != "truth.json"]
    return path


def variant_of(metric: str) -> str:
    """The tool and the options that a metric belongs to: hta, hta_exact, tracelens, tracelens_all, tb or xprof."""
    tool, _, number = metric.partition(".")
    return tool + next((suffix for suffix in ("_exact", "_all") if number.endswith(suffix)), "")


def told_by_tools(name: str) -> dict[Key, float]:
    """Every figure that is known of a capture."""
    cross_check = TRUTHS[name].get("cross_check")
    if isinstance(cross_check, list):
        return _of_kineto(name, cross_check)
    return _of_xplane(TRUTHS[name]) if isinstance(cross_check, dict) else {}


def _of_kineto(name: str, ranks: list[dict[str, Any]]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for row in ranks:
        rank = row["rank"]
        for variant, key in _VARIANTS.items():
            tool, _, suffix = variant.partition("_")
            for number, value in row.get(key, {}).items():
                found[rank, None, f"{tool}.{number}{'_' + suffix if suffix else ''}"] = value
        for number, value in PLUGIN[f"{name}/{rank}"]["repaired"].items():
            number, _, device = number.partition("/")  # noqa: PLW2901
            found[rank, int(device) if device else None, f"tb.{number}"] = value
    shares = TRUTHS[name]["hta"]["include_last_profiler_step=False"].get("temporal_breakdown")
    for row in shares if isinstance(shares, list) else []:
        found[row["rank"], None, "hta.compute_ratio"] = row["compute_time_pctg"] / 100
        found[row["rank"], None, "hta.busy_ratio"] = 1 - row["idle_time_pctg"] / 100
    return found


def _of_xplane(truth: dict[str, Any]) -> dict[Key, float]:
    check, results = truth["cross_check"], truth["xprof"]["results"]
    facts = results["overview_page"]["json"][0]["p"]
    told: dict[str, float] = {
        "kernel_count": check["xprof_kernel_stats_occurrences"],
        "kernel_time": check["xprof_kernel_stats_total_us"],
        "hlo_time": _hlo_time(results["hlo_stats"]["json"]),
        "duty_cycle": float(facts.get("device_duty_cycle_percent", "0%").rstrip("%")) / 100,
        "idle_ratio": float(facts.get("device_idle_time_percent", "0%").rstrip("%")) / 100,
    }
    found: dict[Key, float] = {(0, None, f"xprof.{number}"): value for number, value in told.items() if value}
    timeline = truth["tracelens"]["gpu_timeline"]
    for row in timeline if isinstance(timeline, list) else []:  # else an error: no GPU in the file
        found[0, int(row["gpu_pid"]) - 1, f"tracelens.{row['type']}"] = row["time ms"] * 1000
    return found


def _hlo_time(table: dict[str, Any]) -> float:
    names = [column["id"] for column in table["cols"]]
    return sum(float(row["c"][names.index("total_time")]["v"]) for row in table["rows"])
