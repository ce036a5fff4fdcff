"""What HTA, TraceLens, the TensorBoard plugin and xprof say of every real capture, against what we say that they say.

Where the two differ, EXPLAINED names the defect of the tool that we do not repeat. With it, a plain reading of the events
gives the tool's figure; without it, ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import naive_peers
import peer_truth
import pytest
from peer_truth import EXPLAINED, REPAIRED, TRUTHS, Key, variant_of

from crossprof.ingest import ingest
from crossprof.store import Store

FEW = {"hta_nccl_a100", "torch_h100_bertsmall", "torch_mi300_bertsmall", "mi210_gpu_only", "param_linear_2080ti"}
FEW |= {"xp_tpu_v6e_inference", "xp_jax_mi300_gemm", "xp_tf221_cpu"}  # one of a kind: the others take `make slow`
ABSENT = [pytest.param("", marks=pytest.mark.skip("no real traces: set CROSSPROF_CORPUS to their folder"))]
# TraceLens ran with unlinked work only where there is some; HTA's shares are known of its defaults.
UNTOLD = {"tracelens_all"}
DERIVED = {"hta.busy_ratio", "hta.compute_ratio", "hta.busy_ratio_exact", "hta.compute_ratio_exact"} | {
    "tracelens.busy_ratio",
    "tracelens.busy_ratio_all",
}


def near(key: Key, value: float) -> Any:
    """0.1 %, or what the tool's last digit is worth: HTA and xprof tell shares in hundredths and tenths of a per cent."""
    digit = {"hta.busy_ratio": 6e-5, "hta.compute_ratio": 6e-5, "xprof.duty_cycle": 5.1e-4, "xprof.idle_ratio": 5.1e-4}
    return pytest.approx(value, rel=1e-3, abs=digit.get(key[2], 0.02 if key[2].startswith("tb.") else 1e-3))


def ours(name: str, store: Path) -> dict[Key, float]:
    """Our figures of a capture. On the way, the parts of each window are added up."""
    ingest([peer_truth.FOLDER / name], store=store, jobs=1)
    with Store(store) as opened:
        check_breakdown(opened)
        rows = opened.sql("SELECT rank, device_id, metric, if(unit = 'ns', value / 1000, value) FROM peer_metric").fetchall()
    return {(rank, device, metric): value for rank, device, metric, value in rows}


def check_breakdown(store: Store) -> None:
    """Every device with work has a row over its span, and the parts of each row add up to the nanosecond."""
    parts = "compute_ns + exposed_communication_ns + exposed_copy_ns + idle_ns"
    assert store.sql(f"SELECT * FROM breakdown WHERE {parts} <> window_ns OR idle_ns < 0").fetchall() == []
    working = "SELECT DISTINCT run_id, rank, device_id FROM kernel WHERE kind <> 'async' ORDER BY ALL"
    rows = store.sql("SELECT run_id, rank, device_id FROM breakdown WHERE step IS NULL ORDER BY ALL").fetchall()
    assert rows == store.sql(working).fetchall()


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in TRUTHS] or ABSENT
)
def test_a_capture(name: str, tmp_path: Path) -> None:
    told, found = peer_truth.told_by_tools(name), ours(name, tmp_path)
    explained = {variant for capture, variant in EXPLAINED if capture == name}
    for key, value in told.items():
        if variant_of(key[2]) not in explained:
            assert found.get(key) == near(key, value), key
    silent = {key for key in found.keys() - told.keys() if key[2] not in DERIVED}
    assert {variant_of(metric) for _, _, metric in silent} <= explained | UNTOLD
    for variant in explained:
        check_explained(name, variant, of_variant(found, variant), of_variant(told, variant))


def of_variant(values: dict[Key, float], variant: str) -> dict[str, float]:
    """The times of one tool and variant on rank 0, by their plain names."""
    suffix = variant.partition("_")[2]
    return {
        metric.partition(".")[2].removesuffix(f"_{suffix}"): value
        for (_, _, metric), value in values.items()
        if variant_of(metric) == variant and metric not in DERIVED
    }


def check_explained(name: str, variant: str, found: dict[str, float], told: dict[str, float]) -> None:
    path, defect = peer_truth.file_of(name), EXPLAINED[name, variant]
    assert found != close(told), "needs no explanation"
    assert REPAIRED[variant](naive_peers.read(path)) == close(found)
    if variant.startswith("hta"):  # HTA itself, on the file without what it trips over; it fails where no work is left
        failure = "IndexError" if not found else "AssertionError" if defect == "negative" else None
        assert peer_truth.HTA_REPAIRED[name][variant] == ({"error": failure} if failure else close(found))
    if defect in ("strays", "doubles"):
        assert REPAIRED[variant](naive_peers.read(path, defect)) == close(told)
    else:
        assert told == {}


def close(values: dict[str, float]) -> Any:
    return pytest.approx(values, rel=1e-3, abs=1e-3)


def test_hta_stops_where_rounding_leaves_less_than_nothing(tmp_path: Path) -> None:
    if "torch_h100_qwen15" not in TRUTHS:
        pytest.skip("no real traces: set CROSSPROF_CORPUS to their folder")
    default = TRUTHS["torch_h100_qwen15"]["hta"]["include_last_profiler_step=False"]
    assert default["temporal_breakdown"] == {"error": "AssertionError()"}
    assert ours("torch_h100_qwen15", tmp_path)[0, None, "hta.non_compute"] < 0
