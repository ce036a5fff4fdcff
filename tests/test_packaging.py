"""The built package holds the four rooms and nothing else, and the links at the top point at them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("collectors", "ingest", "store", "dashboard")


@pytest.mark.parametrize("room", ROOMS)
def test_each_link_points_at_its_room(room: str) -> None:
    link = ROOT / room
    assert link.is_symlink()
    assert link.readlink() == Path("crossprof") / room


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and source archive of a copy of the tree: setuptools works inside it, where another process may do so too."""
    tree, out = tmp_path_factory.mktemp("tree") / "crossprof", tmp_path_factory.mktemp("dist")
    skipped = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "test-results")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=skipped)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def package_files() -> set[str]:
    listed = subprocess.run(["git", "ls-files", "crossprof"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split() if listed.returncode == 0 else []
    return {name for name in names if (ROOT / name).is_file()}


def test_the_wheel_holds_crossprof_alone(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        names = wheel.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"crossprof"}
    assert len(tops) == 2


def test_the_wheel_holds_every_file_of_the_rooms(built: tuple[Path, Path]) -> None:
    files = package_files()
    assert any(name.endswith(".sql") for name in files)
    with zipfile.ZipFile(built[0]) as wheel:
        missing = files - set(wheel.namelist())
    assert not missing


def test_the_sdist_holds_the_package_once(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        names = ["/".join(name.split("/")[1:]) for name in sdist.getnames()]
    assert package_files() <= set(names)
    assert not [name for name in names if name.split("/")[0] in ROOMS]
