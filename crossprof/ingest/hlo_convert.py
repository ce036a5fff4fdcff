"""A script for a process of its own: what xprof makes of one XPlane file, as JSON files in the folder of that file.

xprof is native code that may crash or hang, and it writes cache files beside its input. Imports nothing of crossprof.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def main(trace: Path) -> None:
    """Write hlo_op.json, hlo_roofline.json and hlo_module.json, each whole or not at all, what matters most first."""
    from xprof.convert import raw_to_tool_data as converter

    def converted(tool: str, **options: str) -> Any:
        data, _ = converter.xspace_to_tool_data([str(trace)], tool, options)
        return json.loads(data) if data else []

    _write(trace.with_name("hlo_op.json"), _records(converted("hlo_stats")))
    _write(trace.with_name("hlo_roofline.json"), _roofline(converted("roofline_model")))
    converter.xspace_to_tool_names([str(trace)])  # leaves the HLO of each program beside the trace
    programs = [path.name.removesuffix(".hlo_proto.pb") for path in sorted(trace.parent.glob("*.hlo_proto.pb"))]
    modules = [(program, converted("memory_viewer", module_name=program)) for program in programs]
    _write(trace.with_name("hlo_module.json"), [_module(program, figures) for program, figures in modules])


def _records(table: Any) -> list[Row]:
    """The rows of a table as the tools write it for Google Charts; of several tables those of the first."""
    table = (table[0] if table else {}) if isinstance(table, list) else table
    names = [column["id"] for column in table.get("cols", ())]
    return [dict(zip(names, ((cell or {}).get("v") for cell in row["c"]), strict=False)) for row in table.get("rows", ())]


def _roofline(tables: Any) -> list[Row]:
    """The rows of single operations, each with the peaks of the chip."""
    peaks = tables[0].get("p") or {} if tables else {}
    roof = {name: peaks.get(name) for name in ("peak_flop_rate", "peak_hbm_bw")}
    rows = _records(tables)
    return [
        row | roof for row in rows if row["step"] == "Total" and row["include_infeed_outfeed"] and row["operation"] != "Program"
    ]


def _module(program: str, figures: Any) -> Row:
    """The figures of one program without its lists of buffers. `program` is its name and, in brackets, its id."""
    name, _, number = program.rpartition("(")
    plain = {key: value for key, value in dict(figures or {}).items() if not isinstance(value, list | dict)}
    return {"module": name, "program_id": number.rstrip(")"), **plain}


def _write(path: Path, rows: list[Row]) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(rows), encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
