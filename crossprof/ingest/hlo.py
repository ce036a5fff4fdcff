"""HLO operators, their place under the roofline and the memory of programs, as xprof computes them from an XPlane file."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import duckdb

from crossprof.errors import CrossprofError
from crossprof.ingest.source import Source

__all__ = ["add_hlo", "require_xprof"]

_DEADLINE_SECONDS = 600.0
_SCRIPT = Path(__file__).with_name("hlo_convert.py")
_OUTPUTS = ("hlo_op", "hlo_roofline", "hlo_module")


def require_xprof() -> None:
    """Does nothing where xprof is installed. Raises CrossprofError with what to install where it is not."""
    if find_spec("xprof") is None:
        raise CrossprofError("HLO statistics need xprof, which is not installed: pip install 'crossprof[xprof]'.")


def add_hlo(
    connection: duckdb.DuckDBPyConnection, source: Source, *, run_id: str, rank: int, capture: int | None = None
) -> None:
    """Fill hlo_op and hlo_module from an XPlane file. A converter that fails or takes too long costs a finding alone."""
    with tempfile.TemporaryDirectory(prefix="crossprof-") as folder:
        trace = Path(folder) / "trace.xplane.pb"
        with trace.open("wb") as file:
            file.writelines(source.chunks())
        for name in _OUTPUTS:
            trace.with_name(f"{name}.json").write_text("[]", encoding="utf-8")
        values = {"run_id": run_id, "rank": rank, "capture": capture, "hlo_folder": folder, "hlo_failure": _convert(trace)}
        for name, value in values.items():
            connection.execute(f"SET VARIABLE {name} = ?", [value])
        connection.execute(files("crossprof.ingest").joinpath("hlo.sql").read_text(encoding="utf-8"))


def _convert(trace: Path) -> str | None:
    """Run the converter on a trace. Why it failed, None where it did not."""
    command = [sys.executable, "-P", str(_SCRIPT), str(trace)]
    try:
        done = subprocess.run(
            command, timeout=_DEADLINE_SECONDS, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=trace.parent
        )
    except subprocess.TimeoutExpired:
        return f"was stopped after {_DEADLINE_SECONDS:.0f} seconds"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"ended with {signal.Signals(-done.returncode).name}"
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"failed ({lines[-1].strip()[:200] if lines else f'exit code {done.returncode}'})"
