"""Reports over a synthetic store, and over one whose names hold markup. Their look is the browser tests' matter."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from markdown_it import MarkdownIt

from crossprof.dashboard import wording
from crossprof.dashboard.report import Content, as_html, as_markdown, figures, gather
from crossprof.errors import RunNotFound
from crossprof.store import Store, edits, publish
from crossprof.store.compare import MetricDifference
from crossprof.store.composition import CategoryDifference

VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a page holds: its elements with their attributes, and its headings. Fails if its tags do not pair."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] in (["h1"], ["h2"]):
            self.headings.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def store(synthetic_store: Path) -> Any:
    with Store(synthetic_store) as opened:
        yield opened


@pytest.fixture(scope="module")
def three(store: Store) -> Content:
    return gather(store, "syn-torch-0001", ["tiny-transformer-tf", "tiny-transformer-jax"])


@pytest.fixture(scope="module")
def two(store: Store) -> Content:
    return gather(store, "bert-base", ["bert-base-fp32"])


def test_a_page_opens_with_the_verdicts_and_says_all_the_rest(three: Content) -> None:
    text = as_html(three)
    page = Page(text)
    assert page.headings == [
        "tiny-transformer-tf and tiny-transformer-jax against tiny-transformer",
        "Metrics",
        "What differs between the runs",
        "Step time",
        "Time by category",
        "What tiny-transformer-tf differs in from tiny-transformer",
        "What tiny-transformer-jax differs in from tiny-transformer",
        "What bounds each run, and advice",
        "Further metrics",
        "Findings",
        "Definitions",
        "How this was made",
    ]
    verdicts = [wording.unbroken(other.verdict) for other in three.comparison.others]
    assert all(text.index(verdict) < text.index("Metrics</h2>") for verdict in verdicts)
    for command in (
        "crossprof compare syn-torch-0001 tiny-transformer-tf tiny-transformer-jax",
        "crossprof report syn-torch-0001",
    ):
        assert command in text


def test_a_page_loads_nothing_and_is_small(three: Content, two: Content) -> None:
    for content in (three, two):
        text = as_html(content)
        page = Page(text)
        assert len(text.encode()) < 100_000
        assert not re.search(r"(?:https?:)?//|@import|url\(", text)
        assert page.all("script") == page.all("link") == page.all("img") == []
        assert all((link["href"] or "").startswith("#") for link in page.all("a"))
        assert "default-src 'none'" in str(page.all("meta"))


def test_every_metric_leads_to_its_definition(two: Content) -> None:
    page = Page(as_html(two))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids) == len(two.registry)
    assert {f"#{one}" for one in ids} == {link["href"] for link in page.all("a")}
    text = as_html(two)
    for metric in two.registry:
        assert wording.definition(metric).replace("'", "&#x27;") in text
        assert f"from {metric['source']}" in text


def test_a_kernels_long_name_is_shown_by_its_ends_and_told_whole(two: Content) -> None:
    name = next(one.name for one in two.comparison.others[0].operations if "Gelu" in one.name)
    assert len(name) > 100
    assert [code for code in Page(as_html(two)).all("code") if code.get("title") == name]
    assert name not in as_markdown(two)
    assert f"{name[:40]}" in as_markdown(two)
    assert name[-40:].replace("|", "\\|") in as_markdown(two)


def test_figures_have_words_and_tables_captions(three: Content) -> None:
    page = Page(as_html(three))
    pictures = page.all("svg")
    assert len(pictures) == 4
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    assert "tiny-transformer · bare, 52 steps: median 52" in str(pictures[0]["aria-label"])
    assert len(page.all("caption")) == len(page.all("table")) >= 8
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))


def test_a_bar_is_as_long_as_its_share_and_boxes_keep_their_order(two: Content) -> None:
    drawn = Page(
        figures.stacks([figures.Stack("a", [("gemm", 30e6), ("idle", 10e6)]), figures.Stack("b", [("gemm", 20e6)])], "t")
    )
    assert [(bar["x"], bar["width"]) for bar in drawn.all("rect")] == [
        ("0.000%", "74.250%"), ("74.250%", "24.750%"), ("0.000%", "49.500%"),
    ]  # fmt: skip
    changes = [
        CategoryDifference("device", "gemm", 0.0, 3e6, 2e6, 4e6),
        CategoryDifference("device", "idle_host", 1e6, 0.0, -3e6, 1e6),
    ]
    drawn = Page(figures.differences(changes, "t"))
    assert [(bar["x"], bar["width"], bar["class"]) for bar in drawn.all("rect")] == [
        ("24.750%", "74.250%", "worse"), ("0.000%", "24.750%", "better pale"),
    ]  # fmt: skip
    box = Page(figures.boxes([figures.Box("a", "--text", False, (1e6, 2e6, 3e6, 4e6, 10e6))], "t"))
    assert [(bar["x"], bar["width"]) for bar in box.all("rect")] == [("19.800%", "19.800%")]
    assert {(line["x1"], line["x2"]) for line in box.all("line")} >= {("9.900%", "99.000%"), ("29.700%", "29.700%")}


def test_nothing_but_zeros_can_be_drawn() -> None:
    assert Page(figures.boxes([figures.Box("a", "--text", True, (0.0,) * 5)], "t")).all("rect")
    assert Page(figures.stacks([figures.Stack("a", [("gemm", 0.0)])], "t")).all("svg")
    assert Page(figures.differences([CategoryDifference("device", "gemm", 1.0, 1.0)], "t")).all("rect")[0]["width"] == "0.000%"


def test_what_profiling_cost_is_a_line_that_leaves_out_what_is_not_known(two: Content) -> None:
    (other,) = two.comparison.others
    told = {
        "profiler_overhead": (1.04, 1.1, "ratio"),
        "profiler_stop_time": (2e8, None, "ns"),
        "trace_size": (None, 2048.0, "bytes"),
    }
    costs = tuple(
        MetricDifference(metric, unit, base, against, 1, 1, None, None, None, "too_few", None, None)
        for metric, (base, against, unit) in told.items()
    )
    line = wording.cost("ash", replace(other, run="birch", metrics=costs))
    assert line == (
        "ash: profiled steps take 104\u2009% of bare ones, stop 200\u2009ms; "
        "birch: profiled steps take 110\u2009% of bare ones, traces 2.00\u2009KiB"
    )
    assert wording.cost("ash", replace(other, metrics=())) == ""


def test_markdown_renders_and_says_the_same(two: Content) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(as_markdown(two))
    assert html.index("bert-base-fp32 is slower than bert-base") < html.index("<h2>Metrics</h2>")
    for title in ("What differs between the runs", "What bert-base-fp32 differs in from bert-base", "How this was made"):
        assert f"<h2>{title}</h2>" in html
    assert html.count("<table>") >= 7
    assert "Differs: precision: bf16 vs float32" in html
    for metric in two.registry:
        assert f"<strong>{metric['title']}</strong> (<code>{metric['id']}</code>)" in html


def test_runs_without_work_or_steps_in_common_are_told_apart_in_words(store: Store) -> None:
    content = gather(store, "bert-base", ["tiny-transformer-jax"])
    page = Page(as_html(content))
    assert not [heading for heading in page.headings if " differs in " in heading]
    assert "one kind of time is never set beside the other" in as_markdown(content)


def test_repeats_are_one_side_and_each_is_named(store: Store) -> None:
    content = gather(store, "tiny-transformer@all", ["tiny-transformer-jax"])
    assert [len(side.runs) for side in content.sides] == [2, 1]
    text = as_html(content)
    assert "syn-torch-0001" in text
    assert "syn-torch-0002" in text


def test_an_unknown_run_is_one_line(store: Store) -> None:
    with pytest.raises(RunNotFound):
        gather(store, "bert-base", ["absent"])


def test_names_never_become_markup(tmp_path: Path, synthetic: ModuleType) -> None:
    odd = "<b>&|*x*`</style><script>"
    synthetic.write_store(tmp_path, synthetic.DEMO[:2])
    edits.rename(tmp_path, synthetic.DEMO[0].run_id, odd)
    publish(tmp_path)
    with Store(tmp_path) as opened:
        content = gather(opened, synthetic.DEMO[0].run_id, [synthetic.DEMO[1].run_id])
    page = Page(as_html(content))
    assert page.all("script") == page.all("b") == []
    assert page.headings[0] == f"tiny-transformer-tf against {odd}"
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(as_markdown(content))
    assert "<script>" not in html
    assert "<h1>tiny-transformer-tf against &lt;b&gt;&amp;|*x*`&lt;/style&gt;&lt;script&gt;</h1>" in html


def test_beside_a_verdict_stands_what_would_have_been_found(two: Content) -> None:
    (other,) = two.comparison.others
    told = replace(other.metrics[0], verdict="indistinguishable", minimum_detectable=0.042, p_value=0.0123)
    content = replace(two, comparison=replace(two.comparison, others=(replace(other, metrics=(told, *other.metrics[1:])),)))
    for text in (as_html(content), as_markdown(content).replace(" %", "\u2009%")):
        assert "would find 4.20\u2009%" in text
        assert "p 0.0123" in text


def test_the_parts_of_the_difference_add_up_to_it(two: Content) -> None:
    (other,) = two.comparison.others
    page = Page(as_html(two))
    (figure,) = [svg for svg in page.all("svg") if "change of each part" in str(svg["aria-label"])]
    assert int(str(figure["height"])) == 42 * (len(other.waterfall) + 1), "a row for each part, and one for the step"
    assert other.waterfall[0].delta_ns != 0
    assert "not seen by the profiler" in as_markdown(two)
    step = next(line for line in as_markdown(two).splitlines() if line.startswith("| Step | "))
    assert [cell.strip() for cell in step.split("|")[2:5]] == ["21.0", "33.0", "+12.0"]


def test_a_report_without_findings_or_steps_has_no_empty_card(two: Content, synthetic: ModuleType) -> None:
    bare = [replace(side, findings=[], steps=[]) for side in two.sides]
    page = Page(as_html(replace(two, sides=bare)))
    assert "Step time" not in page.headings
    assert "nothing wrong or notable was found" in as_html(replace(two, sides=bare))
