"""Write docs/reconciliation.md: our numbers of the captures in CROSSPROF_CORPUS beside other tools'. `--check`: is it stale?"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "store"))  # what the tools said is kept beside the tests that hold us to it

import naive_peers  # noqa: E402
import peer_truth  # noqa: E402
from peer_truth import DEFECTS, EXPLAINED, HTA_REPAIRED, PLUGIN, REPAIRED, TRUTHS, Key, variant_of  # noqa: E402

from crossprof.ingest import ingest  # noqa: E402
from crossprof.store import Store  # noqa: E402

PAGE = ROOT / "docs" / "reconciliation.md"
INTRODUCTION = """<!-- Written by `make reconcile` from real captures. Edit docs/reconcile.py, not this. -->

# Reconciliation

Every public capture that the tests know, by the folder that holds it: our numbers, and those of other tools by our rules for
them (`peer_metric`) beside what the tools themselves said. [What each number is, and why it differs from ours](peers.md);
[what the converters of xprof say of our tables](peers.md#xprof-as-an-oracle).

`make reconcile` writes this page from the captures that `CROSSPROF_CORPUS` names; `tests/store/test_peers.py` holds every
figure of it to 0.1 %. HTA 0.5.0, TraceLens 171dd747, xprof 2.24.2; the TensorBoard plugin is torch-tb-profiler 0.4.3.
"""
BREAKDOWN = """
## Where the time of a device goes

One row is one device from its first to its last work, in nanoseconds. *Off* is what compute, exposed communication, exposed
copies and idle time leave of the window: 0 where they add up to it. *Steps* says in how many of the profiled steps they do.
Busy is the union of all work, over the whole file and over the steps.
"""
BUSY = """
## Busy time by the rules of each

Microseconds, all devices of a rank (ours: added up). What differs by more than 0.1 % from ours has a reason in the last column:
*last step*, HTA leaves out what the last of several steps launched; *rounding*, HTA rounds each start up and each end down to
microseconds; *launch*, work that the file has no launch of is left out.
"""
NUMBERS = """
## Every number, by us and by the tool

Microseconds of times, shares of 1. *Off* is how far our figure is from the tool's; HTA tells shares to 0.0001, xprof to 0.001,
which is far for small ones. Figures that are 0 on both sides are left out. Where the tool has no figure, or another by more
than 0.1 %, the next section says why.
"""
DIFFERENCES = """
## Where our figure for a tool is not the tool's

Beyond 0.1 % they differ only by a defect of the tool that we do not repeat. *Without* is the tool's rule on the plain events,
`tests/store/naive_peers.py`, and is our figure; *with* is the same rule with the defect, and is the tool's. *Repaired* is what
HTA 0.6.1 says of a copy of the file in which nothing of the kind is left (`benchmarks/hta_repaired.py`): no streams on events
of the host, times from the first event on, an object at the top.
"""
RELEASED = """
## The TensorBoard plugin as released

The numbers above are of the plugin with repairs (`benchmarks/tensorboard_plugin.py`); with them it says of every capture what
we say. As released it does not know `cuda_runtime`, so that a step does not reach to the end of its work and Runtime is 0;
takes annotations of the user for nothing, so that their time is Other; takes projections of marks onto a GPU for steps; keeps
times as doubles; and fails on a file that is one array.
"""


def main() -> int:
    """Write the page, or with --check say whether it is stale."""
    if not TRUTHS:
        sys.stderr.write("No captures: set CROSSPROF_CORPUS to their folder.\n")
        return 1
    text = page()
    if "--check" in sys.argv[1:]:
        is_stale = not PAGE.is_file() or PAGE.read_text() != text
        if is_stale:
            sys.stderr.write("docs/reconciliation.md is stale. Run `make reconcile`.\n")
        return int(is_stale)
    PAGE.write_text(text)
    return 0


def page() -> str:
    """The page as the captures and the code of now have it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in TRUTHS:
            ingest([peer_truth.FOLDER / name], store=Path(folder), name=name, jobs=1)
        with Store(Path(folder)) as store:
            ours = {name: of_capture(store, name) for name in TRUTHS}
            return (
                f"{INTRODUCTION}{BREAKDOWN}\n{breakdown(store)}{BUSY}\n{busy(store)}"
                f"{NUMBERS}{numbers(ours)}{DIFFERENCES}\n{defects()}\n{differences(ours)}{RELEASED}\n{released(ours)}"
            )


def of_capture(store: Store, name: str) -> dict[Key, float]:
    """Our figures for other tools, times in microseconds."""
    rows = store.sql(
        "SELECT rank, device_id, metric, if(unit = 'ns', value / 1000, value) FROM peer_metric WHERE run = ?", params=[name]
    ).fetchall()
    return {(rank, device, metric): value for rank, device, metric, value in rows}


def breakdown(store: Store) -> str:
    """Our breakdown of every device, and whether its parts add up."""
    rows = store.sql("""
        WITH added AS (
            SELECT *, window_ns - compute_ns - exposed_communication_ns - exposed_copy_ns - idle_ns AS off_ns FROM breakdown
        ),
        by_step AS (
            SELECT run_id, rank, device_id, count(*) FILTER (off_ns = 0) || ' of ' || count(*) AS steps
            FROM added WHERE step IS NOT NULL GROUP BY ALL
        ),
        busy AS (
            SELECT run_id, rank, device_id, max(busy_ratio) FILTER (scope = 'capture') AS in_capture,
                max(busy_ratio) FILTER (scope = 'steps') AS in_steps
            FROM device_busy GROUP BY ALL
        )
        SELECT run, rank, device_id, compute_ns, exposed_communication_ns, exposed_copy_ns, idle_ns, window_ns, off_ns,
            steps, format('{:.2f} %', in_capture * 100), format('{:.2f} %', in_steps * 100)
        FROM added LEFT JOIN by_step USING (run_id, rank, device_id) JOIN busy USING (run_id, rank, device_id)
        WHERE step IS NULL
        ORDER BY run, rank, device_id
    """).fetchall()
    names = "capture rank device compute communication copies idle window off steps busy,_file busy,_steps"
    return table([name.replace("_", " ") for name in names.split()], rows, first_number=1)


def busy(store: Store) -> str:
    """Busy time of every rank by the rules of each tool."""
    rows = store.sql("""
        WITH told AS (
            PIVOT (
                SELECT run, rank, metric, value FROM peer_metric
                WHERE metric IN ('hta.busy', 'hta.busy_exact', 'tracelens.busy_time', 'tracelens.busy_time_all')
            ) ON metric IN ('hta.busy' AS hta, 'hta.busy_exact' AS exact, 'tracelens.busy_time' AS linked,
                'tracelens.busy_time_all' AS everything)
            USING sum(value) GROUP BY run, rank
        ),
        own AS (SELECT run, rank, sum(busy_ns) AS busy_ns FROM device_busy WHERE scope = 'capture' GROUP BY ALL),
        marked AS (SELECT run, rank, count(*) AS steps FROM step JOIN run USING (run_id) WHERE is_profiled GROUP BY ALL),
        short AS (SELECT run, rank, bool_or(dur_ns % 1000 <> 0) AS has_ns FROM kernel JOIN run USING (run_id) GROUP BY ALL)
        SELECT run, rank, format('{:.3f}', busy_ns / 1e3), format('{:.3f}', hta / 1e3), format('{:.3f}', exact / 1e3),
            format('{:.3f}', linked / 1e3), format('{:.3f}', everything / 1e3), concat_ws(', ',
                if(abs(hta / busy_ns - 1) > 1e-3 AND steps > 1, 'last step', NULL),
                if(abs(hta / busy_ns - 1) > 1e-3 AND has_ns, 'rounding', NULL),
                if(abs(exact / busy_ns - 1) > 1e-3 OR abs(linked / busy_ns - 1) > 1e-3, 'launch', NULL))
        FROM own JOIN told USING (run, rank) JOIN short USING (run, rank) LEFT JOIN marked USING (run, rank)
        ORDER BY run, rank
    """).fetchall()
    names = ["capture", "rank", "crossprof", "HTA", "HTA, exact", "TraceLens", "TraceLens, all", "why"]
    return table(names, rows, first_number=1)


def numbers(ours: dict[str, dict[Key, float]]) -> str:
    """Every number of every tool, one table a capture."""
    text = ""
    for name, found in ours.items():
        told = peer_truth.told_by_tools(name)
        silent = {key for key in found if (name, variant_of(key[2])) in EXPLAINED}
        keys = sorted(told.keys() | silent, key=lambda key: (key[2].split(".")[0], key[0], key[1] or 0, key[2]))
        rows = [(key[2], key[0], key[1], *figures(found.get(key), told.get(key))) for key in keys]
        shown = [row for row in rows if row[3] not in ("", "0.000") or row[4] not in ("", "0.000")]
        if shown:
            text += f"\n### {name}\n\n{table(['number', 'rank', 'device', 'crossprof', 'tool', 'off'], shown, first_number=1)}"
    return text


def figures(own: float | None, theirs: float | None) -> tuple[str, str, str]:
    """Two figures as text, and the distance between them in per cent."""
    off = "" if own is None or not theirs else f"{(own / theirs - 1) * 100:+.3f} %".replace("-0.000", "+0.000")
    return number(own), number(theirs), off.replace("+0.000", "0.000")


def number(value: float | None) -> str:
    """Three decimals; more for a share, which may be small."""
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) >= 1 or value == 0 else f"{value:.6g}"


