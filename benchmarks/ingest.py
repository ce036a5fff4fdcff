"""How fast files become runs, and in how much memory, beside the parser's limit and other tools on the same files.

    python benchmarks/ingest.py trace.json.gz host.xplane.pb --sizes 10MB 100MB 1GB

Without a capture, one of PyTorch on the CPU is recorded. Each is grown to the sizes by growth.py. Every contender is a whole
command, a process of its own, from the file on disk to the answer; crossprof publishes into a store that exists.
Kineto JSON is held against simdjson, which parses the same bytes into a document: as a whole command, which reads them first;
its first parse in a fresh process, the bytes in memory; and warm, once that process has memory for the document. XPlane is held
against what xprof takes for its kernel_stats. Contenders take turns; the best turn of each counts. Other tools come from the
interpreter --peers, into which benchmarks/requirements.txt is installed; a tool that is missing is left out.
JSON is also read as .json.gz, which may add what gunzip takes.
What crossprof stored is checked against a plain reader in Python: rows, sums, and how many values the columns have.
With --page the tables and a plot are written into a page of Markdown, between its two marks.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from command import Measured, ingest_command, measure
from growth import bytes_of, grow

from crossprof._version import __version__
from crossprof.store import Store, publish

_COMMAND, _FIRST, _WARM = "simdjson, whole command", "simdjson, first parse", "simdjson, warm parse"
_PACKED = "crossprof, of .json.gz"
_LIMITS = (_COMMAND, _FIRST, _WARM, "xprof kernel_stats")
_PEERS = Path(__file__).parents[1] / ".venv-bench/bin/python"
_SIMDJSON = """
import sys, time, simdjson
data, times = open(sys.argv[1], 'rb').read(), []
for _ in range(4 if sys.argv[2] == 'warm' else 1):
    parser, start = simdjson.Parser(), time.perf_counter()
    document = parser.parse(data)
    times.append(time.perf_counter() - start)
    del document, parser
