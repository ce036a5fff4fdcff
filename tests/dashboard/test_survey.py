"""The survey's report as the page and the file draw it, made up (survey_report.py); their look is the browser tests' matter."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from plotly.utils import PlotlyJSONEncoder

from crossprof.cli import main
from crossprof.dashboard.pages import survey
from crossprof.dashboard.report.markup import element
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.survey import reported
from crossprof.dashboard.survey.axis import ratio_axis
from crossprof.dashboard.survey.document import as_survey_html
from crossprof.dashboard.survey.forest import forest
from crossprof.dashboard.survey.words import anchors, claimed, claimed_sides
from crossprof.errors import CrossprofError
from crossprof.survey.report import Report
from crossprof.survey.row import Figure, Row

VOID = {"meta", "br"}


class Tags(HTMLParser):
    """Fails if the tags of a text don't pair."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report(survey_report: ModuleType) -> Report:
    made: Report = survey_report.made_up()
    return made


@pytest.fixture(scope="module")
def file(report: Report) -> str:
    return as_survey_html(report)


def row_of(report: Report, place: int, table: int = 0) -> Row:
    return report.tables[table].rows[place]


def with_ratio(row: Row, value: float, low: float | None, high: float | None) -> Row:
    return replace(row, ratio=Figure(value, low, high, "ratio", 40), claim=None)


def test_an_axis_is_as_far_to_half_as_to_twice_and_holds_all_points(report: Report) -> None:
    row = row_of(report, 0)
    axis = ratio_axis([with_ratio(row, 0.5, 0.5, 0.5), with_ratio(row, 2.0, 2.0, 2.0)])
    assert axis.at(1.0) - axis.at(0.5) == pytest.approx(axis.at(2.0) - axis.at(1.0))
    assert 0 < axis.at(0.5) < axis.at(1) < axis.at(2.0) < 1
    assert axis.ticks == (0.5, 0.7, 1.0, 1.5, 2.0)


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, 0.999, 1.0, 1.004, 1.8, 9.0, 40.0, 1e9, float("inf"), float("nan")])
def test_ticks_are_few_and_one_of_them_is_no_difference(report: Report, value: float) -> None:
    axis = ratio_axis([with_ratio(row_of(report, 0), value, None, None)])
    assert 1.0 in axis.ticks
    assert 1 <= len(axis.ticks) <= 6
    assert 0 < axis.low < 1 < axis.high


def test_a_ratio_beyond_the_axis_is_an_arrow_at_its_end(report: Report) -> None:
    row = with_ratio(row_of(report, 0), 5000.0, None, None)
    drawn = forest(element, replace(row, verdict="worse"), ratio_axis([row]))
    assert 'class="point is-worse is-above" style="left:100.00%"' in drawn
    row = with_ratio(row, 1e-5, None, None)
    assert 'is-below" style="left:0.00%"' in forest(element, row, ratio_axis([row]))


def test_a_wide_interval_leaves_the_other_rows_their_room_and_ends_in_arrows(report: Report) -> None:
    row = row_of(report, 0)
    wide = with_ratio(row, 1.0, 1e-4, 900.0)
    axis = ratio_axis([wide, with_ratio(row, 1.2, 1.15, 1.25)])
    assert axis.at(1.2) - axis.at(1.0) > 0.1
    drawn = forest(element, wide, axis)
    assert "is-cut-low is-cut-high" in drawn
    assert "left:0.00%;width:100.00%" in drawn
    assert "is-cut" not in forest(element, with_ratio(row, 1.2, 1.15, 1.25), axis)


def test_marks_stand_where_the_axis_has_their_ratios(report: Report) -> None:
    row = replace(row_of(report, 0), ratio=Figure(0.93, 0.9, 0.97, "ratio", 40))
    axis = ratio_axis([row])
    drawn = forest(element, row, axis)
    places = [100 * axis.at(ratio) for ratio in (0.9, 0.93, 0.95)]
    assert re.findall(r"left:([\d.]+)%", drawn) == [f"{place:.2f}" for place in places]
    assert 'aria-label="Ratio: measured 0.930 [0.900 to 0.970], the survey 0.95; 1 is no difference."' in drawn


def test_a_row_keeps_its_anchor_when_others_join(report: Report) -> None:
    table = report.tables[0]
    names = anchors(table)
    assert len(set(names)) == len(names) == len(table.rows)
    assert names[0] == "training-bert-tiny-throughput-keras-tensorflow-graph"
    assert set(anchors(replace(table, rows=table.rows[2:]))) <= set(names)
    twice = anchors(replace(table, rows=(table.rows[0], table.rows[0], table.rows[0])))
    assert twice == [names[0], f"{names[0]}--2", f"{names[0]}--3"]


