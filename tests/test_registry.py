"""Every number that names a metric is the registry's: the presentation layers are run over a store double and compute nothing.

The double is a published store whose catalog was changed: each metric of each run has a value that occurs nowhere else (its
sentinel), titles are made up, one metric is known to no code, and nothing but metrics is in it, so that any other number would
have been computed on the way.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from html.parser import HTMLParser
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import plotly.utils
import pytest

from crossprof.cli import main
from crossprof.dashboard.pages import compare, metrics, run, runs
from crossprof.dashboard.quantity import NONE, percent, percent_change, scale_for, significant
from crossprof.dashboard.runs.table import CHANGES, METRICS, deltas, load
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.wording import LEADING, extras
from crossprof.store import Store, publish, write_part
from crossprof.store.compare import MetricDifference
from crossprof.store.metrics import fill_run_metric

Values = dict[tuple[str, str], float]

RUNS = ("ash", "birch")
SAMPLES = 7
UNKNOWN = "sap_flow"
_NUMBER = re.compile(r"(?<![\w.\-])\d+(?:,\d{3})*(?:\.\d+)?")
_REGISTRY = """
    CREATE OR REPLACE VIEW metric AS
    SELECT * REPLACE ('Title of ' || id AS title) FROM told.metric WHERE peer IS NULL
    UNION ALL BY NAME
    SELECT '{unknown}' AS id, 'Title of {unknown}' AS title, 'ns' AS unit, 'lower' AS better, 'sap' AS numerator,
        'none' AS denominator, 'a summer' AS over_window, 'any run' AS comparable_across, 'tree.sap' AS source,
        'median' AS statistic, 'max' AS across_ranks
"""
_SAMPLES = """
    CREATE OR REPLACE VIEW metric_sample AS
    SELECT run_id, run_id AS run, metric, 0 AS rank, step::BIGINT AS step, step::BIGINT AS at_ns, value, 1.0::DOUBLE AS weight
    FROM told.sentinel CROSS JOIN range({samples}) AS steps(step)
