"""The analyses of the timeline on real captures, against plain readings of the same files and against HTA's figures."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from crossprof.ingest import ingest
from crossprof.store import Store

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
CASES = (
    "hta_nccl_a100",
    "hta_ns_resolution_v100",
    "torch_h100_qwen15",
    "torch_mi300_qwen15",
    "sglang_decode",
    "megatron_tp8_a100",
)
LARGE = {"hta_ns_resolution_v100", "megatron_tp8_a100"}
# Of each stream, us: host wait, and the rest. `get_idle_time_breakdown` of traceinsight 0.6.1 with
# include_last_profiler_step=True and HTA_DISABLE_NS_ROUNDING=1.
HTA_IDLE = {"hta_nccl_a100": {"7": (540091.32, 2150.34), "40": (583924.26, 0.0)}}
# Rows, mean duration of a call and mean delay from its end, us: `get_cuda_kernel_launch_stats` of the same.
HTA_LAUNCHES = {"hta_nccl_a100": (3774, 9.503120, 27.342938)}

pytestmark = pytest.mark.skipif(not (FOLDER / CASES[0]).is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Store]:
    root = tmp_path_factory.mktemp("store")

    def of(name: str) -> Store:
        ingest([FOLDER / name], store=root / name, jobs=1)
        return Store(root / name)

    return of


def events(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    document = json.loads(text.decode(errors="replace"), parse_float=Decimal, strict=False)
    return [event for event in document["traceEvents"] if event.get("ph") == "X" and "dur" in event]


def ns(us: Any) -> int:
    return round(Decimal(us) * 1000)


def work_of(path: Path) -> list[tuple[int, int, str, int | None]]:
    """Start, end, stream and start of the launch of each piece of device work, by start."""
    launches: dict[int, tuple[bool, int]] = {}
    found = events(path)
    for event in found:
        if event.get("cat") in ("cuda_runtime", "cuda_driver") and "correlation" in event.get("args", {}):
            is_other = not any(word in event["name"].lower() for word in ("launch", "memcpy", "memset"))
            call = (is_other, ns(event["ts"]))
            launches[event["args"]["correlation"]] = min(call, launches.get(event["args"]["correlation"], call))
    return sorted(
        (
            (
                ns(event["ts"]),
                ns(event["ts"] + event["dur"]),
                str(event["args"].get("stream")),
                launches.get(event["args"].get("correlation"), (False, None))[1],
            )
            for event in found
            if event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")
        ),
        key=lambda one: one[0],
    )


def first_file(name: str) -> Path:
    return next(path for path in sorted((FOLDER / name).iterdir()) if path.name != "truth.json")


@pytest.mark.parametrize("name", [name if name not in LARGE else pytest.param(name, marks=pytest.mark.slow) for name in CASES])
def test_idle_causes_are_those_of_a_plain_reading(name: str, stored: Callable[[str], Store]) -> None:
    work = work_of(first_file(name))
    together = {start: list(group) for start, group in groupby(work, key=lambda one: one[0])}
    late = launching = waiting = unknown = 0
    end = work[0][1]
    for start, starting in together.items():
        if start > end:
            launches = [one[3] for one in starting]
            known = [launch for launch in launches if launch is not None]
            begun = min([*known, start])
            if len(known) < len(launches):
                unknown += start - end
            elif min(known) > end:
                late += begun - end
                launching += start - begun
            else:
                waiting += start - end
        end = max(end, *(one[1] for one in starting))
    with stored(name) as store:
        (found,) = store.sql("""
            SELECT host_wait_ns + sync_wait_ns + input_wait_ns, launch_wait_ns, kernel_wait_ns, unknown_ns, idle_ns
            FROM idle_cause
            WHERE step IS NULL AND rank = 0
        """).fetchall()
    assert found == (late, launching, waiting, unknown, late + launching + waiting + unknown)


@pytest.mark.parametrize("name", [name if name not in LARGE else pytest.param(name, marks=pytest.mark.slow) for name in CASES])
def test_idle_causes_add_up_in_every_step(name: str, stored: Callable[[str], Store]) -> None:
    with stored(name) as store:
        rows = store.sql("""
            SELECT idle_cause.idle_ns - breakdown.idle_ns, idle_cause.idle_ns - host_wait_ns - sync_wait_ns - input_wait_ns
                - launch_wait_ns - kernel_wait_ns - unknown_ns
            FROM breakdown
            FULL JOIN idle_cause ON idle_cause.run_id = breakdown.run_id AND idle_cause.rank = breakdown.rank
                AND idle_cause.device_id = breakdown.device_id AND idle_cause.step IS NOT DISTINCT FROM breakdown.step
        """).fetchall()
    assert rows
    assert set(rows) == {(0, 0)}


@pytest.mark.parametrize("name", HTA_IDLE)
def test_hta_splits_each_stream_by_whole_gaps(name: str, stored: Callable[[str], Store]) -> None:
    with stored(name) as store:
        rows = store.sql("""
            SELECT stream, start_ns, dur_ns, launch_ns FROM kernel_launch WHERE kind <> 'async' ORDER BY start_ns, kernel_id
        """).fetchall()
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    ended: dict[str, int] = {}
    for stream, start, dur, launch in rows:
        if stream in ended:
            found[stream][launch <= ended[stream]] += start - ended[stream]
        ended[stream] = start + dur
    assert {stream: tuple(value / 1000 for value in values) for stream, values in found.items()} == {
        stream: pytest.approx(values, abs=0.01) for stream, values in HTA_IDLE[name].items()
    }


@pytest.mark.parametrize("name", HTA_LAUNCHES)
def test_hta_counts_delays_from_the_end_of_the_call(name: str, stored: Callable[[str], Store]) -> None:
    with stored(name) as store:
        (found,) = store.sql("""
            SELECT count(*), avg(call_dur_ns) / 1000, avg(greatest(start_ns - launch_ns - call_dur_ns, 0)) / 1000
            FROM kernel_launch
        """).fetchall()
    assert found == pytest.approx(HTA_LAUNCHES[name], abs=1e-5)


def test_launches_of_a_graph_are_one_to_many(stored: Callable[[str], Store]) -> None:
    with stored("sglang_decode") as store:
        found = store.sql("SELECT calls, kernels FROM launch_summary WHERE kind = 'graph_launch'").fetchall()
        shared = store.sql("SELECT count(*) FROM kernel_launch WHERE call_kind = 'graph_launch'").fetchall()
    assert (found, shared) == ([(1, 544)], [(544,)])


def test_waiting_in_megatron_is_what_a_plain_reading_of_eight_files_finds(stored: Callable[[str], Store]) -> None:
    durations: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for rank, path in enumerate(sorted((FOLDER / "megatron_tp8_a100").glob("*kineto*"))):
        number: dict[str, int] = defaultdict(int)
        for event in sorted(events(path), key=lambda event: event["ts"]):
            if "nccl" in event["name"] and event.get("cat") == "kernel":
                number[event["name"]] += 1
                durations[event["name"], number[event["name"]]][rank] = ns(event["dur"])
    waits: dict[int, int] = defaultdict(int)
    for ranks in durations.values():
        assert len(ranks) == 8
        for rank, duration in ranks.items():
            waits[rank] += duration - min(ranks.values())
    with stored("megatron_tp8_a100") as store:
        found = dict(store.sql("SELECT rank, sum(wait_ns)::BIGINT FROM collective_summary GROUP BY rank").fetchall())
        (awaited,) = store.sql("SELECT DISTINCT awaited_rank FROM straggler").fetchall()
    assert found == waits
    assert awaited == (min(waits, key=lambda rank: waits[rank]),)


def test_modules_hold_all_device_time_once(stored: Callable[[str], Store]) -> None:
    with stored("torch_h100_qwen15") as store:
        rows = store.sql("SELECT sum(self_device_ns)::BIGINT, sum(kernels)::BIGINT FROM module_summary").fetchall()
        total = store.sql(
            "SELECT sum(total_ns)::BIGINT, sum(calls)::BIGINT FROM kernel_summary WHERE kind <> 'async'"
        ).fetchall()
    assert rows == total
