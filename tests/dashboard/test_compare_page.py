"""The page Compare: what its address asks for, and what its parts hold, over a synthetic store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.utils
import pytest

from crossprof.dashboard import create_app
from crossprof.dashboard.compare.circumstances import overhead_card, settings_card
from crossprof.dashboard.compare.compared import compared
from crossprof.dashboard.compare.matched_work import operations_card, rows_and_columns
from crossprof.dashboard.pages import compare
from crossprof.dashboard.small_multiples import SMALL_MULTIPLES, Shown, height_for
from crossprof.dashboard.snapshot import Snapshot
from crossprof.dashboard.theme import lanes, theme
from crossprof.dashboard.toggles import Toggle

CPU = ("syn-torch-0001", "syn-jax-00000001")
GPU = ("syn-torch-gpu-1", "syn-torch-gpu-2")


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Snapshot:
    return Snapshot(synthetic_store)


def plain(layout: Any) -> Any:
    return json.loads(json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder))


def text_of(layout: Any) -> str:
    return json.dumps(plain(layout), ensure_ascii=False)


def parts_of(layout: Any, kind: str) -> list[dict[str, Any]]:
    """The properties of all components of a kind."""
    found, waiting = [], [plain(layout)]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, list):
            waiting = [*part, *waiting]
        elif isinstance(part, dict):
            found += [part["props"]] if part.get("type") == kind else []
            waiting = [part.get("props", {}).get("children"), *waiting]
    return found


def test_a_run_keeps_its_place_when_another_is_the_baseline(snapshot: Snapshot) -> None:
    for base in CPU:
        layout = compare.layout(snapshot, {"runs": ",".join(CPU), "base": base})
        held = next(part for part in layout if getattr(part, "id", "") == "runs-shown").data
        assert [side[0] for side in held["sides"]] == list(CPU)
        assert held["names"][0] == base
        chips = [props for props in parts_of(layout, "Span") if props.get("className", "").startswith("run-chip")]
        assert [props["className"] for props in chips] == [f"run-chip{' is-base' if name == base else ''}" for name in CPU]


def test_every_card_gives_its_query_and_the_verdict_its_command(snapshot: Snapshot) -> None:
    layout = compare.layout(snapshot, {"runs": ",".join(GPU), "norm": "sample", "by": "operator"})
    sections = [props for props in parts_of(layout, "Section") if "card" in props["className"]]
    assert [props["id"] for props in sections if "data-sql" not in props] == []
    store = snapshot.store()
    for props in sections:
        store.arrow(props["data-sql"])
    (verdict,) = (props for props in sections if "verdict" in props["className"])
    assert verdict["data-command"] == "crossprof compare syn-torch-gpu-1 syn-torch-gpu-2 --per sample --by operator"


def test_times_are_told_per_sample_where_all_runs_know(snapshot: Snapshot) -> None:
    step, sample = (compared(snapshot, CPU, per).others[0].waterfall[-1] for per in ("step", "sample"))
    assert sample.base_ns == pytest.approx(step.base_ns / 32)
    layout = compare.layout(snapshot, {"runs": ",".join(CPU), "norm": "sample"})
    assert "per sample, in parts that add up to it" in text_of(layout)
    units = {
        one["value"]: one["disabled"]
        for props in parts_of(layout, "SegmentedControl")
        if props["id"] == "told-per"
        for one in props["data"]
    }
    assert units == {"step": False, "sample": False, "token": True}


def test_figures_of_one_page_are_of_one_height_and_draw_either_way(snapshot: Snapshot) -> None:
    store, sides = snapshot.store(), [[run_id] for run_id in (*CPU, *GPU)]
    runs = [{"run_id": side[0], "run": side[0], "framework": "torch"} for side in sides]
    for multiple in SMALL_MULTIPLES.values():
        if not multiple.has_rows(store, sides):
            continue
        for way in multiple.toggle.ways if multiple.toggle else [""]:
            figure = multiple.draw(store, Shown(sides, "sample", way, lanes(runs, "dark"), theme("dark")))
            assert figure.layout.height == height_for(4)
            assert len(figure.data) >= 2


def test_a_figure_without_rows_is_a_short_card_from_the_start(snapshot: Snapshot) -> None:
    layout = compare.layout(snapshot, {"runs": ",".join(CPU)})
    drawn = [props["id"]["figure"] for props in parts_of(layout, "Div") if isinstance(props.get("id"), dict)]
    assert drawn == ["step_time", "categories", "memory", "utilization"]
    assert "None, because no device work was recorded in any of these runs" in text_of(layout)


def test_a_run_may_stand_on_two_sides(snapshot: Snapshot) -> None:
    layout = compare.layout(snapshot, {"runs": "syn-torch-0001,tiny-transformer@all"})
    held = next(part for part in layout if getattr(part, "id", "") == "runs-shown").data
    store, sides = snapshot.store(), held["sides"]
    runs = [{"run_id": str(place), "run": label, "framework": "torch"} for place, label in enumerate(held["labels"])]
    shown = Shown(sides, "step", "box", lanes(runs, "light"), theme("light"))
    boxes = [box.name for box in SMALL_MULTIPLES["step_time"].draw(store, shown).data]
    assert len(boxes) == 4
    assert boxes[0].endswith("bare, 52 steps")
    assert boxes[2].endswith("bare, 104 steps")


def test_a_switch_stands_where_the_address_says() -> None:
    toggle = Toggle("dist", "How", {"box": "Box", "ecdf": "ECDF"})
    assert [toggle.chosen(query) for query in ({}, {"dist": "ecdf"}, {"dist": "nonsense"})] == ["box", "ecdf", "box"]
    control = toggle.control("compare", {"dist": "ecdf"})
    assert (control.value, [one["value"] for one in control.data]) == ("ecdf", ["box", "ecdf"])


def test_operations_are_matched_at_the_level_asked_for_and_lead_to_their_pages(snapshot: Snapshot) -> None:
    found = compared(snapshot, GPU, "step")
    names, columns = rows_and_columns(found, "name", "all")
    assert names[0]["name"] == max(found.others[0].levels[0].operations, key=lambda one: abs(one.delta_ns)).name
    assert names[0]["href"].startswith("/kernels?runs=syn-torch-gpu-1,syn-torch-gpu-2&find=")
    operators, _ = rows_and_columns(found, "operator", "all")
    assert {row["href"].partition("?")[0] for row in operators} == {"/operators"}
    assert [column["field"] for column in columns] == ["name", "category", "value_base", "value_0", "delta_0", "calls"]


def test_what_only_some_runs_have_is_told_apart(snapshot: Snapshot) -> None:
    found = compared(snapshot, CPU, "step")
    every, common, lone = (rows_and_columns(found, "operator", only)[0] for only in ("all", "common", "lone"))
    assert len(every) == len(common) + len(lone) == 9
    assert {row["name"] for row in lone} >= {"aten::addmm", "dot_general"}
    assert next(row for row in lone if row["name"] == "dot_general")["value_base_text"] == "–"


def test_runs_without_work_of_one_kind_say_why(snapshot: Snapshot) -> None:
    card = text_of(operations_card(compared(snapshot, (GPU[0], CPU[0]), "step"), {}))
    assert "the steps of bert-base are known by the time of its device, those of tiny-transformer" in card


def test_circumstances_that_differ_are_marked(snapshot: Snapshot) -> None:
    store = snapshot.store()
    card = settings_card(store, list(GPU), ["one", "two"], {})
    classes: dict[str, str | None] = {}
    for props in parts_of(card, "Tr"):
        if isinstance(props.get("children"), list):
            classes[props["children"][0]["props"].get("children")] = props.get("className")
    assert classes["precision"] == ""
    assert classes["framework"] == classes["layers"] == classes["OMP_NUM_THREADS"] == "is-same"
    assert "2 of 25 known circumstances" in text_of(card)


def test_what_the_profiler_cost_stands_beside(snapshot: Snapshot) -> None:
    card = text_of(overhead_card(snapshot.store(), [CPU[0]], ["tiny-transformer"]))
    assert all(told in card for told in ("52.0", "55.6", "107", "[103 to 111]"))
    assert all(head in card for head in ("Profiled over bare", "Start", "Stop", "Write", "Traces", "Telemetry, of a core"))


@pytest.mark.parametrize("query", [{}, {"runs": CPU[0]}])
def test_the_first_runs_can_be_added_in_place(snapshot: Snapshot, query: dict[str, str]) -> None:
    layout = compare.layout(snapshot, query)
    offered = next(props for props in parts_of(layout, "Select") if props["id"] == "add-run")
    assert len(offered["data"]) == 6 - len(query)
    assert "crossprof compare BASE OTHER..." in text_of(layout)


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    assert "crossprof ingest PATH" in text_of(compare.layout(Snapshot(tmp_path / "nothing"), {}))


def test_the_report_is_a_download_behind_the_guard(synthetic_store: Path) -> None:
    client = create_app(synthetic_store).server.test_client()
    path = f"/report.html?runs={CPU[0]},{CPU[1]}&base={CPU[1]}"
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert "tiny-transformer against tiny-transformer-jax" in answer.get_data(as_text=True)
    assert client.get("/report.html?runs=absent,nobody").status_code == 400
    assert client.get(f"/report.html?runs={CPU[0]}").get_data(as_text=True).startswith("A report needs two runs")
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 403
    locked = create_app(synthetic_store, token="secret").server.test_client()
    assert locked.get(path, headers={"Accept": "application/json"}).status_code == 401
