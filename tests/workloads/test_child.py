"""A process of a cell that fails is told of by what it said, or by what ended it."""

import sys

import pytest

from crossprof.errors import CrossprofError
from crossprof.workloads import child as module
from crossprof.workloads.child import wait

ENDS = {
    "words": "print('chatter'); print('out of luck'); raise SystemExit(3)",
    "silent": "raise SystemExit(3)",
    "killed": "import os; print('chatter', flush=True); os.kill(os.getpid(), 9)",
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