"""


def _parts(store: Path) -> None:
    for run_id in RUNS:
        with duckdb.connect() as connection:
            connection.execute(files("crossprof.store").joinpath("schema.sql").read_text("utf-8"))
            connection.execute(
                "INSERT INTO run BY NAME SELECT $1 AS run_id, $1 AS run, 'torch' AS framework, 'forest' AS model, "
                "'gpu' AS device_kind, 'completed' AS status, 'recording' AS source, 1 AS world_size",
                [run_id],
            )
            connection.execute("INSERT INTO rank BY NAME SELECT ? AS run_id, 0 AS rank, 'completed' AS status", [run_id])
            write_part(connection, store, run_id=run_id, rank=0, content_sha256=run_id)


def _sentinels(registry: Sequence[tuple[str, str]]) -> list[tuple[str, str, float]]:
    """A value for each metric and run: three digits that no other has, in a range where the unit stays the registry's."""
    digits = (103 + 2 * (place * 37 % 449) for place in count())
    sizes = {"ns": 1e6, "bytes": 2.0**20, "ratio": 1e-3}
    return [(run_id, metric, next(digits) * sizes.get(unit, 1.0)) for metric, unit in registry for run_id in RUNS]


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, with its catalog changed. What the store computes of samples, it computes of the sentinels too."""
    store: Path = tmp_path_factory.mktemp("double")
    _parts(store)
    catalog = publish(store).path
    catalog.chmod(0o644)
    with duckdb.connect(str(catalog)) as connection:
        connection.execute("CREATE SCHEMA told; CREATE TABLE told.metric AS FROM metric")
        connection.execute(_REGISTRY.format(unknown=UNKNOWN))
        connection.execute("CREATE TABLE told.sentinel (run_id VARCHAR, metric VARCHAR, value DOUBLE)")
        known = connection.execute("SELECT id, unit FROM metric").fetchall()
        connection.executemany("INSERT INTO told.sentinel VALUES (?, ?, ?)", _sentinels(known))
        connection.execute(_SAMPLES.format(samples=SAMPLES))
        connection.execute("DELETE FROM rollup.run_metric")
        fill_run_metric(connection)
    catalog.chmod(0o444)
    return store


@pytest.fixture(scope="module")
def units(double: Path) -> dict[str, str]:
    with Store(double) as store:
        return dict(store.sql("SELECT id, unit FROM metric").fetchall())


@pytest.fixture(scope="module")
def values(double: Path) -> Values:
    with Store(double) as store:
        return {
            (metric, run_id): value
            for metric, run_id, value in store.sql("SELECT metric, run_id, value FROM run_metric").fetchall()
        }


@pytest.fixture(scope="module")
def differences(double: Path) -> dict[str, MetricDifference]:
    with Store(double) as store:
        return {one.metric: one for one in store.compare(*RUNS).others[0].metrics}


def text_of(metric: str, value: float, units: dict[str, str]) -> str:
    """A sentinel as it is shown."""
    return scale_for(units[metric], [value]).full(value)


@pytest.fixture
def crossprof(
    capsys: pytest.CaptureFixture[str], double: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        main([*arguments, "--store", str(double)])
        return capsys.readouterr().out

    return run


def allowed(values: Values, units: dict[str, str], differences: Iterable[MetricDifference]) -> set[str]:
    """All numbers that may be shown: sentinels, their ratios, and counts of samples, as the store or `quantity` writes them."""
    found = {str(SAMPLES), "95", "0", "1"}  # 95 % interval; the ratio of a metric to itself; one rank
    for (metric, _), value in values.items():
        found |= numbers(text_of(metric, value, units))
        found |= {f"{value / divisor:{form}}" for divisor in (1.0, 1e6) for form in (".3g", ",.4g")}  # the verdict's own forms
    for one in differences:
        assert one.ratio is not None
        factors = (one.ratio, 1 / one.ratio)
        found |= {f"{factor:.{digits}f}" for factor in factors for digits in (2, 3)} | {significant(one.ratio)}
        found |= numbers(" ".join(extras(one))) | numbers(percent(one.minimum_detectable or 0.0))
        found |= numbers(percent_change(one.ratio)) | numbers(f"{100 * (one.ratio - 1):+.1f}")
    return found


def numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text.replace("%", " ").replace("×", " ")))


def rows_of(out: str) -> dict[str, str]:
    """The lines of a printed table by their first word."""
    return {line.split()[0]: line for line in out.splitlines() if line.strip()}


def test_the_double_holds_a_value_of_its_own_for_each_metric_of_the_registry(values: Values, units: dict[str, str]) -> None:
    assert {metric for metric, _ in values} == set(units) >= {"step_time", "peak_memory", UNKNOWN}
    texts = [text_of(metric, value, units) for (metric, _), value in values.items()]
    assert len(set(texts)) == len(texts) == 2 * len(units)


def test_show_prints_the_registrys_values_alone(crossprof: Callable[..., str], values: Values, units: dict[str, str]) -> None:
    table = crossprof("show", "ash").partition("\nMetrics\n")[2].partition("\n\n")[0]
    rows = rows_of(table)
    assert set(rows) - {"metric", "No"} == set(units)
    for metric, unit in units.items():
        value = values[metric, "ash"]
        scale = scale_for(unit, [value])
        assert rows[metric].split()[1] == scale.text(value)
        assert numbers(rows[metric].partition(" ")[2]) <= numbers(scale.text(value)) | {str(SAMPLES)}


def test_json_has_the_registrys_values_alone(crossprof: Callable[..., str], values: Values) -> None:
    shown = json.loads(crossprof("show", "ash", "--json"))
    of_ash = {metric: value for (metric, run_id), value in values.items() if run_id == "ash"}
    assert {one["metric"]: one["value"] for one in shown["metrics"]} == of_ash
    (other,) = json.loads(crossprof("compare", *RUNS, "--json"))["others"]
    compared = {(one["metric"], "ash"): one["base"] for one in other["metrics"]}
    assert compared | {(one["metric"], "birch"): one["other"] for one in other["metrics"]} == values


def test_compare_prints_the_registrys_values_alone(
    crossprof: Callable[..., str], values: Values, units: dict[str, str], differences: dict[str, MetricDifference]
) -> None:
    out = crossprof("compare", *RUNS)
    rows = rows_of(out.partition("birch against ash\n")[2])
    for metric, unit in units.items():
        base, other = (values[metric, name] for name in RUNS)
        scale = scale_for(unit, [base, other])
        assert rows[metric].split()[1:3] == [scale.text(base), scale.text(other)]
    assert numbers(out) <= allowed(values, units, differences.values())


def test_runs_prints_no_metric(crossprof: Callable[..., str]) -> None:
    assert numbers(crossprof("runs")) <= {"1"}


def test_check_prints_the_registrys_values_alone(
    crossprof: Callable[..., str], double: Path, values: Values, units: dict[str, str], differences: dict[str, MetricDifference]
) -> None:
    with Store(double) as store:
        better = dict(store.sql("SELECT id, better FROM metric").fetchall())
    asked = [f"--max-regression={metric}={'-' * (better[metric] == 'none')}42%" for metric in units]
    may_show = allowed(values, units, differences.values()) | {"42", str(len(units))}
    for form in ([], ["--markdown", "-"], ["--junit", "-"]):
        out = crossprof("check", *RUNS, *asked, *form)
        passing = numbers(re.search(r"passes (\d+) of", out)[0]) if "passes" in out else set()  # type: ignore[index]
        counts = set(re.findall(r'(?:tests|failures|errors|skipped|version|time)="([\d.]+)"', out))
        assert numbers(re.sub("UTF-8", "", out)) <= may_show | passing | counts, form
        for metric in units:
            assert text_of(metric, values[metric, "birch"], units).split("\u2009")[0] in out


class _Tables(HTMLParser):
    """Rows of the tables of a page, each a list of the texts of its cells, and all of its text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.text: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._is_style = tag == "style"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.text += [value for name, value in attrs if name in ("title", "aria-label")]

    def handle_data(self, data: str) -> None:
        if self._is_style:
            return
        self.text.append(data)
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def _told_elsewhere(text: str) -> str:
    """The text without what is no metric: when and by which version it was made."""
    return re.sub(r"\d{4}-\d{2}-\d{2} [\d:]+ UTC|crossprof [\d.]+", "", text)


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_the_report_has_the_registrys_values_and_definitions_alone(
    crossprof: Callable[..., str],
    double: Path,
    values: Values,
    units: dict[str, str],
    differences: dict[str, MetricDifference],
    form: str,
) -> None:
    page = crossprof("report", *RUNS, "-o", "-", "--format", form)
    with Store(double) as store:
        registry = store.arrow("SELECT * FROM metric").to_pylist()
    for metric in units:
        assert page.count(f"Title of {metric}".replace("_", "\\_" if form == "markdown" else "_")) >= 2, (
            "a row and a definition"
        )
    if form == "html":
        parsed = _Tables()
        parsed.feed(page)
        rows = {row[0]: row for row in parsed.rows if row}
        for metric, unit in units.items():
            base, other = (values[metric, name] for name in RUNS)
            scale = scale_for(unit, [base, other])
            _, of_base, of_other = rows[f"Title of {metric}"]
            assert of_base == scale.full(base)
            assert of_other.startswith(scale.full(other))
        page = "\n".join(parsed.text)
    defined = numbers(" ".join(str(text) for metric in registry for text in metric.values()))
    assert numbers(_told_elsewhere(page)) <= allowed(values, units, differences.values()) | defined


