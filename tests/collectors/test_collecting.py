"""The blocks of docs/collecting.md: each runs as it is, and leaves a run that tells what the page says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.collectors.processes import ROOT, alone, ingested, rows, run_job, tf_config, torchrun

PAGE = (ROOT / "docs" / "collecting.md").read_text()
BLOCKS = re.findall(r"^```python( ranks=2)?\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
NAME = re.compile(r'(?:profile|Callback)\((?:accelerator, )?"([\w-]+)"')
RUNNER = "import runpy, sys\nfor block in sys.argv[1:]:\n    runpy.run_path(block, run_name='__main__')\n"


def named(*, ranks: int) -> dict[str, str]:
    """The blocks for so many processes, by the name of the run that each makes."""
    chosen = [code for several, code in BLOCKS if bool(several) == (ranks > 1)]
    return {match[1]: code for code in chosen if (match := NAME.search(code))}


ALONE, SEVERAL = named(ranks=1), named(ranks=2)
GROUPS = {
    "torch": ("torch-", "inference-", "own-", "accelerate-"),
    "lightning": ("lightning-", "transformers-"),
    "tensorflow": ("keras-", "tensorflow-"),
    "jax": ("jax-",),
    "onnxruntime": ("onnxruntime-",),
}
"""Blocks whose libraries take long to import share a process."""


def test_every_block_is_run_by_a_test_and_short():
    for _, code in BLOCKS:
        compile(code, "block", "exec")
        assert len(code.splitlines()) <= 25
    assert len(ALONE) + len(SEVERAL) == len(BLOCKS), "each block records a run under a name of its own"
    assert all(sum(name.startswith(group) for group in GROUPS.values()) == 1 for name in ALONE)
    assert {name.partition("-")[0] for name in SEVERAL} == {"torch", "tensorflow"}


def check(folder: Path, names: list[str], *, ranks: int = 1) -> None:
    """Each name is one run of all its ranks, whose steps were timed and profiled, and which nothing is wrong with.

    But for TensorFlow's workers, which the page says are not profiled.
    """
    with ingested(folder) as store:
        query = """
            select run.run, run.status, count(distinct rank) ranks, count(*) filter (not is_profiled) timed,
                count(*) filter (is_profiled and not is_warmup) profiled
            from run left join step using (run_id) group by all order by run.run
        """
        found = rows(store, query)
        assert [one["run"] for one in found] == sorted(names)
        for one in found:
            assert one["status"] == "completed"
            assert one["ranks"] == ranks
            assert one["timed"] >= 5 * ranks
            is_unsafe = one["run"] == "tensorflow-workers"
            assert one["profiled"] == 0 if is_unsafe else one["profiled"] >= 5 * ranks
        assert rows(store, "select run, code, detail from finding where severity = 'error'") == []


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_the_blocks_of_one_process(tmp_path, group, monkeypatch):
    names = [name for name in ALONE if name.startswith(GROUPS[group])]
    if group == "onnxruntime":
        monkeypatch.syspath_prepend(os.fspath(Path(__file__).parent / "cells"))
        from onnxruntime_cells import model

        (tmp_path / "model.onnx").write_bytes(model(width=64))
    (tmp_path / "runner.py").write_text(RUNNER)
    for name in names:
        (tmp_path / f"{name}.py").write_text(ALONE[name])
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"} if group == "jax" else {}
    run_job(tmp_path / "runner.py", *(f"{name}.py" for name in names), folder=tmp_path, launcher=alone, **environment)
    check(tmp_path, names)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEVERAL)
def test_the_blocks_of_several_processes(tmp_path, name):
    (tmp_path / "train.py").write_text(SEVERAL[name])
    launcher = tf_config if name.startswith("tensorflow") else torchrun
    run_job(tmp_path / "train.py", folder=tmp_path, ranks=2, launcher=launcher)
    check(tmp_path, [name], ranks=2)
