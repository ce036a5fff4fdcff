"""What HTA, TraceLens, the TensorBoard plugin and xprof say of every real capture, against what we say that they say.

Where the two differ, EXPLAINED names the row of the reference (traces.md, section 7) that says why. With the defect, a plain
reading of the events gives the tool's figure; without it, ours. Figures of the plugin are those of
benchmarks/tensorboard_plugin.py.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import naive_peers
import pytest

from crossprof.ingest import ingest
from crossprof.store import Store

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
TRUTHS = {path.parent.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/truth.json"))}
KINETO = [name for name, truth in TRUTHS.items() if isinstance(truth.get("cross_check"), list)]
PLUGIN = json.loads((Path(__file__).parent / "tensorboard_plugin.json").read_text())
XPLANE = [name for name, truth in TRUTHS.items() if isinstance(truth.get("cross_check"), dict)]
OTHERS = [name for name in ("nsys_nsysai_h100_2gpu_1s", "rocprof_908_results") if (FOLDER / name).is_dir()]
ABSENT = [pytest.param("", marks=pytest.mark.skip("no real traces: set CROSSPROF_CORPUS to their folder"))]


class Cause(NamedTuple):
    """Why a tool's figures differ: the row of section 7, and what goes wrong. `silent`: the tool fails, and gives none."""

    row: int
    defect: str


EXPLAINED = {
    ("hta_alexnet_a100", "hta"): Cause(3, "strays"),  # 41 Stream Sync events
    ("hta_alexnet_a100", "hta_exact"): Cause(3, "strays"),
    ("hta_mtia_inference", "hta"): Cause(3, "strays"),  # mtia_ccp_events; there is no kernel
    ("hta_mtia_inference", "hta_exact"): Cause(3, "strays"),
    ("hta_triton_example", "hta"): Cause(3, "strays"),
    ("hta_triton_example", "hta_exact"): Cause(3, "strays"),
    ("mi300_compile_triton", "hta"): Cause(3, "strays"),
    ("mi300_compile_triton", "hta_exact"): Cause(3, "strays"),
    ("torch_b200_eager", "hta"): Cause(3, "strays"),
    ("torch_b200_eager", "hta_exact"): Cause(3, "strays"),
    ("kineto_resnet50_nw0", "tracelens"): Cause(5, "silent"),  # no arrows, and the categories of 2021
    ("hta_ns_resolution_v100", "hta"): Cause(11, "doubles"),
    ("hta_ns_resolution_v100", "tracelens"): Cause(11, "doubles"),
    ("hta_ns_resolution_v100", "tracelens_all"): Cause(11, "doubles"),
    ("hta_ns_resolution_v100", "tb"): Cause(11, "doubles"),
    ("kineto_old2021_nw4", "tb"): Cause(12, "silent"),
    ("kineto_old2021_nw4", "hta"): Cause(12, "silent"),  # the top level is an array
    ("kineto_old2021_nw4", "hta_exact"): Cause(12, "silent"),
    ("kineto_old2021_nw4", "tracelens"): Cause(12, "silent"),
    ("torch_h100_qwen15", "hta"): Cause(12, "silent"),  # its assertion: non_compute is below 0
}
VARIANTS = {
    "hta": "hta_default",
    "hta_exact": "hta_incl_last_step_no_rounding",
    "tracelens": "tracelens_default",
    "tracelens_all": "tracelens_incl_unlinked",
}
REPAIRED: dict[str, Callable[[naive_peers.Trace], dict[str, float]]] = {
    "hta": lambda trace: naive_peers.hta(trace, is_exact=False),
    "hta_exact": lambda trace: naive_peers.hta(trace, is_exact=True),
    "tracelens": lambda trace: naive_peers.tracelens(trace, has_unlinked=False),
    "tracelens_all": lambda trace: naive_peers.tracelens(trace, has_unlinked=True),
}


def near(values: dict[str, float]) -> Any:
    return pytest.approx(values, rel=1e-3, abs=1e-3)


def told(folder: Path, store: Path) -> dict[tuple[int, int | None], dict[str, float]]:
    """Our figures in microseconds, counts or shares, by rank and device. On the way, the parts of each window are added up."""
    ingest([folder], store=store, jobs=1)
    with Store(store) as opened:
        check_breakdown(opened)
        rows = opened.sql("SELECT rank, device_id, metric, if(unit = 'ns', value / 1000, value) FROM peer_metric").fetchall()
    found: dict[tuple[int, int | None], dict[str, float]] = {}
    for rank, device, metric, value in rows:
        found.setdefault((rank, device), {})[metric] = value
    return found


def check_breakdown(store: Store) -> None:
    """Every device with work has a row over its span, and the parts of each row add up to the nanosecond."""
    parts = "compute_ns + exposed_communication_ns + exposed_copy_ns + idle_ns"
    assert store.sql(f"SELECT * FROM breakdown WHERE {parts} <> window_ns OR idle_ns < 0").fetchall() == []
    working = "SELECT DISTINCT run_id, rank, device_id FROM kernel WHERE kind <> 'async' ORDER BY ALL"
    rows = store.sql("SELECT run_id, rank, device_id FROM breakdown WHERE step IS NULL ORDER BY ALL").fetchall()
    assert rows == store.sql(working).fetchall()


