"""Files made to fill the memory or to take for ever: each ends in one line or a finding, in bounded memory and time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from isal import igzip

EVENT = b'{"ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": 1, "dur": 2'
HEAD = b'{"schemaVersion": 1, "traceEvents": [' + EVENT + b"}"
HOST = b"\x0a\x0b\x12\x09/host:CPU"
KEYS = b",".join(b'"k%d": %d' % (number, number) for number in range(1_000_000))
MIB = 1 << 20
GIB = 1 << 30
MOST_SECONDS = 60  # alone on a core each takes less than 5
MOST_BYTES = 1200 * MIB

Parts = tuple[bytes | tuple[bytes, int], ...]

FEW: dict[str, tuple[Parts, str]] = {
    "brackets": (((b"[", 10_000_000),), "JSON without trace events"),
    "brackets instead of an event": ((HEAD, b", ", (b"[", 10_000_000)), "file_truncated"),
    "brackets among the events": (
        (HEAD, b", ", EVENT, b', "args": ', (b"[", 10_000_000), (b"]", 10_000_000), b"}, ", EVENT, b"}]}"),
        "events_invalid",
    ),
    "a million keys after the events": ((HEAD, b"], ", KEYS, b"}"), "what follows the events takes more than"),
    "a hundred thousand damaged events": ((HEAD, (b"," + EVENT + b', "x": "a"b"}', 100_000), b"]}"), "file_truncated"),
    "planes without number": ((HOST, (b"\x0a\x00", 10_000_000)), "more than 65536 planes and messages"),
}
MORE: dict[str, tuple[Parts, str]] = {
    "zeros": (((b"\0", GIB),), "a binary file"),
    "spaces": (((b" ", GIB),), "a file of white space"),
    "spaces among the events": ((HEAD, b",", (b" ", GIB), EVENT, b"}]}"), "without the border of an event"),
    "spaces in an event": ((HEAD, b",", EVENT, (b" ", GIB), b"}]}"), "without the border of an event"),
    "spaces after the events": ((HEAD, b"]", (b" ", GIB), b"}"), "without the border of an event"),
    "a long string": ((HEAD, b",", EVENT, b', "x": "', (b"x", 300 * MIB), b'"}]}'), "without the border of an event"),
    "a string that fits": ((HEAD, b",", EVENT, b', "x": "', (b"x", 60 * MIB), b'"}, ', EVENT, b"}]}"), "events_invalid"),
    "zeros in an XSpace": ((HOST, (b"\0", GIB)), "crossprof: "),
    "brackets after the events": ((HEAD, b'], "x": ', (b"[", 5_000_000), (b"]", 5_000_000), b"}"), "header_invalid"),
    "a million keys before the events": (
        (b'{"schemaVersion": 1, "deviceProperties": [], ', KEYS, b', "traceEvents": []}'),
        "no_events",
    ),
    "a million keys of one event": ((HEAD, b", ", EVENT, b', "args": {', KEYS, b"}}]}"), "added"),
    "a number of ten million digits": ((HEAD, b'], "baseTimeNanoseconds": ', (b"9", 10_000_000), b"}"), "added"),
    "fields that nobody knows": ((HOST, (b"\x28\x01", 10_000_000)), "more than 65536 planes and messages"),
}


def written(path: Path, parts: Iterable[bytes | tuple[bytes, int]]) -> None:
    """The parts, some of them many times over, as gzip."""
    with igzip.open(path, "wb", compresslevel=1) as file:
        for part in parts:
            text, times = part if isinstance(part, tuple) else (part, 1)
            per_block = max(1, MIB // len(text))
            for done in range(0, times, per_block):
                file.write(text * min(per_block, times - done))


# A process counts what the one that starts it has in memory, so a small one starts it, and not this one with its frameworks.
MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def run(*command: str) -> tuple[str, int]:
    """What crossprof prints, and its largest size in memory."""
    called = [sys.executable, "-c", MEASURE, sys.executable, "-m", "crossprof", *command]
    process = subprocess.run(called, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    *output, last = process.stdout.splitlines(keepends=True)
    status, size = map(int, last.split())
    assert status in {0, 1}, process.stdout
    return "".join(output), size * 1024


def check(folder: Path, parts: Parts, says: str) -> None:
    path = folder / "traces" / "trace.json.gz"
    path.parent.mkdir()
    written(path, parts)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    path.parent.chmod(0o500)
    started = time.monotonic()
    output, size = run("ingest", str(path), "--store", str(folder / "store"))
    if "added" in output:
        findings, further = run("sql", "select code from finding", "--store", str(folder / "store"))
        output, size = output + findings, max(size, further)
    else:
        assert len(output.splitlines()) == 1
    assert time.monotonic() - started < MOST_SECONDS
    assert size < MOST_BYTES
    assert says in output
    assert "Traceback" not in output
    assert "Error" not in output
    assert [*path.parent.iterdir()] == [path]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("name", FEW)
def test_bombs(tmp_path: Path, name: str) -> None:
    check(tmp_path, *FEW[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_more_bombs(tmp_path: Path, name: str) -> None:
    check(tmp_path, *MORE[name])
