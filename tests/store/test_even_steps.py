"""A device that is busy for 600 of each 1000 us: 60 % to us, whatever the number of steps, and what it is to other tools."""

from pathlib import Path

import even_steps
import pytest

from crossprof.ingest import ingest
from crossprof.store import Store

# HTA leaves the last of several steps out, and both start the clock with the first work.
SHARES = {1: (1, 600 / 600), 2: (600 / 600, 1200 / 1600), 3: (1200 / 1600, 1800 / 2600), 6: (3000 / 4600, 3600 / 5600)}


@pytest.mark.parametrize(("steps", "hta", "tracelens"), [(steps, *shares) for steps, shares in SHARES.items()])
def test_a_share_of_steps_does_not_depend_on_their_number(steps: int, hta: float, tracelens: float, tmp_path: Path) -> None:
    ingest([even_steps.write(tmp_path / "even.pt.trace.json", steps)], store=tmp_path / "store", jobs=1)
    with Store(tmp_path / "store") as store:
        assert store.sql("SELECT busy_ratio FROM device_busy WHERE scope = 'steps'").fetchall() == [(0.6,)]
        assert store.sql("SELECT value FROM run_metric WHERE metric = 'device_busy'").fetchall() == [(0.6,), (0.6,)]
        theirs = dict(store.sql("SELECT metric, value FROM peer_metric WHERE unit = 'ratio'").fetchall())
        parts = "compute_ns + exposed_communication_ns + exposed_copy_ns + idle_ns"
        assert store.sql(f"SELECT DISTINCT step IS NULL, {parts} - window_ns FROM breakdown ORDER BY ALL").fetchall() == [
            (False, 0),
            (True, 0),
        ]
    assert theirs["hta.compute_ratio"] == theirs["hta.busy_ratio"] == hta
    assert (
        theirs["hta.compute_ratio_exact"] == theirs["tracelens.busy_ratio"] == theirs["tracelens.busy_ratio_all"] == tracelens
    )
    assert theirs["tb.gpu_utilization"] == 0.6  # the plugin alone took the steps for its window
