"""How a folder of ranks becomes one run: whether the processors are busy, in what memory, and what one corrupt rank costs.

    python benchmarks/ranks.py trace.json.gz --ranks 64 --size 20MB

A capture is grown to the size and written once for each rank. A folder is ingested with an eighth of the ranks, with all,
and with all but one, whose file holds no trace.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import psutil
from command import Measured, ingest_command, measure
from growth import bytes_of, grow

from crossprof.store import Store, publish

_HEADER = (
    "| | wall, s | CPU, s | processors busy | peak memory of all processes, MB | ranks stored | findings of ranks |\n|---|"
    + "--:|" * 6
)


def write_ranks(capture: Path, folder: Path, *, ranks: int, size: int) -> None:
    """A file for each rank, told apart by what it says of itself."""
    folder.mkdir()
    whole = folder / "whole.json"
    grow(capture, whole, size)
    text = whole.read_bytes().lstrip()
    whole.unlink()
    for rank in range(ranks):
        head = json.dumps({"distributedInfo": {"rank": rank, "world_size": ranks, "backend": "nccl"}})[:-1]
        (folder / f"rank{rank}.json").write_bytes(f"{head}, ".encode() + text[1:])


def line(name: str, folder: Path, store: Path, *, may_fail: bool = False) -> str:
    """A row of the table: what the ingest of a folder took, and what the store holds afterwards."""
    publish(store)
    found = measure(ingest_command(folder, store), may_fail=may_fail)
    with Store(store) as opened:
        (ranks,) = opened.sql("SELECT count(DISTINCT rank) FROM kernel").fetchall()[0]
        codes = opened.sql(
            "SELECT code, rank FROM finding WHERE code IN ('rank_failed', 'missing_ranks') ORDER BY ALL"
        ).fetchall()
    told = ", ".join(code if rank is None else f"{code} ({rank})" for code, rank in codes)
    return _row(name, found, ranks, told)


def _row(name: str, found: Measured | None, ranks: int, told: str) -> str:
    if found is None:
        raise SystemExit(f"The ingest of {name} failed.")
    busy = found.cpu_s / found.wall_s
    return (
        f"| {name} | {found.wall_s:.1f} | {found.cpu_s:.1f} | {busy:.2f} | {found.peak_bytes / 1e6:,.0f} | {ranks} | {told} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", type=Path, help="of torch.profiler")
    parser.add_argument("--ranks", type=int, default=64)
    parser.add_argument("--size", type=bytes_of, default=20 * 10**6, help="of each rank")
    options = parser.parse_args()
    print(f"{psutil.cpu_count(logical=False)} cores; ranks of {options.size / 1e6:.0f} MB\n\n{_HEADER}", flush=True)
    with tempfile.TemporaryDirectory(prefix="crossprof-bench-") as name:
        base = Path(name)
        for ranks in (max(2, options.ranks // 8), options.ranks):
            folder = base / f"job{ranks}"
            write_ranks(options.capture, folder, ranks=ranks, size=options.size)
            print(line(f"{ranks} ranks", folder, base / f"store{ranks}"), flush=True)
        corrupt = folder / f"rank{options.ranks // 4}.json"
        corrupt.write_bytes(b"no trace " * 1000)
        print(
            line(f"{ranks} ranks, rank {options.ranks // 4} corrupt", folder, base / "store-corrupt", may_fail=True), flush=True
        )


if __name__ == "__main__":
    main()