@pytest.fixture(scope="module")
def snapshot(double: Path) -> Snapshot:
    return Snapshot(double)


def plain(layout: Any) -> Any:
    """A layout as the browser gets it."""
    return json.loads(json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder))


def parts_of(layout: Any) -> list[Any]:
    """All components of a layout."""
    found, waiting = [], [plain(layout)]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, list):
            waiting = [*part, *waiting]
        elif isinstance(part, dict):
            found.append(part)
            waiting = [part.get("props", {}).get("children"), *waiting]
    return found


def words_of(part: Any) -> str:
    if isinstance(part, dict):
        return words_of(part.get("props", {}).get("children"))
    return " ".join(words_of(child) for child in part) if isinstance(part, list) else "" if part is None else str(part)


def table_rows(layout: Any) -> dict[str, list[str]]:
    """The rows of all tables of a page by their first cell."""
    rows = [[words_of(cell) for cell in part["props"]["children"]] for part in parts_of(layout) if part.get("type") == "Tr"]
    return {row[0].strip(): row for row in rows}


def test_the_page_of_a_run_has_the_registrys_values_alone(snapshot: Snapshot, values: Values, units: dict[str, str]) -> None:
    layout = run.layout(snapshot, {"run": "ash"})
    rows = table_rows(layout)
    for metric in units:
        shown = text_of(metric, values[metric, "ash"], units)
        text = shown.split("\u2009")[0]
        value, interval, samples = rows[f"Title of {metric}"][1:]
        assert (value, samples) == (shown, str(SAMPLES))
        assert interval in (f"{text} to {text}", NONE)
    assert numbers(words_of(plain(layout))) <= allowed(values, units, [])


