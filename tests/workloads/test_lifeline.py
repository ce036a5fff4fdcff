"""A process that holds the lifeline ends with the one that started it."""

import os
import subprocess
import sys

import psutil
import pytest

from crossprof.workloads.lifeline import PARENT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is asked")

CHILD = "import time; from crossprof.workloads.lifeline import hold; hold(); print('holds', flush=True); time.sleep(60)"
PARENT_OF_IT = f"""
import os, subprocess, sys
environment = {{**os.environ, {PARENT!r}: str(os.getpid())}}
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE, env=environment)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def test_a_child_is_killed_with_its_parent():
    with subprocess.Popen([sys.executable, "-c", PARENT_OF_IT], stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    child.wait(timeout=30)


def test_a_child_whose_parent_is_gone_already_ends_at_once():
    environment = {**os.environ, PARENT: "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
