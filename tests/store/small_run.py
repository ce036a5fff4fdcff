"""A small run as a part: 10 steps of 100 ns, from the third on profiled, one kernel of 50 ns in each of those."""

from __future__ import annotations

from pathlib import Path

import duckdb

from crossprof.store import write_part
from crossprof.store.tables import uncommented

STEPS = 10
KERNELS = 7
_SQL = """
INSERT INTO base.run BY NAME
SELECT $run_id AS run_id, $name AS run, 'torch' AS framework, $world_size AS world_size, $started_ns AS started_ns,
    MAP {'precision': 'bf16'} AS tags, '{"layers": 2}'::JSON AS config, 'completed' AS status;
INSERT INTO base.rank BY NAME SELECT $run_id AS run_id, $rank AS rank, 'host-' || $rank AS host;
INSERT INTO base.device BY NAME SELECT $run_id AS run_id, $rank AS rank, 0 AS device_id, 'gpu' AS kind;
INSERT INTO base.step BY NAME
SELECT $run_id AS run_id, $rank AS rank, i AS step, i * 100 AS start_ns, 100 AS dur_ns, i > 2 AS is_profiled,
    i = 0 AS is_warmup, if(i > 2, 0, NULL) AS capture
FROM range(10) AS steps (i);
INSERT INTO base.kernel BY NAME
SELECT $run_id AS run_id, $rank AS rank, 0 AS device_id, i AS kernel_id, 'gemm' AS name, 'kernel' AS kind, 'gemm' AS category,
    (i + 3) * 100 + 10 AS start_ns, $kernel_ns AS dur_ns, i + 3 AS step, i + 3 AS device_step
FROM range(7) AS kernels (i);
"""


def tables(
    run_id: str, *, name: str = "small", rank: int = 0, world_size: int = 1, started_ns: int = 0, kernel_ns: int = 50
) -> duckdb.DuckDBPyConnection:
    """A connection that holds one rank of the run."""
    values = {
        "run_id": run_id, "name": name, "rank": rank, "world_size": world_size, "started_ns": started_ns,
        "kernel_ns": kernel_ns,
    }  # fmt: skip
    connection = duckdb.connect()
    connection.execute(f"CREATE SCHEMA base; USE base; {uncommented('schema.sql')}")
    for statement in _SQL.split(";\n")[:-1]:
        connection.execute(statement, {key: value for key, value in values.items() if f"${key}" in statement})
    return connection


def write(
    root: Path, run_id: str, *, content: str = "content", replace: bool = False, rank: int = 0, **facts: object
) -> Path | None:
    """Writes one rank of the run as a part."""
    with tables(run_id, rank=rank, **facts) as connection:
        return write_part(connection, root, run_id=run_id, rank=rank, content_sha256=content, replace=replace)
