"""docs/reconciliation.md is what the captures and the code say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import peer_truth
import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "reconcile.py"


@pytest.fixture(scope="module")
def reconcile() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reconcile_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(not peer_truth.TRUTHS, reason="no real traces: set CROSSPROF_CORPUS to their folder")
def test_the_page_is_what_the_captures_say(reconcile: ModuleType) -> None:
    assert reconcile.PAGE.read_text() == reconcile.page()


def test_a_distance_is_told_of_what_both_have(reconcile: ModuleType) -> None:
    assert reconcile.figures(254.0, 254.0) == ("254.000", "254.000", "0.000 %")
    assert reconcile.figures(1.0, 2.0) == ("1.000", "2.000", "-50.000 %")
    assert reconcile.figures(0.0005, None) == ("0.0005", "", "")


def test_without_captures_one_line_says_what_to_set(
    reconcile: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reconcile, "TRUTHS", {})
    assert reconcile.main() == 1
    assert capsys.readouterr().err == "No captures: set CROSSPROF_CORPUS to their folder.\n"
