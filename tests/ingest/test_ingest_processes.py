"""Several processes at one store: ingests side by side, and ingests that are killed."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.ingest import ingest, pending
from tests.ingest.recorded import KINETO, run_folder

pytestmark = pytest.mark.slow

INGEST = """
import sys
from pathlib import Path
from crossprof.ingest import ingest
for result in ingest(sys.argv[2:], store=Path(sys.argv[1])):
    print(result.status, result.reason or "")
"""


def started(store: Path, *paths: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INGEST, str(store), *map(str, paths)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def table(store: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str((store / "crossprof.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()


def foreign(folder: Path, number: int) -> Path:
    path = folder / f"trace{number}.json"
    path.write_text(json.dumps({**KINETO, "traceName": str(number)}))
    return path


def test_four_ingests_side_by_side(tmp_path: Path) -> None:
    store = tmp_path / "store"
    recordings = [run_folder(store / "recordings", run_id=f"r{number}") for number in range(4)]
    shared = foreign(tmp_path, 99)
    children = [started(store, *recordings, shared, foreign(tmp_path, number)) for number in range(4)]
    for child in children:
        output, errors = child.communicate(timeout=240)
        assert child.returncode == 0, errors
        # Who comes last finds a folder locked, its part there already, or the folder moved.
        assert all(line.split()[0] in {"added", "present", "skipped"} or "meanwhile" in line for line in output.splitlines()), (
            output
        )
    ingest(pending(store), store=store)  # what was locked when its publish came
    assert sorted(table(store, "SELECT run_id FROM run WHERE source = 'recording'")) == [(f"r{number}",) for number in range(4)]
    assert table(store, "SELECT count(*), count(DISTINCT run_id) FROM run") == [(9, 9)]
    assert pending(store) == []


def test_twenty_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    store, seed = tmp_path / "store", random.Random(7)
    earlier = foreign(tmp_path, 0)
    ingest([earlier], store=store)
    began = time.monotonic()
    whole = started(store, run_folder(store / "recordings", run_id="measure"))
    whole.communicate(timeout=120)
    seconds = time.monotonic() - began
    for number in range(20):
        folder = run_folder(store / "recordings", run_id=f"k{number}")
        child = started(store, folder)
        time.sleep(seed.uniform(0.2, 1.0) * seconds)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
        assert ("trace0",) in table(store, "SELECT run FROM run")
    ingest(pending(store), store=store)
    runs = [row[0] for row in table(store, "SELECT run_id FROM run WHERE source = 'recording' ORDER BY run_id")]
    assert runs == sorted(["measure", *(f"k{number}" for number in range(20))])
    assert table(store, "SELECT DISTINCT count(*) FROM step_time WHERE run_id LIKE 'k%' GROUP BY run_id") == [(4,)]
    assert all((store / "artifacts" / run / "rank-0" / "run.json").is_file() for run in runs)
    assert pending(store) == []
