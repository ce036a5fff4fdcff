"""How fast files become runs, and in how much memory, beside the parser's limit and other tools on the same files.

    python benchmarks/ingest.py --kineto trace.json.gz --xplane host.xplane.pb --sizes 10MB 100MB 1GB

Without a capture, one of PyTorch on the CPU is recorded. Each is grown to the sizes by growth.py. Every contender is a whole
command, a process of its own, from the file on disk to the answer; crossprof publishes into a store that exists. The limit is
simdjson's parse of the same bytes into a document in memory; for XPlane, xprof's kernel_stats. Other tools come from the
interpreter --peers, into which benchmarks/requirements.txt is installed; a tool that is missing is left out.
What crossprof stored is checked against a plain reader in Python: rows, sums, and how many values the columns have.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from growth import bytes_of, grow

from crossprof.store import Store, publish

_PEERS = Path(__file__).parents[1] / ".venv-bench/bin/python"
_SIMDJSON = """
import sys, time, simdjson
data, times = open(sys.argv[1], 'rb').read(), []
for _ in range(3):
    parser, start = simdjson.Parser(), time.perf_counter()
    document = parser.parse(data)
    times.append(time.perf_counter() - start)
    del document, parser
print('seconds', min(times))
"""
_HTA = """
import os, sys
os.environ['HTA_DISABLE_NS_ROUNDING'] = '1'  # rounding to microseconds, its default, stops with an assertion on short kernels
from hta.trace_analysis import TraceAnalysis
print(TraceAnalysis(trace_files={0: sys.argv[1]}, trace_dir='/').get_temporal_breakdown(visualize=False))
"""
_TRACELENS = """
import os, sys
sys.path.insert(0, os.environ['TRACELENS_SRC'])
from TraceLens import TreePerfAnalyzer
print(TreePerfAnalyzer.from_file(sys.argv[1]).get_df_gpu_timeline())
"""
_XPROF = """
import os, shutil, sys, tempfile, time
from xprof.convert import raw_to_tool_data
with tempfile.TemporaryDirectory() as folder:
    copy = shutil.copy(sys.argv[1], os.path.join(folder, 'host.xplane.pb'))
    start = time.perf_counter()
    raw_to_tool_data.xspace_to_tool_data([copy], 'kernel_stats', {})
    print('seconds', time.perf_counter() - start)
"""
_RECORD = """
import sys, torch
model, data = torch.nn.Sequential(*[torch.nn.Linear(64, 64) for _ in range(8)]), torch.randn(32, 64)
with torch.profiler.profile(profile_memory=True, record_shapes=True) as profiler:
    for _ in range(20):
        model(data).sum().backward()
        profiler.step()
profiler.export_chrome_trace(sys.argv[1])
"""


@dataclass(frozen=True)
class Measured:
    """One command: wall and CPU time, the peak memory of its processes together, and the time that it says it took itself."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    own_s: float | None