if sys.argv[2] != 'command':
    print('seconds', min(times[1:] or times))
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
_PLOT = """
import json, sys
import matplotlib
matplotlib.use('svg')
matplotlib.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'crossprof', 'font.size': 10})
from matplotlib import pyplot
figure, axes = pyplot.subplots(figsize=(8, 4.5), layout='constrained')
for line in json.load(sys.stdin):
    x, y = zip(*line['points'])
    style = {'linewidth': 2.5, 'marker': 'o'} if line['is_ours'] else {'linewidth': 1.2, 'marker': '.', 'linestyle': '--'}
    axes.loglog(x, y, label=line['label'], **style)
axes.set(xlabel='size of the trace, MB', ylabel='seconds')
axes.xaxis.set_major_formatter('{x:g}')
axes.yaxis.set_major_formatter('{x:g}')
axes.grid(which='major', alpha=0.3)
axes.legend(frameon=False)
figure.savefig(sys.argv[1], metadata={'Date': None})
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


_MOST_COMPARED_BYTES = 200_000_000
_TIMES_OFTEN = 3  # what takes a second differs by a twentieth from turn to turn
_EQUAL = "Every row, sum and column equals what a plain reader finds."
_BEGIN, _END = "<!-- measured -->", "<!-- end of what was measured -->"


@dataclass(frozen=True)
class Race:
    """What was measured on one file: `kept_bytes` is what the run takes in the store, `checked` what a plain reader says."""

    kind: str
    bytes: int
    kept_bytes: int
    found: dict[str, Measured]
    checked: tuple[str, ...]

    @property
    def limits(self) -> list[str]:
        """What the others are held against: the parser in three ways, or the converter."""
        return [name for name in _LIMITS if name in self.found]

    def times(self, name: str, limit: str) -> float:
        """How many times a limit a contender takes."""
        return self.found[name].counted_s / self.found[limit].counted_s


def ours(path: Path, store: Path) -> dict[str, list[str]]:
    """Our commands for a file, each into a store that exists: JSON compressed too, and what unpacking it alone takes."""
    publish(store)
    found = {"crossprof": ingest_command(path, store)}
    if path.suffix == ".json":
        packed, other = path.with_suffix(".json.gz"), store.with_name(f"{store.name}-gz")
        publish(other)
        if not packed.exists():
            with packed.open("wb") as file:
                subprocess.run(["gzip", "--fast", "--stdout", str(path)], stdout=file, check=True)
        found |= {_PACKED: ingest_command(packed, other), "gunzip": ["gzip", "--test", str(packed)]}
    return found


def contenders(path: Path, peers: Path) -> dict[str, list[str]]:
    """The other commands for a file."""
    if path.suffix == ".pb":
        return {"xprof kernel_stats": [sys.executable, "-c", _XPROF, str(path)]}
    parses = {_COMMAND: "command", _FIRST: "first", _WARM: "warm"}
    found = {name: [str(peers), "-c", _SIMDJSON, str(path), which] for name, which in parses.items()}
    if path.stat().st_size < _MOST_COMPARED_BYTES:  # beyond that HTA takes minutes, and more memory than a small machine has
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


def race(capture: Path, size: int, folder: Path, peers: Path, turns: int) -> Race:
    """Each contender on a capture grown to a size."""
    ending = "xplane.pb" if "xplane" in capture.name else "json"
    path = folder / f"{size}.{ending}"
    grow(capture, path, size)
    turns_of: dict[str, list[Measured]] = defaultdict(list)
    for turn in range(turns * _TIMES_OFTEN if size < _MOST_COMPARED_BYTES else turns):
        store = folder / f"store-{size}-{turn}-{ending}"
        for name, command in (ours(path, store) | contenders(path, peers)).items():
            if measured := measure(command):
                turns_of[name].append(measured)
    kept = sum(file.stat().st_size for file in (store / "runs").rglob("*") if file.is_file())
    is_checked = ending == "json" and path.stat().st_size < _MOST_COMPARED_BYTES
    checked = tuple(stored_differs(path, store) or [_EQUAL]) if is_checked else ()
    best = {name: min(each, key=lambda one: one.counted_s) for name, each in turns_of.items()}
    kind = f"{'XPlane' if ending == 'xplane.pb' else 'Kineto JSON'} ({capture.name.split('.')[0]})"
    done = Race(kind, path.stat().st_size, kept, best, checked)
    path.unlink()
    path.with_suffix(".json.gz").unlink(missing_ok=True)
    return done


def table(one: Race) -> str:
    """The figures of one file as Markdown."""
    lines = [
        f"**{one.bytes / 1e6:,.0f} MB of {one.kind}**; the run takes 1/{one.bytes / max(one.kept_bytes, 1):.0f} of that.",
        "",
        "| | " + " | ".join(["wall, s", "CPU, s", "peak memory, MB", *(f"times {limit}" for limit in one.limits)]) + " |",
        "|---|" + "--:|" * (3 + len(one.limits)),
    ]
    for name, found in one.found.items():
        times = "".join(f" {one.times(name, limit):.2f} |" for limit in one.limits)
        lines.append(f"| {name} | {found.counted_s:.2f} | {found.cpu_s:.2f} | {found.peak_bytes / 1e6:,.0f} |{times}")
    return "\n".join([*lines, *(["", *one.checked] if one.checked else [])])


def growth(races: Sequence[Race]) -> str:
    """How the wall time of crossprof grows with the size, a line for each kind of file."""
    lines = []
    for kind in dict.fromkeys(one.kind for one in races):
        sizes = [one for one in races if one.kind == kind and "crossprof" in one.found]
        if len(sizes) > 1:
            lines.append(f"Wall time of crossprof grows with the size of {kind} to the power of {exponent(sizes):.2f}.")
    return "\n".join(lines)


def exponent(races: Sequence[Race]) -> float:
    """The slope of log wall over log size, by least squares."""
    points = [(math.log(one.bytes), math.log(one.found["crossprof"].wall_s)) for one in races]
    middle_x, middle_y = (math.fsum(values) / len(points) for values in zip(*points, strict=True))
    return math.fsum((x - middle_x) * (y - middle_y) for x, y in points) / math.fsum((x - middle_x) ** 2 for x, _ in points)


def write_page(page: Path, races: Sequence[Race], peers: Path, command: str) -> None:
    """Put the tables between the marks of a page, and the plot beside it."""
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(_BEGIN, 1)
    _, tail = rest.split(_END, 1)
    cores, memory = psutil.cpu_count(logical=False), psutil.virtual_memory().total / 2**30
    where = f"{cores} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, crossprof {__version__}"
    parts = [f"Measured on {where} by `{command}`.", *map(table, races), growth(races)]
    page.write_text(f"{head}{_BEGIN}\n" + "\n\n".join(parts) + f"\n{_END}{tail}", encoding="utf-8")
    lines = [
        {"label": f"{name}, {kind}", "points": points, "is_ours": name == "crossprof"}
        for kind in dict.fromkeys(one.kind for one in races)
        for name in dict.fromkeys(name for one in races for name in one.found)
        if (points := [(one.bytes / 1e6, one.found[name].counted_s) for one in races if one.kind == kind and name in one.found])
    ]
    plot = page.parent / "images/ingest.svg"
    subprocess.run([str(peers), "-c", _PLOT, str(plot)], input=json.dumps(lines), text=True, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "captures", type=Path, nargs="*", help="of torch.profiler, TensorFlow or JAX; else one of torch is made"
    )
    parser.add_argument("--sizes", type=bytes_of, nargs="+", default=[10**7, 10**8])
    parser.add_argument("--turns", type=int, default=3, help="how often each contender runs; small files three times as often")
    parser.add_argument("--peers", type=Path, default=_PEERS, help="the interpreter that has the other tools")
    parser.add_argument("--page", type=Path, help="write the tables and a plot into this page")
    options = parser.parse_args()
    races = []
    with tempfile.TemporaryDirectory(prefix="crossprof-bench-") as folder:
        if not options.captures:
            options.captures.append(Path(folder) / "torch_cpu.json")
            subprocess.run([sys.executable, "-c", _RECORD, str(options.captures[0])], check=True, capture_output=True)
        for capture in options.captures:
            for size in options.sizes:
                races.append(race(capture, size, Path(folder), options.peers, options.turns))
                print(f"\n{table(races[-1])}", flush=True)
    print(f"\n{growth(races)}\n")
    if options.page:
        captures = " ".join(capture.name for capture in options.captures)
        sizes = " ".join(f"{size // 10**6}MB" for size in options.sizes)
        command = f"python benchmarks/ingest.py {captures} --sizes {sizes} --turns {options.turns} --page {options.page}"
        write_page(options.page, races, options.peers, command)


if __name__ == "__main__":
    main()
