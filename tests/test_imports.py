"""`import crossprof` costs a training process next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "torch",
    "tensorflow",
    "jax",
    "duckdb",
    "dash",
    "plotly",
    "polars",
    "numpy",
    "pyarrow",
    "pandas",
    "scipy",
    "psutil",
    "pynvml",
    "rich",
]


@pytest.mark.parametrize("module", ["crossprof", "crossprof.collectors"])
def test_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_an_ingest_begins_without_what_only_others_need():
    late = {"numpy", "pyarrow", "polars", "rich", "multiprocessing.connection", "crossprof.collectors", "crossprof.dashboard"}
    code = (
        f"import sys, crossprof.cli.application, crossprof.cli.ingest, crossprof.ingest; print(*({late} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_a_bare_recording_imports_no_framework_and_no_database(tmp_path):
    code = (
        "import sys, crossprof\n"
        f"with crossprof.profile('bare', store={str(tmp_path)!r}) as run:\n"
        "    for _ in crossprof.steps(range(20)): pass\n"
        f"print(*(name for name in {HEAVY[:-3]!r} if name in sys.modules))"
    )
    environment = {"CROSSPROF_INGEST": "0", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert done.stdout.split() == []
    assert len(list(tmp_path.glob("recordings/*/rank-0/run.json"))) == 1