def measure(command: list[str]) -> Measured | None:
    """The cost of a command. None where it fails, which is told on stderr."""
    before = _children_cpu()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = _Peak(process.pid)
    output, errors = process.communicate()
    wall = time.perf_counter() - start
    peak.stop()
    if process.returncode:
        print(f"{' '.join(command)[:80]}: {errors.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    own = [float(line.split()[1]) for line in output.splitlines() if line.startswith("seconds ")]
    return Measured(wall, _children_cpu() - before, peak.bytes, own[0] if own else None)


class _Peak:
    """Watches the memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=[pid], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self, pid: int) -> None:
        while not self._is_over.wait(0.02):
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                self.bytes = max(self.bytes, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def crossprof(path: Path, store: Path) -> list[str]:
    return [sys.executable, "-m", "crossprof", "ingest", str(path), "--store", str(store)]


def contenders(path: Path, peers: Path) -> dict[str, list[str]]:
    """The other commands for a file."""
    if path.suffix == ".pb":
        return {"xprof kernel_stats": [sys.executable, "-c", _XPROF, str(path)]}
    found = {"simdjson": [str(peers), "-c", _SIMDJSON, str(path)]}
    if path.stat().st_size < 200_000_000:  # beyond that HTA takes minutes, and more memory than a small machine has
        found["HTA"] = [str(peers), "-c", _HTA, str(path)]
        if os.environ.get("TRACELENS_SRC"):
            found["TraceLens"] = [str(peers), "-c", _TRACELENS, str(path)]
    return found


def stored_differs(path: Path, store: Path) -> list[str]:
    """What the store holds otherwise than a plain reader finds in a Kineto file, a line each."""
    expected = _plainly_read(path)
    with Store(store) as opened:
        found = {
            table: opened.sql(f"SELECT {', '.join(columns)} FROM {table}").fetchall()[0] for table, columns in _ASKED.items()
        }
    return [
        f"{table}: {column} is {got}, a plain reader finds {wanted}"
        for table, columns in _ASKED.items()
        for column, got, wanted in zip(columns, found[table], expected[table], strict=True)
        if got != wanted
    ]


_ASKED = {
    "kernel": [
        "count(*)", "coalesce(sum(dur_ns), 0)", "count(correlation_id)", "count(stream)", "count(grid)",
        "coalesce(sum(bytes), 0)", "count(occupancy_ratio)",
    ],
    "op": ["count(*)", "count(shapes)", "count(external_id)", "count(sequence_number)", "count(DISTINCT thread)"],
    "runtime_call": ["count(*)", "count(correlation_id)"],
    "memory_event": ["count(*)", "coalesce(sum(bytes), 0)", "count(address)"],
}  # fmt: skip


def _plainly_read(path: Path) -> dict[str, list[Any]]:
    document = json.loads(path.read_bytes(), strict=False)
    events = document["traceEvents"] if isinstance(document, dict) else document
    counts: dict[str, Counter[str]] = {table: Counter() for table in _ASKED}
    threads = set()
    for event in events:
        category, arguments = str(event.get("cat", "")).lower(), event.get("args") or {}
        timed = event.get("ph") == "X"
        if timed and category in {"kernel", "gpu_memcpy", "gpu_memset"}:
            begin, end = round(event["ts"] % 1e6 * 1000), round((event["ts"] % 1e6 + event["dur"]) * 1000)
            held = {"dur": end - begin, "correlation": arguments.get("correlation", 0) > 0, "stream": "stream" in arguments}
            held |= {"grid": "grid" in arguments, "bytes": arguments.get("bytes") or 0}
            counts["kernel"].update(held | {"rows": 1, "occupancy": "est. achieved occupancy %" in arguments})
        elif timed and category == "cpu_op" and not event["name"].startswith("ProfilerStep#"):
            threads.add(event["tid"])
            held = {"shapes": bool(arguments.get("Input Dims")), "id": arguments.get("External id", 0) > 0}
            counts["op"].update(held | {"rows": 1, "sequence": "Sequence number" in arguments})
        elif timed and category in {"cuda_runtime", "cuda_driver"}:
            counts["runtime_call"].update({"rows": 1, "correlation": arguments.get("correlation", 0) > 0})
        elif event.get("name") == "[memory]":
            counts["memory_event"].update({"rows": 1, "bytes": arguments["Bytes"], "address": "Addr" in arguments})
    kernel, op, call, memory = (counts[table] for table in _ASKED)
    return {
        "kernel": [kernel[key] for key in ("rows", "dur", "correlation", "stream", "grid", "bytes", "occupancy")],
        "op": [op[key] for key in ("rows", "shapes", "id", "sequence")] + [len(threads)],
        "runtime_call": [call["rows"], call["correlation"]],
        "memory_event": [memory["rows"], memory["bytes"], memory["address"]],
    }


def race(capture: Path, sizes: list[int], folder: Path, peers: Path) -> dict[int, dict[str, Measured]]:
    """Each contender on a capture grown to each size; prints a line each."""
    results: dict[int, dict[str, Measured]] = {}
    ending = "xplane.pb" if "xplane" in capture.name else "json"
    for size in sizes:
        path = folder / f"{size}.{ending}"
        grow(capture, path, size)
        store = folder / f"store-{size}-{ending}"
        publish(store)
        commands = {"crossprof": crossprof(path, store)} | contenders(path, peers)
        found = {name: measured for name, command in commands.items() if (measured := measure(command))}
        results[path.stat().st_size] = found
        report(path, store, found)
        path.unlink()
    if len(results) > 1 and all("crossprof" in found for found in results.values()):
        print(f"\nGrowth of the wall time of crossprof with size: exponent {exponent(results):.2f}\n")
    return results


def report(path: Path, store: Path, found: dict[str, Measured]) -> None:
    """Print one size."""
    size = path.stat().st_size
    kept = sum(file.stat().st_size for file in (store / "runs").rglob("*") if file.is_file())
    kind = "XPlane" if path.suffix == ".pb" else "Kineto JSON"
    print(f"\n{size / 1e6:,.0f} MB of {kind}; the run takes 1/{size / max(kept, 1):.0f} of that\n")
    print("| | wall, s | CPU, s | peak memory, MB | times the limit |\n|---|--:|--:|--:|--:|")
    limit = next((one.own_s for name, one in found.items() if name in {"simdjson", "xprof kernel_stats"}), None)
    for name, one in found.items():
        wall = one.own_s or one.wall_s
        times = f"{wall / limit:.2f}" if limit else "–"
        print(f"| {name} | {wall:.2f} | {one.cpu_s:.2f} | {one.peak_bytes / 1e6:,.0f} | {times} |")
    if path.suffix == ".json" and size < 200_000_000:
        differences = stored_differs(path, store)
        print("\n" + ("\n".join(differences) or "Every row, sum and column equals what a plain reader finds."))


def exponent(results: dict[int, dict[str, Measured]]) -> float:
    """The slope of log wall over log size, by least squares."""
    points = [(math.log(size), math.log(found["crossprof"].wall_s)) for size, found in results.items()]
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kineto", type=Path, help="a capture of torch.profiler; recorded on the CPU if neither is given")
    parser.add_argument("--xplane", type=Path, help="a capture of TensorFlow or JAX")
    parser.add_argument("--sizes", type=bytes_of, nargs="+", default=[10**7, 10**8])
    parser.add_argument("--peers", type=Path, default=_PEERS, help="the interpreter that has the other tools")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crossprof-bench-") as folder:
        if not options.kineto and not options.xplane:
            options.kineto = Path(folder) / "recorded.json"
            subprocess.run([sys.executable, "-c", _RECORD, str(options.kineto)], check=True, capture_output=True)
        for capture in filter(None, (options.kineto, options.xplane)):
            race(capture, options.sizes, Path(folder), options.peers)


if __name__ == "__main__":
    main()
