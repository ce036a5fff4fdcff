"""What HTA says of Kineto files once its known defects are taken out of them, as JSON.

    .venv-bench/bin/python benchmarks/hta_repaired.py FOLDER CAPTURE... > tests/store/hta_repaired.json

The captures are those that tests/store/peer_truth.py explains for HTA. In a copy of the file events of the host carry no
stream, times count from the first event, and the top level is an object. `hta` is its temporal breakdown by default,
`hta_exact` that with the last step and without rounding, in microseconds; an error is named.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

WORK = {"kernel", "gpu_memcpy", "gpu_memset", "memcpy", "memset"}
ASK = """
import json, logging, sys, warnings
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
from hta.trace_analysis import TraceAnalysis
try:
    told = TraceAnalysis({0: sys.argv[1]}, sys.argv[2], include_last_profiler_step=sys.argv[3] == "exact")
    row = told.get_temporal_breakdown(visualize=False).to_dict("records")[0]
    times = {name: round(float(row[name + "_time(us)"]), 3) for name in ("idle", "compute", "non_compute", "kernel")}
    times["kernel_time"] = times.pop("kernel")
    print(json.dumps(times | {"busy": round(times["kernel_time"] - times["idle"], 3)}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__}))
"""


def repaired(path: Path, folder: str) -> Path:
    """The copy without what HTA trips over."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        document = json.load(file, parse_float=Decimal)
    document = {"traceEvents": document} if isinstance(document, list) else document
    document["distributedInfo"] = {"rank": 0}
    begin = int(
        min(event["ts"] for event in document["traceEvents"] if event.get("ph") == "X")
    )  # whole: HTA rounds to microseconds
    for event in document["traceEvents"]:
        if "ts" in event:
            event["ts"] -= begin
        if event.get("ph") == "X" and str(event.get("cat")).lower() not in WORK:
            (event.get("args") or {}).pop("stream", None)
    copy = Path(folder) / "rank0.json"
    copy.write_text(json.dumps(document, default=float), encoding="utf-8")
    return copy


def main(folder: Path, names: list[str]) -> None:
    """Print both variants of every capture that is named."""
    found: dict[str, Any] = {}
    for name in names:
        [path] = [path for path in (folder / name).glob("*.json*") if path.name != "truth.json"]
        found[name] = {}
        with tempfile.TemporaryDirectory() as scratch:
            copy = repaired(path, scratch)
            for variant, rounding in (("hta", "0"), ("hta_exact", "1")):
                ran = subprocess.run(
                    [sys.executable, "-c", ASK, str(copy), scratch, "exact" if rounding == "1" else "default"],
                    env=os.environ | {"HTA_DISABLE_NS_ROUNDING": rounding},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found[name][variant] = json.loads(ran.stdout.splitlines()[-1])
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