def test_the_page_of_a_comparison_has_the_registrys_values_alone(
    snapshot: Snapshot, values: Values, units: dict[str, str], differences: dict[str, MetricDifference]
) -> None:
    layout = compare.layout(snapshot, {"runs": ",".join(RUNS)})
    rows = table_rows(layout)
    for metric, unit in units.items():
        base, other = (values[metric, name] for name in RUNS)
        scale = scale_for(unit, [base, other])
        assert rows[f"Title of {metric}"][1] == scale.full(base)
        assert rows[f"Title of {metric}"][2].startswith(scale.full(other))
        assert percent_change(differences[metric].ratio) in rows[f"Title of {metric}"][2]
    few = {str(len(set(units) - set(LEADING)))}  # "15 more metrics"
    headed = {"0.2", "6"}  # how often a recording samples; "0 of 6 known circumstances"
    assert numbers(words_of(plain(layout))) <= allowed(values, units, differences.values()) | few | headed


def test_the_page_of_metrics_has_the_registrys_values_and_definitions_alone(
    snapshot: Snapshot, double: Path, values: Values, units: dict[str, str]
) -> None:
    layout = metrics.layout(snapshot, {"runs": ",".join(RUNS)})
    articles = {part["props"]["id"]: words_of(part) for part in parts_of(layout) if part.get("type") == "Article"}
    assert set(articles) == set(units)
    for metric, unit in units.items():
        scale = scale_for(unit, [values[metric, name] for name in RUNS])
        for name in RUNS:
            assert scale.full(values[metric, name]) in articles[metric]
    with Store(double) as store:
        registry = store.arrow("SELECT * FROM metric").to_pylist()
    defined = numbers(" ".join(str(text) for metric in registry for text in metric.values()))
    scales = [scale_for(unit, [values[metric, name] for name in RUNS]) for metric, unit in units.items()]
    shown = {scale.text(values[metric, name]) for metric, scale in zip(units, scales, strict=True) for name in RUNS}
    assert numbers(words_of(plain(layout))) <= shown | defined | {str(len(units))}


def test_the_page_of_runs_has_the_registrys_values_alone(snapshot: Snapshot, values: Values, units: dict[str, str]) -> None:
    (grid,) = (part for part in parts_of(runs.layout(snapshot, {})) if part["props"].get("id") == "runs")
    rows = grid["props"]["rowData"]
    named = set(units) & set(rows[0])
    assert named == set(METRICS)
    for row in rows:
        for metric in named:
            assert row[metric] == values[metric, row["run"]]
            text = text_of(metric, row[metric], units).split("\u2009")[0]
            assert numbers(row[f"{metric}_text"]) == {text}
    others = {key: value for key, value in rows[0].items() if key.removesuffix("_text") not in named}
    assert not [key for key, value in others.items() if isinstance(value, float) and not math.isnan(value)]


def test_the_changes_in_the_table_of_runs_are_the_stores(
    snapshot: Snapshot, units: dict[str, str], differences: dict[str, MetricDifference]
) -> None:
    rows, _ = load(snapshot.store())
    deltas(snapshot.store(), rows, RUNS[0])
    held = {row["run"]: row for row in rows}
    for metric in CHANGES:
        assert held[RUNS[1]][f"delta_{metric}"] == differences[metric].ratio
        assert percent_change(differences[metric].ratio) in held[RUNS[1]][f"delta_{metric}_text"]
        assert f"delta_{metric}" not in held[RUNS[0]]
