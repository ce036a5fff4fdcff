"""docs/reconciliation.md is what the captures and the code say."""

from collections.abc import Callable
from types import ModuleType

import peer_truth
import pytest


@pytest.fixture
def reconcile(load_docs: Callable[[str], ModuleType]) -> ModuleType:
    return load_docs("reconcile")


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
