"""What the processes of test_concurrency do to one store: python store_worker.py ROLE ROOT ARGUMENT..."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import duckdb
import small_run

from crossprof.store import Store, delete, gc, publish


def say(text: str) -> None:
    print(text, flush=True)


def ingest(root: Path, name: str, runs: str) -> None:
    """Adds runs one by one; says each id once it is published. Without end where runs is 0."""
    for number in range(int(runs)) if int(runs) else count():
        small_run.write(root, f"{name}-{number}", name=name)
        publish(root)
        say(f"{name}-{number}")


def remove(root: Path, *run_ids: str) -> None:
    for run_id in run_ids:
        delete(root, [run_id])
        gc(root)
        say(run_id)


def read(root: Path) -> None:
    """Reads until the input ends, each time a new snapshot; fails on anything but whole runs."""
    reads = 0
    say("ready")
    while not Path(root.parent / "stop").exists():
        with Store(root) as store:
            seen = store.sql("""
                SELECT run.run_id, part_count, calls, kernels, steps
                FROM run
                LEFT JOIN (SELECT run_id, sum(calls)::INTEGER AS calls FROM kernel_summary GROUP BY run_id) USING (run_id)
                LEFT JOIN (SELECT run_id, count(*) AS kernels FROM kernel GROUP BY run_id) USING (run_id)
                LEFT JOIN (SELECT run_id, count(*) AS steps FROM step GROUP BY run_id) USING (run_id)
            """).fetchall()
        broken = [row for row in seen if row[1:] != (1, small_run.KERNELS, small_run.KERNELS, small_run.STEPS)]
        assert not broken, broken
        reads += 1
    say(str(reads))


def hold(root: Path) -> None:
    """A client that knows nothing of stores opens the link for writing, as is the default, and keeps it."""
    with duckdb.connect(str(root / "crossprof.duckdb")) as connection:
        say(str(connection.execute("SELECT count(*) FROM kernel").fetchall()[0][0]))
        sys.stdin.read()


if __name__ == "__main__":
    role, root, *arguments = sys.argv[1:]
    {"ingest": ingest, "remove": remove, "read": read, "hold": hold}[role](Path(root), *arguments)
