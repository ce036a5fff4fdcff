"""Damaged and odd Kineto files: what survives is read to the last event, the rest is refused in one line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.errors import TraceError

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces") / "malformed"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "EXPECT.json").read_text()) if (FOLDER / "EXPECT.json").is_file() else {}
KINETO = {name: case for name, case in EXPECTED.items() if ".json" in name}
ABSENT = [pytest.param("", marks=pytest.mark.skip("no real traces: set CROSSPROF_CORPUS to their folder"))]
# Entries of traceEvents are counted as they are written, what is no event too.
COUNTED_OTHERWISE = {"non_object_events.json"}
DAMAGE = {"truncated": "file_truncated", "corrupt": "gzip_damaged"}

SALVAGED = [name for name, case in KINETO.items() if "kernels" in case.get("salvageable", {})]
REFUSED = [name for name, case in KINETO.items() if "salvageable" not in case]


@pytest.mark.parametrize("name", SALVAGED or ABSENT)
def test_what_can_be_saved(ingested: Callable[[Path], duckdb.DuckDBPyConnection], name: str) -> None:
    truth = KINETO[name]["salvageable"]
    database = ingested(FOLDER / name)
    query = "SELECT count(*), count(*) FILTER (dur_ns > 0), coalesce(sum(dur_ns), 0) / 1000 FROM kernel WHERE kind = 'kernel'"
    ((kernels, timed, total_us),) = database.execute(query).fetchall()
    assert (kernels, timed) == (truth["kernels"], truth["kernels_with_valid_dur"])
    assert total_us == pytest.approx(truth["kernel_total_us"], abs=0.001)
    if name not in COUNTED_OTHERWISE:
        assert database.execute("SELECT value FROM staged_fact WHERE key = 'n_events'").fetchall() == [(str(truth["events"]),)]
    codes = {code for (code,) in database.execute("SELECT code FROM finding").fetchall()}
    assert codes >= {DAMAGE[kind] for kind in [KINETO[name]["kind"]] if kind in DAMAGE}


@pytest.mark.parametrize("name", REFUSED or ABSENT)
def test_what_is_no_trace(ingested: Callable[[Path], duckdb.DuckDBPyConnection], name: str) -> None:
    with pytest.raises(TraceError) as error:
        ingested(FOLDER / name)
    assert "\n" not in str(error.value)
