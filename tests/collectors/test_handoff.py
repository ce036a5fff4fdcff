"""After the call: the trace is compressed, and a child of its own ingests the folder."""

from __future__ import annotations

import fcntl
import gzip
import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

import crossprof
from crossprof.collectors import compress, handoff


def fake_ingest(monkeypatch, tmp_path, body: str) -> None:
    """Replace the child's program, and nothing else: it is started as ever, with the folder and the store as arguments."""
    script = tmp_path / "ingest.py"
    script.write_text(f"import os, sys, json, time\nfolder, store = sys.argv[1], sys.argv[2]\n{body}")
    monkeypatch.setenv("CROSSPROF_INGEST", "1")
    monkeypatch.setattr(
        handoff, "_command", lambda recording: [sys.executable, str(script), str(recording.path), str(recording.store)]
    )


def test_the_command_is_crossprofs_own(tmp_path):
    class Closed:
        path, store = tmp_path / "recordings" / "id" / "rank-0", tmp_path

    command = handoff._command(Closed())
    assert command[-6:] == ["-m", "crossprof", "ingest", str(Closed.path), "--store", str(tmp_path)]


def test_the_child_gets_a_complete_folder(fake, monkeypatch, tmp_path):
    body = """
run = json.load(open(folder + "/run.json"))
niceness = os.nice(0)
json.dump([run["status"], run["captures"][0]["files"], os.getsid(0) == os.getpid(), niceness], open(store + "/seen.json", "w"))
"""
    fake_ingest(monkeypatch, tmp_path, body)
    with crossprof.profile("run"):
        for _ in crossprof.steps(range(13)):
            pass
    handoff.wait()
    status, files, leads_its_session, niceness = json.loads((tmp_path / "store" / "seen.json").read_text())
    assert (status, files, leads_its_session) == ("completed", ["capture-0/trace.json.gz"], True)
    assert niceness >= 10
    assert list((tmp_path / "store" / ".staging").iterdir()) == []


def test_recordings_are_ingested_one_after_the_other(fake, monkeypatch, tmp_path):
    body = """
began = time.time(); time.sleep(0.2)
with open(store + "/spans", "a") as file: file.write(json.dumps([began, time.time()]) + "\\n")
"""
    fake_ingest(monkeypatch, tmp_path, body)
    for _ in range(3):
        with crossprof.profile("run"):
            pass
    handoff.wait()
    spans = [json.loads(line) for line in (tmp_path / "store" / "spans").read_text().splitlines()]
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
    assert len(spans) == 3


def test_a_failing_child_is_one_warning_with_its_last_line(fake, monkeypatch, tmp_path, caplog):
    fake_ingest(monkeypatch, tmp_path, "print('reading'); sys.exit('the file is torn')")
    with caplog.at_level(logging.WARNING):
        with crossprof.profile("run"):
            pass
        handoff.wait()
    (message,) = caplog.messages
    assert "the file is torn" in message
    assert "crossprof ingest" in message


def test_exit_waits_no_longer_than_it_may(fake, monkeypatch, tmp_path, caplog):
    fake_ingest(monkeypatch, tmp_path, "time.sleep(3)")
    monkeypatch.setenv("CROSSPROF_WAIT", "0.3")
    with crossprof.profile("run"):
        pass
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        handoff.wait()
    assert time.monotonic() - began < 2
    assert "still being ingested" in caplog.text
    monkeypatch.setenv("CROSSPROF_WAIT", "60")
    handoff.wait()


def test_traces_are_compressed_and_named(fake, recorded):
    with crossprof.profile("run", schedule=None):
        pass
    (one,) = recorded()
    (capture,) = one.run["captures"]
    packed = one.path / capture["files"][0]
    assert json.loads(gzip.decompress(packed.read_bytes())) == {"traceEvents": []}
    assert capture["bytes"] == packed.stat().st_size
    assert [path.name for path in packed.parent.iterdir()] == ["trace.json.gz"]


def test_a_folder_is_locked_while_its_traces_are_compressed(fake, monkeypatch, recorded):
    free = []
    real = compress.shutil.copyfileobj

    def copy(source, *args):
        free.append(can_be_locked(Path(source.name).parents[1]))
        real(source, *args)

    monkeypatch.setattr(compress.shutil, "copyfileobj", copy)
    with crossprof.profile("run", schedule=None):
        pass
    (one,) = recorded()
    assert free == [False]
    assert can_be_locked(one.path)


def can_be_locked(folder: Path) -> bool:
    with opened(folder) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_folder_that_is_being_ingested_is_not_compressed(fake, monkeypatch, recorded):
    real = compress.compress_captures

    def compress_meanwhile(folder):
        with opened(folder.path) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            real(folder)

    monkeypatch.setattr(compress, "compress_captures", compress_meanwhile)
    with crossprof.profile("run", schedule=None):
        pass
    (one,) = recorded()
    assert one.run["captures"][0]["files"] == ["capture-0/trace.json"]
    assert (one.path / "capture-0" / "trace.json").is_file()


def test_traces_are_compressed_where_there_are_no_locks(fake, monkeypatch, recorded):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with crossprof.profile("run", schedule=None):
        pass
    (one,) = recorded()
    assert one.run["captures"][0]["files"] == ["capture-0/trace.json.gz"]


@contextmanager
def opened(folder: Path):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("value", ["0", "no"])
def test_ingest_can_be_left_out(fake, monkeypatch, recorded, value):
    monkeypatch.setenv("CROSSPROF_INGEST", value)
    monkeypatch.setattr(handoff, "_ingest", lambda recording: pytest.fail("ingested"))
    with crossprof.profile("run"):
        pass
    assert len(recorded()) == 1
