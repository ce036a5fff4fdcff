"""What the pages hold, as Dash components, over a synthetic store; their look is the browser tests' matter."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import plotly.utils
import pytest

from crossprof.dashboard import create_app
from crossprof.dashboard.compare import verdicts
from crossprof.dashboard.compare.waterfall import waterfall_card
from crossprof.dashboard.pages import PAGES, compare, runs
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import CrossprofError, RunNotFound
from crossprof.store.compare import RunDifference
from crossprof.store.composition import folded


@pytest.fixture(scope="module")
def snapshot(synthetic_store: Path) -> Snapshot:
    return Snapshot(synthetic_store)


def text_of(layout: Any) -> str:
    """All of a layout as JSON, as the browser gets it."""
    return json.dumps(layout, cls=plotly.utils.PlotlyJSONEncoder, ensure_ascii=False)


def test_every_page_has_an_address_and_a_key_of_its_own() -> None:
    for values in ([page.path for page in PAGES], [page.key for page in PAGES if page.is_in_menu]):
        assert all(values)
        assert len(set(values)) == len(values)


def test_an_empty_store_names_the_exact_commands(tmp_path: Path) -> None:
    held = text_of(runs.layout(Snapshot(tmp_path / "nothing"), {}))
    assert "crossprof demo" in held
    assert "crossprof ingest PATH" in held
    assert not (tmp_path / "nothing").exists(), "looking at a store must not create it"


def test_compare_opens_with_the_stores_own_sentence(snapshot: Snapshot) -> None:
    found = snapshot.store().compare("syn-torch-0001", "syn-jax-00000001")
    held = text_of(compare.layout(snapshot, {"runs": "syn-torch-0001,syn-jax-00000001"})).replace("\u00a0", " ")
    for sentence in (found.others[0].verdict, found.others[0].why or "", found.others[0].next_step):
        assert json.dumps(sentence, ensure_ascii=False)[1:-1] in held
    assert held.index(found.others[0].verdict) < held.index("Throughput")


def test_a_number_keeps_its_unit_on_its_line_and_a_command_can_be_copied(snapshot: Snapshot) -> None:
    found = snapshot.store().compare("syn-torch-0001", "syn-jax-00000001").others[0]
    card = text_of(verdicts.verdict_card("tiny-transformer", found, is_only=True))
    assert "52\u00a0ms" in card
    assert "(95\u00a0% interval" in card
    unlike = replace(found, next_step="read `crossprof doctor a` first: its numbers are wrong.")
    assert [(type(part).__name__, part.children) for part in _advice_of(unlike) if not isinstance(part, str)] == [
        ("Code", "crossprof doctor a")
    ]
    assert _advice_of(unlike)[0] == "Read "
    whole = replace(found, next_step='crossprof sql "from op_summary"')
    assert [part.children for part in _advice_of(whole) if not isinstance(part, str)] == [whole.next_step]


def _advice_of(found: RunDifference) -> list[Any]:
    card: Any = verdicts.verdict_card("tiny-transformer", found, is_only=True)
    advice: list[Any] = card.children[-1].children[-1].children
    return advice


def test_runs_that_are_not_alike_are_compared_with_the_difference_named(snapshot: Snapshot) -> None:
    held = text_of(compare.layout(snapshot, {"runs": "syn-torch-gpu-1,syn-torch-gpu-2"}))
    assert "precision: bf16 vs float32" in held
    assert "Record again with the same precision" in held


def test_device_work_is_never_set_beside_operators(snapshot: Snapshot) -> None:
    held = text_of(compare.layout(snapshot, {"runs": "syn-torch-gpu-1,syn-torch-0001"}))
    assert "one kind of time is never set beside the other" in held
    assert "not comparable" in held


def test_the_parts_of_the_difference_add_up_under_their_sum(snapshot: Snapshot) -> None:
    (found,) = snapshot.store().compare("bert-base", "bert-base-fp32").others
    table = text_of(waterfall_card("bert-base", found, is_only=True))
    parts = folded(found.waterfall, 10)
    assert parts[-1].delta_ns == pytest.approx(12e6, rel=0.05)
    assert sum(part.delta_ns for part in parts[:-1]) == pytest.approx(parts[-1].delta_ns)
    for word in ("gemm", "idle", "not seen by the profiler", '"Step"'):
        assert word in table
    assert table.count("is-worse") + table.count("is-better") + table.count("is-dimmed") == len(parts)


def test_only_what_is_sure_is_coloured(snapshot: Snapshot) -> None:
    (found,) = snapshot.store().compare("bert-base", "bert-base-fp32").others
    unsure = replace(found, waterfall=tuple(replace(one, ci_low_ns=None, ci_high_ns=None) for one in found.waterfall))
    table = text_of(waterfall_card("bert-base", unsure, is_only=True))
    assert "is-dimmed" in table
    assert "is-worse" not in table
    assert "is-better" not in table
    assert "is-worse" in text_of(waterfall_card("bert-base", found, is_only=True))


def test_small_parts_are_one_and_still_add_up(snapshot: Snapshot) -> None:
    (found,) = snapshot.store().compare("bert-base", "bert-base-fp32").others
    parts = folded(found.waterfall, 2)
    assert [part.category for part in parts[2:]] == [f"{len(found.waterfall) - 3} others", "unprofiled", "step"]
    rounded = [replace(one, base_ns=0.0, other_ns=0.0) if one.category == "unprofiled" else one for one in found.waterfall]
    assert [part.category for part in folded(rounded, 2)[2:]] == [f"{len(found.waterfall) - 3} others", "step"]
    assert sum(part.base_ns for part in parts[:-1]) == pytest.approx(parts[-1].base_ns)


def test_several_runs_of_one_name_may_be_pooled(snapshot: Snapshot) -> None:
    held = text_of(compare.layout(snapshot, {"runs": "tiny-transformer@all,tiny-transformer-jax"}))
    assert "tiny-transformer-jax is faster than tiny-transformer@all" in held


@pytest.mark.parametrize("query", [{}, {"runs": "syn-torch-0001"}, {"runs": ""}])
def test_less_than_two_runs_are_no_comparison(snapshot: Snapshot, query: dict[str, str]) -> None:
    assert "Nothing to compare yet" in text_of(compare.layout(snapshot, query))


def test_an_unknown_run_and_too_many_are_one_line(snapshot: Snapshot) -> None:
    with pytest.raises(RunNotFound):
        compare.layout(snapshot, {"runs": "syn-torch-0001,absent"})
    with pytest.raises(CrossprofError, match="at most 8"):
        compare.layout(snapshot, {"runs": ",".join("abcdefghij")})


def test_a_new_publish_is_seen_and_threads_share_no_connection(tmp_path: Path, synthetic: ModuleType) -> None:
    watched = Snapshot(tmp_path)
    assert watched.version == ""
    synthetic.write_store(tmp_path, synthetic.DEMO[:1])
    earlier = watched.store()
    assert len(earlier.runs().fetchall()) == 1
    synthetic.write_store(tmp_path, synthetic.DEMO[1:2])
    assert len(watched.store().runs().fetchall()) == 2
    assert watched.store() is watched.store()
    elsewhere: list[object] = []
    thread = threading.Thread(target=lambda: elsewhere.append(watched.store()))
    thread.start()
    thread.join()
    assert elsewhere[0] is not watched.store()


def test_a_page_that_fails_says_why_and_the_rest_answers(tmp_path: Path) -> None:
    client = create_app(tmp_path).server.test_client()
    body = {
        "output": "..page.children...shown.data..",
        "outputs": [{"id": "page", "property": "children"}, {"id": "shown", "property": "data"}],
        "inputs": [
            {"id": "url", "property": "pathname", "value": "/run"},
            {"id": "url", "property": "search", "value": "?run=absent"},
        ],
        "changedPropIds": ["url.pathname"],
    }
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200
    assert "No run answers to 'absent'" in answer.get_data(as_text=True)
