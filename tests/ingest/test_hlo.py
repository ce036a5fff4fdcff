"""HLO statistics: the converter's own totals on real captures, hand-made output by hand, and a converter that fails."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crossprof.cli import main
from crossprof.errors import CrossprofError
from crossprof.ingest import hlo, ingest
from crossprof.ingest.hlo import add_hlo
from crossprof.ingest.hlo_convert import _module, _records, _roofline
from crossprof.ingest.source import open_source
from tests.ingest.recorded import document, run_folder
from tests.ingest.xspace import Plane, encoded

FOLDER = Path(os.environ.get("CROSSPROF_CORPUS") or Path(__file__).parents[2].parent / "shared" / "traces")
CASES = [("xp_tpu_v6e_inference", 6013, 315_117_903.7), ("xp_jax_mi300_conv08", 198, 27_550.676)]

# One operation of one program at 2 GFLOP in 1 ms, by a chip whose peak is 8 TFLOP/s.
OP = {
    "program_id": "12190760917235803885",
    "category": "loop fusion",
    "hlo_op_name": "fusion.3",
    "hlo_op_expression": "%fusion.3 = f32[8]{0} fusion(%p)",
    "tf_op_name": "jit(f)/add:",
    "occurrences": 4.0,
    "total_time": 1000.5,
    "total_self_time": 1000.5,
    "model_flop_rate": 2.0,
    "measured_memory_bw": 1.0,
    "hbm_bw": 0.5,
    "operational_intensity": 1.86,
    "bound_by": "HBM",
    "hlo_rematerialization": "No",
    "autotuned": "Yes",
    "source_info": "<div class='s' title='/a.py:1\n'>/a.py:1</div>",
    "core_type": "TensorCore",
}
ROOF = {
    "hlo_module_id": OP["program_id"],
    "category": "loop fusion",
    "operation": "fusion.3",
    "roofline_efficiency": 0.25,
    "optimal_flop_rate": 8.0,
    "peak_flop_rate": "8000",
    "peak_hbm_bw": "100",
}
MODULE = {
    "program_id": OP["program_id"],
    "module": "jit_f",
    "peakHeapMib": 2.5,
    "peakUnpaddedHeapMib": 2.0,
    "maybeLiveOutMib": 1.0,
    "totalBufferAllocationMib": 3.0,
}
WRITES = f"""
import json, sys, pathlib
folder = pathlib.Path(sys.argv[1]).parent
for name, rows in {{"hlo_op": [{OP}], "hlo_roofline": [{ROOF}], "hlo_module": [{MODULE}]}}.items():
    (folder / f"{{name}}.json").write_text(json.dumps(rows))
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "host.xplane.pb"
    path.parent.mkdir()
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("Stream #1"), "gemm", 0, 1_000_000)
    path.write_bytes(encoded(plane))
    return path


