"""What a capture missed or cut, on traces of a few events; a trace with nothing wrong says nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.ingest.test_kineto import BASE, KERNEL, LAUNCH, OP, event, rows, written
from tests.ingest.xspace import Plane, encoded

Ingested = Callable[[Path], duckdb.DuckDBPyConnection]

END = {"ph": "i", "cat": "", "name": "Record Window End", "pid": "", "tid": "", "s": "g"}
STEP = {**OP, "cat": "user_annotation"}
MEMORY = {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "pid": 9, "tid": 9, "s": "t"}
T4 = {"id": 0, "name": "T4", "totalGlobalMem": 16_000}
GPU = {"Device Type": 1, "Device Id": 0, "Bytes": 512, "Total Allocated": 512}


def launched(count: int, *, with_work: int) -> list[dict[str, Any]]:
    """Launches, the last of which have work on the device."""
    calls = [event(LAUNCH, ts=number, args={"correlation": number + 1}) for number in range(count)]
    work = [
        event(KERNEL, ts=number + 1, dur=0.5, args={"correlation": number + 1}) for number in range(count - with_work, count)
    ]
    return calls + work


def steps(*durations: float, start: float = 0) -> list[dict[str, Any]]:
    return [event(STEP, name=f"ProfilerStep#{n}", ts=start + 100 * n, dur=dur) for n, dur in enumerate(durations)]


FAULTY: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str, int, str]] = {
    "dropped": (
        [OP],
        {"WARNING": ["WARNING:1] CUPTI dropped 12 records"]},
        "events_dropped",
        1,
        "The profiler says that it dropped events: The profiler says: WARNING:1] CUPTI dropped 12 records",
    ),
    "errors of the profiler": ([OP], {"ERROR": ["a", "b"]}, "profiler_errors", 2, "The profiler says: a; b"),
    "launches": (
        launched(10, with_work=8),
        {},
        "launches_without_work",
        2,
        "2 of 10 launches have no work on a device, 2 of them before the first work that was recorded.",
    ),
    "after the end": (
        [OP, event(KERNEL, ts=12, dur=9), event(END, ts=20)],
        {},
        "events_after_end",
        1,
        "1 events end after the capture did, by up to 0.001 ms.",
    ),
    "overrun": (
        [*(event(OP, ts=number, dur=0.5) for number in range(100)), event(OP, ts=50, dur=1000, tid=1)],
        {},
        "durations_overrun",
        1,
        "1 events last longer than twice the time between the first start and the last, by up to 0.001 s.",
    ),
    "a last step that is cut": (
        [*steps(100, 100, 100, 20), OP],
        {},
        "steps_cut",
        1,
        "1 of 4 steps lie at an edge of the capture, and end after it or take under a quarter of the others.",
    ),
    "a step beyond the end": (
        [*steps(100, 100), OP, event(END, ts=150)],
        {},
        "steps_cut",
        1,
        "1 of 2 steps lie at an edge of the capture, and end after it or take under a quarter of the others.",
    ),
    "no memory": (
        [OP],
        {"profile_memory": 1},
        "no_memory_events",
        1,
        "profile_memory was on, and the trace holds no memory event.",
    ),
    "pre-allocation": (
        [OP, event(MEMORY, ts=1, args={**GPU, "Total Reserved": 12_000})],
        {"deviceProperties": [T4]},
        "allocator_preallocates",
        1,
        "The first memory event of 1 devices finds 75 % of the memory reserved.",
    ),
    "one number twice": (
        [KERNEL],
        {"deviceProperties": [T4, T4]},
        "devices_merged",
        1,
        "Several devices stand behind one number: 0 is property 1 (T4), property 2 (T4).",
    ),
    "no such time": (
        [OP, event(OP, ts=1, dur=9e15), event(KERNEL, ts=3e15)],
        {},
        "times_implausible",
        1,
        "1 events start at no time that a clock shows, 0 last longer than 104 days.",
    ),
    "operators of no category": (
        [event(OP, name="mine::op")],
        {},
        "unclassified_share",
        1,
        "100.0 % of the self time of operators is in 1 names that no rule knows, most of it in mine::op.",
    ),
}
SOUND = [
    *launched(20, with_work=20), *steps(100, 100, 100, 60), OP, event(MEMORY, ts=1, args={**GPU, "Total Reserved": 1_000}),
    event(END, ts=400),
]  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_wrong_is_said(ingested: Ingested, tmp_path: Path, name: str) -> None:
    events, keys, code, count, detail = FAULTY[name]
    database = ingested(written(tmp_path / "t.json", *events, **keys))
    assert rows(database, f"SELECT count, detail FROM finding WHERE code = '{code}'") == [(count, detail)]


@pytest.mark.parametrize(("behind_us", "detail", "effect"), [
    (20, "; 5 are the last ones, and the device was up to 0.020 ms behind.", "The capture ends before the device comes"),
    (1, "; 1 are the last ones, and the device was up to 0.001 ms behind.", "Records of the device are missing"),
])  # fmt: skip
def test_launches_that_the_device_did_not_come_to_are_told_from_lost_work(
    ingested: Ingested, tmp_path: Path, behind_us: int, detail: str, effect: str
) -> None:
    calls = [event(LAUNCH, ts=number, dur=0.5, args={"correlation": number + 1}) for number in range(10)]
    work = [event(KERNEL, ts=number + behind_us, dur=0.5, args={"correlation": number + 1}) for number in range(5)]
    database = ingested(written(tmp_path / "t.json", *calls, *work))
    ((found, means),) = rows(database, "SELECT detail, effect FROM finding WHERE code = 'launches_without_work'")
    assert found == "5 of 10 launches have no work on a device, 0 of them before the first work that was recorded" + detail
    assert means.startswith(effect)


def test_what_is_sound_says_nothing(ingested: Ingested, tmp_path: Path) -> None:
    database = ingested(written(tmp_path / "t.json", *SOUND, deviceProperties=[T4], profile_memory=1))
    assert rows(database, "SELECT code, detail FROM finding") == []


def test_a_million_events_are_a_cap(scratch: duckdb.DuckDBPyConnection) -> None:
    from crossprof.ingest.derive import derive

    scratch.execute("INSERT INTO staged_fact VALUES ('n_events', '1000000', NULL)")
    derive(scratch, run_id="r", rank=0)
    assert rows(scratch, "SELECT code FROM finding") == [("events_capped",)]


def test_an_xspace_that_stopped_and_shares_a_number(ingested: Ingested, tmp_path: Path) -> None:
    planes = [Plane("Task Environment", {"profile_start_time": BASE, "profile_stop_time": BASE + 4})]
    for name in ("/device:GPU:0", "/device:CUSTOM:0"):
        planes.append(Plane(name))
        planes[-1].event(planes[-1].line("Stream #1(Kernel)"), "k", 0, 9_000)
    path = tmp_path / "h.xplane.pb"
    path.write_bytes(encoded(*planes, errors=("DEVICE_STOPPED",)))
    found = dict(rows(ingested(path), "SELECT code, detail FROM finding"))
    assert found["events_dropped"] == "The profiler says that it dropped events: The profiler says: DEVICE_STOPPED"
    assert found["devices_merged"] == "Several devices stand behind one number: 0 is /device:CUSTOM:0, /device:GPU:0."
    assert found["events_after_end"] == "2 events end after the capture did, by up to 0.000 ms."


def test_jax_takes_most_of_a_gpu_at_its_start(scratch: duckdb.DuckDBPyConnection) -> None:
    from crossprof.ingest.derive import derive

    scratch.execute(
        "INSERT INTO run BY NAME SELECT 'r' AS run_id, 'r' AS run, 'jax' AS framework, MAP {'A': 'b'} AS environment"
    )
    scratch.execute(
        "INSERT INTO device BY NAME SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, 'gpu' AS kind, 'framework' AS source"
    )
    derive(scratch, run_id="r", rank=0)
    assert ("allocator_preallocates",) in rows(scratch, "SELECT code FROM finding")
    scratch.execute("UPDATE run SET environment = MAP {'XLA_PYTHON_CLIENT_PREALLOCATE': 'false'}")
    scratch.execute("TRUNCATE finding; TRUNCATE staged_finding")
    derive(scratch, run_id="r", rank=0)
    assert ("allocator_preallocates",) not in rows(scratch, "SELECT code FROM finding")
