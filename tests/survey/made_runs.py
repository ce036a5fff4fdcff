"""Made-up runs with the tags of `crossprof bench`, written as parts and published. No figure in them was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import duckdb

from crossprof.store import publish, write_part
from crossprof.store.catalog import create_base

BARE = 20
"""Bare steps of each run; five profiled ones come after."""
JITTER = (0, 2, -1, 1, -2)
"""Thousandths by which steps differ: their median is the step time that was asked for."""
GPU = ("gpu", "NVIDIA A100-SXM4-80GB")


@dataclass(frozen=True)
class Made:
    """One run: a cell, and how it is to come out.

    `step_us` is its median step time; `parts` splits a step among categories of operators; `losses` are its curve. Its ranks
    are a process each, unless there are fewer `processes`.
    """

    step_us: float
    model: str = "bert"
    size: str = "base"
    framework: str = "pytorch"
    mode: str = "eager"
    phase: str = "train"
    precision: str = "float32"
    batch: int = 8
    strategy: str = "none"
    world_size: int = 1
    scaling: str = ""
    bench: str = "b1"
    repeat: int = 1
    proof: str = "proven"
    device: tuple[str, str] = GPU
    status: str = "completed"
    ranks: int = 0
    processes: int = 0
    peak_bytes: int = 0
    at_s: int = 0
    loaded: bool = False
    ahead: bool = False
    cores: int = 0
    losses: tuple[float, ...] = ()
    parts: dict[str, float] = field(default_factory=lambda: {"gemm": 0.6, "elementwise": 0.3})

    @property
    def cell(self) -> str:
        kind = f"{self.model}-{self.size}-{self.framework}-{self.mode}-{self.phase}-{self.precision}-b{self.batch}"
        return (
            kind
            + (f"-{self.strategy}{self.world_size}" if self.world_size > 1 else "")
            + (f"-c{self.cores}" if self.cores else "")
        )

    @property
    def run_id(self) -> str:
        return f"{self.cell}-{self.scaling}-{self.bench}-{self.repeat}-{self.device[0]}-{self.at_s}"

    @property
    def tags(self) -> dict[str, str]:
        names = ("cell", "model", "size", "framework", "mode", "phase", "precision", "batch", "strategy", "world_size")
        told = {name: str(getattr(self, name)) for name in (*names, "bench", "repeat", "proof")}
        detail = {"proof_detail": "logits differ by 0.2, more than 0.0001"} if self.proof != "proven" else {}
        state = {"machine": "loaded" if self.loaded else "quiet"}
        return {**told, **detail, **state, "sequence": "32", **({"scaling": self.scaling} if self.scaling else {})}


def store_of(root: Path, runs: Iterable[Made]) -> Path:
    """A published store of these runs."""
    with duckdb.connect() as connection:
        create_base(connection)
        for run in runs:
            for rank in range(run.ranks or run.processes or run.world_size):
                _fill(connection, run, rank)
                write_part(connection, root, run_id=run.run_id, rank=rank, content_sha256=run.run_id + str(rank))
                for table in ("run", "rank", "step", "op", "sample", "finding"):
                    connection.execute(f"DELETE FROM base.{table}")
    publish(root)
    return root


def _fill(connection: duckdb.DuckDBPyConnection, run: Made, rank: int) -> None:
    started = 1_780_000_000_000_000_000 + run.at_s * 1_000_000_000
    connection.execute(
        """
        INSERT INTO base.run BY NAME
        SELECT $run_id AS run_id, $cell AS run, $framework AS framework, '1.0' AS framework_version, $model AS model,
            $precision AS precision, $batch AS batch_size, $world_size AS world_size, $kind AS device_kind,
            $device AS device_model, 1 AS device_count, $started AS started_ns, $started + 1000000000 AS ended_ns,
            $status AS status, $tags::MAP(VARCHAR, VARCHAR) AS tags, MAP {$framework: '1.0'} AS versions,
            json_object('cores', $cores) AS config
        """,
        {
            **{name: getattr(run, name) for name in ("run_id", "cell", "framework", "model", "precision", "batch", "status")},
            **{
                "world_size": run.processes or run.world_size,
                "kind": run.device[0],
                "device": run.device[1],
                "started": started,
                "cores": run.cores,
            },
            "tags": run.tags,
        },
    )
    connection.execute("INSERT INTO base.rank BY NAME SELECT ? AS run_id, ? AS rank, 'host' AS host", [run.run_id, rank])
    samples = run.batch * run.world_size // (run.processes or run.world_size)
    durations = [round(run.step_us * (1000 + JITTER[number % len(JITTER)])) for number in range(BARE + 5)]
    connection.execute(
        """
        INSERT INTO base.step BY NAME
        SELECT ? AS run_id, ? AS rank, unnest(range(len(?::BIGINT[]))) AS step, unnest(?::BIGINT[]) AS start_ns,
            unnest(?::BIGINT[]) AS dur_ns, step >= ? AS is_profiled, false AS is_warmup, ? AS samples
        """,
        [run.run_id, rank, durations, [started, *accumulate(durations[:-1], initial=started)][1:], durations, BARE, samples],
    )
    connection.execute(
        """
        INSERT INTO base.op BY NAME
        SELECT run_id, rank, step * 10 + place AS op_id, step, category AS name, category, start_ns,
            (dur_ns * share)::BIGINT AS dur_ns, (dur_ns * share)::BIGINT AS self_ns
        FROM base.step, (SELECT unnest(?::VARCHAR[]) AS category, unnest(?::DOUBLE[]) AS share, unnest(range(10)) AS place)
        WHERE is_profiled AND category IS NOT NULL
        """,
        [list(run.parts), list(run.parts.values())],
    )
    if run.ahead:
        found = (run.run_id, rank, "host_ran_ahead", "error", 1, "Steps end before their work.")
        connection.execute("INSERT INTO base.finding BY POSITION VALUES (?, ?, ?, ?, ?, ?, NULL)", found)
    for number, loss in enumerate(run.losses):
        _sample(connection, run, rank, ("workload.loss", loss, started + number * 1000, None))
    if run.peak_bytes:
        _sample(connection, run, rank, ("hw.gpu.memory.usage", float(run.peak_bytes), started, 0))


def _sample(connection: duckdb.DuckDBPyConnection, run: Made, rank: int, reading: tuple[str, float, int, int | None]) -> None:
    metric, value, at, device = reading
    connection.execute(
        """
        INSERT INTO base.sample BY NAME
        SELECT ? AS run_id, ? AS rank, ? AS metric, ? AS value, ? AS at_ns, ? AS device_id, true AS is_valid, 'fake' AS source
        """,
        [run.run_id, rank, metric, value, at, device],
    )