def converter(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    """Puts a script of the test in the converter's place."""
    script = folder / "converter.py"
    script.write_text(text)
    monkeypatch.setattr(hlo, "_SCRIPT", script)


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


@pytest.mark.skipif(find_spec("xprof") is None, reason="xprof is not installed")
@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
@pytest.mark.parametrize(("case", "occurrences", "total_us"), CASES)
def test_real_capture(scratch: duckdb.DuckDBPyConnection, case: str, occurrences: int, total_us: float) -> None:
    [path] = (FOLDER / case).glob("*.pb")
    before = sorted(path.parent.iterdir())
    add_hlo(scratch, open_source(path), run_id="r", rank=0)
    [(count, total)] = rows(scratch, "SELECT sum(occurrences), sum(total_ns) / 1000 FROM hlo_op")
    assert count == occurrences
    assert total == pytest.approx(total_us, abs=0.05)
    truth = json.loads((path.parent / "truth.json").read_text())["xprof"]["results"]["hlo_stats"]["json"]
    own = {(row["program_id"], row["hlo_op_name"]): row for row in _records(truth)}
    query = "SELECT program_id::VARCHAR, name, total_ns, occurrences, category, flops_per_second, module FROM hlo_op"
    for program, name, total_ns, times, category, rate, module in rows(scratch, query):
        row = own.pop((program, name))
        assert (times, category) == (row["occurrences"], row["category"])
        assert abs(total_ns - row["total_time"] * 1000) < 0.501
        assert rate == pytest.approx(row["model_flop_rate"] * 1e9)
        assert module.startswith("jit_")
    assert not own
    assert rows(scratch, "SELECT count(*) FROM hlo_op WHERE roofline_efficiency IS NULL OR peak_flops_per_second IS NULL") == [
        (0,)
    ]
    assert sorted(path.parent.iterdir()) == before  # the converter writes beside its input, which is a copy


@pytest.mark.skipif(find_spec("xprof") is None, reason="xprof is not installed")
@pytest.mark.skipif(not FOLDER.is_dir(), reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_memory_of_programs(scratch: duckdb.DuckDBPyConnection) -> None:
    [path] = (FOLDER / "xp_tpu_v6e_inference").glob("*.pb")
    add_hlo(scratch, open_source(path), run_id="r", rank=0)
    found = rows(
        scratch, "SELECT module, peak_heap_bytes, parameter_bytes, output_bytes FROM hlo_module ORDER BY 2 DESC LIMIT 2"
    )
    five_gib = 5 * 1024 * 1024 * 256 * 4  # f32[5,1024,1024,256]
    assert found == [("jit_f", 4 * five_gib + 32, 0, 32), ("jit__psum", 2 * five_gib, five_gib, five_gib)]


def test_rates_become_counts(scratch: duckdb.DuckDBPyConnection, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converter(monkeypatch, trace.parent.parent, WRITES)
    add_hlo(scratch, open_source(trace), run_id="r", rank=3, capture=1)
    assert rows(
        scratch,
        """SELECT run_id, rank, capture, program_id, module, name, category, core, op_name, source_line, is_rematerialized,
            is_autotuned FROM hlo_op""",
    ) == [
        (
            "r",
            3,
            1,
            12190760917235803885,
            "jit_f",
            "fusion.3",
            "loop fusion",
            "TensorCore",
            "jit(f)/add",
            "/a.py:1",
            False,
            True,
        )
    ]
    assert rows(
        scratch,
        """SELECT occurrences, total_ns, mean_ns, self_ns, flops, flops_per_second, bytes_accessed, hbm_bytes_accessed
        FROM hlo_op""",
    ) == [(4, 1_000_500, 250_125.0, 1_000_500, 2_001_000, 2e9, round(2**30 * 1000.5e-6), round(2**29 * 1000.5e-6))]
    assert rows(
        scratch,
        """SELECT bound_by, attainable_flops_per_second, roofline_efficiency, peak_flops_per_second, peak_hbm_bytes_per_second
        FROM hlo_op""",
    ) == [("HBM", 8e9, 0.25, 8e12, 100 * 2**30)]
    assert rows(scratch, "SELECT * EXCLUDE (run_id, rank, capture, program_id) FROM hlo_module") == [
        ("jit_f", 5 << 19, 2 << 20, 0, 1 << 20, 3 << 20)
    ]
    assert rows(scratch, "FROM finding") == []


def test_tables_of_the_tools() -> None:
    cell = {"v": "Total"}
    columns = [{"id": name} for name in ("step", "operation", "include_infeed_outfeed")]
    roofline = {
        "cols": columns,
        "rows": [
            {"c": [cell, {"v": "Program"}, {"v": True}]},
            {"c": [cell, {"v": "fusion.3"}, {"v": True}]},
            {"c": [cell, {"v": "fusion.3"}, {"v": False}]},
            {"c": [{"v": "Average"}, None, {"v": True}]},
        ],
        "p": {"peak_flop_rate": "8000"},
    }
    assert _roofline([roofline, {}]) == [
        {
            "step": "Total",
            "operation": "fusion.3",
            "include_infeed_outfeed": True,
            "peak_flop_rate": "8000",
            "peak_hbm_bw": None,
        }
    ]
    assert _records([]) == []
    assert _module("jit_f(g)(7)", {"peakHeapMib": 1, "maxHeap": [1]}) == {
        "module": "jit_f(g)",
        "program_id": "7",
        "peakHeapMib": 1,
    }
    assert _module("jit_f(7)", []) == {"module": "jit_f", "program_id": "7"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with SIGSEGV"),
        ("raise ValueError('no device')", "failed (ValueError: no device)"),
        ("raise SystemExit(3)", "failed (exit code 3)"),
        (WRITES + "\nimport time; time.sleep(60)", "was stopped after"),
    ],
    ids=["crashes", "raises", "exits", "hangs"],
)
def test_a_converter_that_fails_costs_a_finding(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    converter(monkeypatch, tmp_path, text)
    monkeypatch.setattr(hlo, "_DEADLINE_SECONDS", 3.0)
    monkeypatch.setattr(hlo, "find_spec", lambda name: name)
    [result] = ingest([trace], store=tmp_path / "store", xla=True)
    assert result.status == "added"
    with duckdb.connect(str(tmp_path / "store" / "crossprof.duckdb"), read_only=True) as connection:
        [(severity, detail)] = rows(connection, "SELECT severity, detail FROM finding WHERE code = 'hlo_statistics_failed'")
        assert rows(connection, "SELECT name FROM kernel") == [("gemm",)]
        # What a converter had written before it was stopped is kept.
        assert len(rows(connection, "FROM hlo_op")) == (1 if "sleep" in text else 0)
    assert severity == "warning"
    assert says in detail
    assert [path.name for path in trace.parent.iterdir()] == [trace.name]


def test_a_recording_has_them_by_capture(tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converter(monkeypatch, tmp_path, WRITES)
    monkeypatch.setattr(hlo, "find_spec", lambda name: name)
    captures = [{**document()["captures"][0], "files": ["capture-0/host.xplane.pb"]}]
    folder = run_folder(tmp_path / "recorded", trace=None, framework="jax", captures=captures)
    (folder / "capture-0" / "host.xplane.pb").write_bytes(trace.read_bytes())
    [result] = ingest([folder], store=tmp_path / "store", xla=True)
    assert result.status == "added"
    with duckdb.connect(str(tmp_path / "store" / "crossprof.duckdb"), read_only=True) as connection:
        assert rows(connection, "SELECT name, capture FROM hlo_op") == [("fusion.3", 0)]


def test_a_trace_without_hlo_says_so(scratch: duckdb.DuckDBPyConnection, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converter(monkeypatch, trace.parent.parent, "")
    add_hlo(scratch, open_source(trace), run_id="r", rank=0)
    assert rows(scratch, "SELECT code, severity FROM finding") == [("hlo_statistics_empty", "info")]


def test_without_xprof_one_line_says_what_to_install(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "xprof", None)
    monkeypatch.setattr(hlo, "find_spec", lambda _name: None)
    with pytest.raises(CrossprofError, match="pip install 'crossprof\\[xprof\\]'"):
        ingest([trace], store=tmp_path / "store", xla=True)
    assert main(["ingest", str(trace), "--xla", "--store", str(tmp_path / "store")]) == 1
    assert "pip install 'crossprof[xprof]'" in capsys.readouterr().err.replace("\n", " ")


def test_they_are_made_only_when_asked(tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converter(monkeypatch, tmp_path, "raise SystemExit(3)")
    ingest([trace], store=tmp_path / "store")
    with duckdb.connect(str(tmp_path / "store" / "crossprof.duckdb"), read_only=True) as connection:
        assert rows(connection, "SELECT code FROM finding WHERE code LIKE 'hlo%'") == []
