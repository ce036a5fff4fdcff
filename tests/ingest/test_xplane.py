"""XPlane files as a whole: their options and complaints, damage, and what is refused."""

import gzip
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from crossprof.errors import TraceError
from crossprof.ingest.reader import open_source, reader_for
from tests.ingest.xspace import US, Plane, Staged, encoded, environment, facts, gpu, message


def test_options_are_read_back_without_the_log_directory(staged: Staged) -> None:
    options = message("ProfileOptions")
    options.host_tracer_level, options.enable_hlo_proto = 2, True
    path = b"\x52\x0a/home/user"  # field 10, which the schema does not name
    found = facts(staged(encoded(environment(profile_options=options.SerializeToString() + path), Plane("/host:CPU"))))
    assert found["options_effective"] == '{"host_tracer_level": 2, "enable_hlo_proto": true}'


def test_what_the_profiler_complains_of_is_a_finding(staged: Staged) -> None:
    data = encoded(
        environment(), gpu(), errors=("CUPTI is busy", "no counters"), warnings=("dropped 3 events",), host="node-1:6003"
    )
    connection = staged(data)
    rows = connection.execute("SELECT code, severity, count, detail FROM staged_finding ORDER BY code").fetchall()
    assert rows == [
        ("profiler_errors", "error", 2, "The profiler says: CUPTI is busy; no counters"),
        ("profiler_warnings", "warning", 1, "The profiler says: dropped 3 events"),
    ]
    assert facts(connection)["host_name"] == "node-1"


def test_a_file_without_events_says_so(staged: Staged) -> None:
    connection = staged(encoded(environment(), Plane("/host:CPU")))
    assert connection.execute("SELECT code, severity FROM staged_finding").fetchall() == [("no_events", "error")]


def test_a_compressed_file_reads_alike(staged: Staged) -> None:
    connection = staged(gzip.compress(encoded(environment(), gpu())))
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(3,)]


def test_a_file_that_is_cut_short_keeps_its_whole_planes(staged: Staged) -> None:
    data = encoded(environment(), gpu())
    whole = len(environment().proto.SerializeToString()) + 2 + len(gpu().proto.SerializeToString())
    cut = data[: whole + 40] + b"\x0a\xff\x7f/host"  # a further plane that says it has 16,383 bytes
    connection = staged(cut)
    assert connection.execute("SELECT count(*) FROM staged_kernel").fetchall() == [(3,)]
    assert connection.execute("SELECT code FROM staged_finding").fetchall() == [("file_truncated",)]


def test_a_name_that_is_not_text_is_kept(staged: Staged) -> None:
    plane = Plane("/device:GPU:0")
    plane.event(plane.line("Stream #1"), b"kernel\xff", 0, US)
    connection = staged(encoded(environment(), plane))
    assert connection.execute("SELECT name FROM staged_kernel").fetchall() == [("kernel\ufffd",)]


def test_another_format_that_names_a_device_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x08\x01\x12\x0d/device:GPU:0" + bytes(range(256)))
    with pytest.raises(TraceError, match="unknown kind"):
        reader_for(open_source(path))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encoded(environment(), gpu())[:60], "no whole plane"),
        (encoded(environment(), gpu()).decode("utf-8", "replace").encode(), "UTF-8 text decoder"),
        (b"\x0a\x10\x12\x09/host:CPU\x1a\x05\xff\xff\xff\xff\xff", "corrupt"),
    ],
    ids=["cut in its first plane", "through a text decoder", "garbage in a plane"],
)
def test_what_can_not_be_read_is_refused_in_one_line(staged: Staged, data: bytes, reason: str) -> None:
    with pytest.raises(TraceError, match=reason) as caught:
        staged(data)
    assert "\n" not in str(caught.value)


def test_a_compressed_file_that_the_disk_could_not_hold_is_refused(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(encoded(environment(), gpu()) + b"\x0a\x80\x80\x80\x80\x08" + bytes(3 << 20))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=4 << 20))
    with pytest.raises(TraceError, match="too large to be decompressed"):
        staged(bomb)


def test_no_pandas_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "host.xplane.pb"
    path.write_bytes(encoded(environment(), gpu()))
    code = "import sys; from crossprof.cli import main; main(sys.argv[1:]); print('pandas' in sys.modules)"
    command = [sys.executable, "-c", code, "ingest", str(path), "--store", str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "False"