def test_the_surveys_figures_are_short_and_one_without_figures_says_who_is_ahead(survey_report: ModuleType) -> None:
    assert claimed(survey_report.claim(0.95)) == "0.95"
    assert claimed(survey_report.claim(3.5 / 3.2)) == "1.09"
    assert claimed(survey_report.claim(None)) == "PyTorch ahead"
    assert claimed_sides(survey_report.claim(pytorch=3.2, tensorflow=3.5)) == "3.2 / 3.5\u2009ms"
    assert claimed_sides(survey_report.claim()) == ""
    assert claimed_sides(survey_report.claim(0.95, pytorch=1.0, tensorflow=0.95)) == "", "the ratio says it"


def test_the_file_has_every_table_word_and_row_and_loads_nothing(report: Report, file: str) -> None:
    Tags(file)
    titles = ["What to choose", *(table.title for table in report.tables), "Measured on"]
    assert re.findall(r"<h2>([^<]+)</h2>", file) == titles
    for word in ("supports", "contradicts", "cannot tell here"):
        assert file.count(f">{word}</span>") >= 7
    assert file.count('<tr id="') == 70
    assert not re.search(r"<script|\ssrc=|url\(|@import|href=\"(?!#)", file)
    assert set(re.findall(r'href="#([^"]+)"', file)) <= set(re.findall(r'id="([^"]+)"', file))
    assert len(file) < 500_000


def test_the_file_says_what_was_measured_why_and_by_which_query(report: Report, file: str) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", file))
    row = row_of(report, 1)
    assert row.label in text
    assert row.why in text
    assert all(note in text for note in row.notes)
    assert row.sql.replace("'", "&#x27;") in file
    assert "crossprof compare bert-base@all bert-base-fp32@all" in text
    assert "torch 2.13.0" in text
    assert "2 × AMD EPYC 9654" in text


def test_a_command_in_a_sentence_is_one_to_copy_and_a_label_is_no_markup(report: Report) -> None:
    row = replace(row_of(report, 8), label="<b>bold</b> & co", because="Not measured: `crossprof bench`.")
    table = replace(report.tables[0], rows=(row,))
    told = as_survey_html(replace(report, tables=(table,), decisions=()))
    assert '<code class="advice"><span>crossprof</span> <span>bench</span></code>' in told
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; co" in told
    assert "<b>" not in told


def test_sentences_stay_where_their_table_is_left_out(report: Report) -> None:
    told = as_survey_html(replace(report, tables=report.tables[:1]))
    assert "ONNX Runtime answers first." in told
    assert set(re.findall(r'href="#([^"]+)"', told)) <= set(re.findall(r'id="([^"]+)"', told))


def test_an_empty_report_names_the_command_and_shows_the_claims(survey_report: ModuleType) -> None:
    told = as_survey_html(survey_report.unmeasured())
    assert "Nothing measured yet" in told
    assert "crossprof bench --table all --size tiny" in told
    assert told.count('class="claimed"') == 7
    assert "What to choose" not in told


def test_the_page_offers_the_sessions_that_the_store_has(
    survey_report: ModuleType, synthetic: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic.write_store(tmp_path, synthetic.DEMO[:2])
    for run, bench in zip(synthetic.DEMO, ("first", "second"), strict=False):
        assert main(["tag", run.run_id, f"bench={bench}", "--store", str(tmp_path)]) == 0
    snapshot = Snapshot(tmp_path)
    with pytest.raises(CrossprofError, match="session 'third'"):
        survey.body(snapshot, {"bench": "third", "open": []})
    asked: list[str | None] = []
    monkeypatch.setattr(reported, "report_of", lambda _store, bench: asked.append(bench) or survey_report.unmeasured())
    for chosen in ("", "first"):
        layout = survey.layout(snapshot, {"bench": chosen})
        told = json.dumps(survey.body(snapshot, layout[-1].data), cls=PlotlyJSONEncoder)
        assert f'"crossprof bench report{" --bench first" if chosen else ""} --table memory"' in told
        page = json.dumps(layout, cls=PlotlyJSONEncoder)
        offered = re.findall(r'"selected": (true|false), "value": "(\w*)"', page)
        assert offered == [(str(value == chosen).lower(), value) for value in ("", "second", "first")]
        assert f'"/survey.html{"?bench=first" if chosen else ""}"' in page
    assert asked == [None, "first"]
    snapshot.close()
