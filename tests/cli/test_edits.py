"""`rename`, `tag`, `note` and `pin`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from crossprof.cli import main
from crossprof.store import Store


@pytest.fixture
def store(tmp_path: Path, synthetic: ModuleType) -> Path:
    path: Path = synthetic.write_store(tmp_path, (synthetic.DEMO[0], synthetic.DEMO[3]))
    return path


def row(store: Path, columns: str) -> tuple[object, ...]:
    with Store(store) as opened:
        ((*values,),) = opened.sql(f"select {columns} from run where run_id = 'syn-torch-0002'").fetchall()
    return tuple(values)


def test_what_a_user_changes_is_there_at_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["tag", "syn-torch-0002", "gpu=h100", "precision="],
        ["note", "syn-torch-0002", "the good one"],
        ["pin", "syn-torch-0002"],
        ["rename", "syn-torch-0002", "better"],
    ):
        assert main([*arguments, "--store", str(store)]) == 0
    assert row(store, "run, tags, note, is_pinned") == ("better", {"gpu": "h100"}, "the good one", True)
    assert "Tagged 1 run: gpu=h100 precision=." in capsys.readouterr().out
    assert main(["pin", "syn-torch-0002", "--off", "--store", str(store)]) == 0
    assert main(["rename", "syn-torch-0002", "", "--store", str(store)]) == 0
    assert row(store, "run, is_pinned") == ("tiny-transformer", False)


def test_all_runs_of_a_name_are_tagged_but_one_alone_is_noted(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "tiny-transformer@all", "team=a", "--store", str(store)]) == 0
    assert "Tagged 2 runs" in capsys.readouterr().out
    assert main(["note", "tiny-transformer@all", "text", "--store", str(store)]) == 1
    assert "'tiny-transformer@all' are 2 runs. Name one" in capsys.readouterr().err


def test_what_is_no_tag_is_one_line(synthetic_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "syn-torch-0002", "fast", "--store", str(synthetic_store)]) == 1
    assert "'fast' is no tag. Write key=value" in capsys.readouterr().err