def defects() -> str:
    """What the last column of the table of differences stands for."""
    return "".join(f"- *{name}*: {text}\n" for name, text in DEFECTS.items())


def differences(ours: dict[str, dict[Key, float]]) -> str:
    """The figures that differ, with the defect that makes the difference, and what the rule gives with and without it."""
    rows: list[Sequence[object]] = []
    for (name, variant), defect in EXPLAINED.items():
        told, path = peer_truth.told_by_tools(name), peer_truth.file_of(name)
        plain = REPAIRED[variant](naive_peers.read(path))
        faulty = REPAIRED[variant](naive_peers.read(path, defect)) if defect in ("strays", "doubles") else {}
        repaired, suffix = HTA_REPAIRED.get(name, {}).get(variant, {}), variant.partition("_")[2]
        for key in sorted({*ours[name], *told}, key=lambda key: key[2]):
            short = key[2].partition(".")[2].removesuffix(f"_{suffix}")
            own, theirs = ours[name].get(key), told.get(key)
            if variant_of(key[2]) == variant and short in plain | faulty and is_apart(own, theirs):
                figures = (own, plain.get(short), repaired.get(short), theirs, faulty.get(short))
                rows.append((name, key[2], *map(number, figures), defect))
    names = ["capture", "number", "crossprof", "without", "repaired", "tool", "with", "defect"]
    return table(names, rows, first_number=2, last_number=6)


