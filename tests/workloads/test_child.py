"""A process of a cell that fails is told of by what it said, or by what ended it."""

import subprocess
import sys
from pathlib import Path

import pytest

from crossprof.errors import CrossprofError
from crossprof.workloads import Cell
from crossprof.workloads import child as module
from crossprof.workloads.child import TooLong, wait
from crossprof.workloads.exported import exported
from crossprof.workloads.lifeline import FOLDER

ENDS = {
    "words": "print('chatter'); print('out of luck'); raise SystemExit(3)",
    "silent": "raise SystemExit(3)",
    "killed": "import os; print('chatter', flush=True); os.kill(os.getpid(), 9)",
    "stays": "import time; time.sleep(60)",
    "exports": "import os; open(os.environ['_CROSSPROF_FOLDER'] + '/left', 'w').close()",
    "complains": "import time; time.sleep(0.3); print('the other has gone'); raise SystemExit(1)",
}


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Processes that end so."""
    (tmp_path / "ends.py").write_text("import sys; exec(sys.argv[1])")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def start(*names):
        return [module.start("ends", [ENDS[name]], environment={}, log=tmp_path / f"{name}.log") for name in names]

    return start


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["words"], "cell failed: out of luck"),
        (["silent"], "cell failed: it ended with code 3, without a word"),
        (
            ["complains", "killed"],
            "cell failed: it was ended by SIGKILL, as the system does where memory runs out; its last words: chatter",
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_error_is_what_ended_it(started, names, says):
    children = started(*names)
    if len(children) > 1:
        for one in children:
            one.process.wait()
    with pytest.raises(CrossprofError) as raised:
        wait(children, what="cell", timeout_s=30)
    assert str(raised.value) == says


def test_what_takes_too_long_is_ended(started):
    children = started("stays")
    with pytest.raises(TooLong, match=r"cell took more than 0\.2 s and was ended\."):
        wait(children, what="cell", timeout_s=0.2)
    assert children[0].process.poll() is not None


def test_what_a_killed_process_leaves_lies_where_its_parent_removes_it(started, tmp_path, monkeypatch):
    wait(started("exports"), what="cell", timeout_s=30)
    assert (tmp_path / "left").exists()
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: Path(command[-1]).touch() or subprocess.CompletedProcess(command, 0)
    )
    with exported(Cell(model="bert", size="tiny", framework="onnx_runtime", phase="infer"), "module", "model.onnx") as path:
        assert path.is_relative_to(tmp_path)