def of_variant(values: dict[str, float], variant: str) -> dict[str, float]:
    """The times of one tool and variant, by their plain names."""
    found = [(value, re.fullmatch(r"(\w+)\.(\w+?)(_exact|_all)?", name)) for name, value in values.items()]
    own = {parts[2]: value for value, parts in found if parts and parts[1] + (parts[3] or "") == variant}
    return {name: value for name, value in own.items() if not name.endswith("_ratio")}  # shares of these times


@pytest.mark.parametrize("name", KINETO or ABSENT)
def test_a_kineto_capture(name: str, tmp_path: Path) -> None:
    ours = told(FOLDER / name, tmp_path)
    for row in TRUTHS[name]["cross_check"]:
        for variant, key in VARIANTS.items():
            figures = of_variant(ours.get((row["rank"], None), {}), variant)
            theirs = row.get(key, {})
            if (name, variant) in EXPLAINED:
                check_explained(name, variant, figures, theirs)
            elif theirs or variant != "tracelens_all":  # run only where it differs from the default
                assert figures == near(theirs), (row["rank"], variant)
        check_plugin(name, row["rank"], ours)


def check_plugin(name: str, rank: int, ours: dict[tuple[int, int | None], dict[str, float]]) -> None:
    figures = {
        metric[3:] if device is None else f"{metric[3:]}/{device}": value
        for (its_rank, device), values in ours.items()
        for metric, value in values.items()
        if its_rank == rank and metric.startswith("tb.")
    }
    theirs = PLUGIN[f"{name}/{rank}"]["repaired"]
    if EXPLAINED.get((name, "tb"), Cause(0, "")).defect == "silent":
        assert (theirs, figures["gpu_utilization/0"] > 0.5) == ({}, True)
    else:  # times of 19 digits step by 0.25 us as doubles: too much for 0.1 % of the shortest ones
        assert figures == pytest.approx(theirs, rel=6e-3 if (name, "tb") in EXPLAINED else 1e-3, abs=0.02)


def check_explained(name: str, variant: str, ours: dict[str, float], theirs: dict[str, float]) -> None:
    [path] = [path for path in (FOLDER / name).iterdir() if path.name != "truth.json"]
    defect = EXPLAINED[name, variant].defect
    assert ours != near(theirs), "needs no explanation"
    assert REPAIRED[variant](naive_peers.read(path)) == near(ours)
    if defect != "silent":
        assert REPAIRED[variant](naive_peers.read(path, defect)) == near(theirs)
    else:
        assert theirs == {}


def test_hta_stops_where_rounding_leaves_less_than_nothing(tmp_path: Path) -> None:
    if "torch_h100_qwen15" not in TRUTHS:
        pytest.skip("no real traces: set CROSSPROF_CORPUS to their folder")
    assert TRUTHS["torch_h100_qwen15"]["hta"]["include_last_profiler_step=False"]["temporal_breakdown"] == {
        "error": "AssertionError()"
    }
    assert told(FOLDER / "torch_h100_qwen15", tmp_path)[0, None]["hta.non_compute"] < 0


@pytest.mark.parametrize("name", XPLANE or ABSENT)
def test_an_xplane_capture(name: str, tmp_path: Path) -> None:
    truth = TRUTHS[name]
    ours, theirs = told(FOLDER / name, tmp_path), truth["cross_check"]
    whole = ours.get((0, None), {})
    assert whole.get("xprof.kernel_count", 0) == theirs["xprof_kernel_stats_occurrences"]
    assert whole.get("xprof.kernel_time", 0) == pytest.approx(theirs["xprof_kernel_stats_total_us"], rel=1e-3)
    assert whole.get("xprof.hlo_time", 0) == pytest.approx(hlo_time(truth), rel=1e-3)
    for metric, fact in (("duty_cycle", "device_duty_cycle_percent"), ("idle_ratio", "device_idle_time_percent")):
        assert whole.get(f"xprof.{metric}", 0) == pytest.approx(
            overview(truth, fact), abs=5.1e-4
        )  # told in tenths of a per cent
    timelines: dict[int, dict[str, float]] = {}
    if isinstance(truth["tracelens"]["gpu_timeline"], list):  # else an error: no GPU in the file
        for row in truth["tracelens"]["gpu_timeline"]:
            timelines.setdefault(int(row["gpu_pid"]) - 1, {})[row["type"]] = row["time ms"] * 1000
    by_device = {device: of_variant(values, "tracelens") for (_, device), values in ours.items() if device is not None}
    assert by_device.keys() == timelines.keys()
    for device, timeline in timelines.items():
        assert by_device[device] == near(timeline)


def hlo_time(truth: dict[str, Any]) -> float:
    table = truth["xprof"]["results"]["hlo_stats"]["json"]
    names = [column["id"] for column in table["cols"]]
    return sum(float(row["c"][names.index("total_time")]["v"]) for row in table["rows"])


def overview(truth: dict[str, Any], fact: str) -> float:
    facts = truth["xprof"]["results"]["overview_page"]["json"][0]["p"]
    return float(facts.get(fact, "0%").rstrip("%")) / 100  # no GPU has one


@pytest.mark.parametrize("name", OTHERS or ABSENT)
def test_a_breakdown_of_a_capture_that_no_other_tool_reads(name: str, tmp_path: Path) -> None:
    assert told(FOLDER / name, tmp_path) == {}