def is_apart(own: float | None, theirs: float | None) -> bool:
    """Whether two figures differ by more than 0.1 %, or one of them is missing."""
    return own is None or theirs is None or abs(own - theirs) > 1e-3 * abs(theirs) + 1e-3


def released(ours: dict[str, dict[Key, float]]) -> str:
    """What the plugin says as released, where that is more than 0.1 % off."""
    rows: list[Sequence[object]] = []
    for file, both in PLUGIN.items():
        name, rank = file.split("/")
        for metric in ("gpu_utilization", "step_time", "runtime_time", "cpu_exec_time", "other_time"):
            for key, value in sorted(both["repaired"].items()):
                own = ours[name].get((int(rank), int(key.split("/")[1]) if "/" in key else None, f"tb.{metric}"))
                was = both["released"].get(key)
                if key.split("/")[0] == metric and (
                    was is None or abs(was - value) > 1e-3 * abs(value) + 0.02 * ("time" in key)
                ):
                    rows.append((name, rank, f"tb.{metric}", number(own), number(value), number(was)))
    return table(["capture", "rank", "number", "crossprof", "repaired", "released"], rows, first_number=3)


def table(names: Sequence[str], rows: Iterable[Sequence[object]], *, first_number: int, last_number: int | None = None) -> str:
    """A Markdown table; columns of numbers lean to the right."""
    last = len(names) - 1 if last_number is None else last_number
    rule = ["---:" if first_number <= index <= last else "---" for index in range(len(names))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (list(names), rule, *texts(rows)))


def texts(rows: Iterable[Sequence[object]]) -> Iterator[list[str]]:
    """The cells of each row as text."""
    for row in rows:
        yield ["" if cell is None else str(cell) for cell in row]


if __name__ == "__main__":
    sys.exit(main())
