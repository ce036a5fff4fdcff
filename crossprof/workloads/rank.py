"""One process of a cell: `python -m crossprof.workloads.rank TASK`, as `run` starts it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from crossprof.errors import CrossprofError
from crossprof.workloads.cell import Cell
from crossprof.workloads.lifeline import hold
from crossprof.workloads.processors import keep_to

__all__ = ["main"]


def main(text: str) -> None:
    """Do a task and leave what came of it beside the others' in its folder, in one rename."""
    task = json.loads(text)
    keep_to(task["processors"])
    from crossprof.workloads.record import record

    folder = Path(task["folder"])
    outcome = record(Cell.from_json(task["cell"]), store=task["store"], meeting=folder)
    written = folder / f"outcome-{task['rank']}.json.new"
    written.write_text(json.dumps(outcome), encoding="utf-8")
    written.replace(written.with_suffix(""))


if __name__ == "__main__":
    hold()
    try:
        main(sys.argv[1])
    except CrossprofError as error:
        sys.exit(str(error))
