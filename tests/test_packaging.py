"""The built package holds the four rooms and nothing else, and the links at the top point at them."""

from __future__ import annotations

import os
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
    out, _ = build(tmp_path_factory, dict(os.environ))
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def build(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, str]:
    """The folder of what was built, and what setuptools said."""
    tree, out = tmp_path_factory.mktemp("tree") / "crossprof", tmp_path_factory.mktemp("dist")
    skipped = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "test-results", "_event_scan*")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=skipped)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return out, done.stdout + done.stderr


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


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_the_wheel_holds_the_scanner(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        assert [name for name in wheel.namelist() if name.startswith("crossprof/ingest/_event_scan")]


@pytest.mark.slow
def test_without_a_compiler_all_but_the_scanner_is_built(tmp_path_factory: pytest.TempPathFactory) -> None:
    out, said = build(tmp_path_factory, {**os.environ, "CC": "/bin/false"})
    assert "no working C compiler: Kineto JSON will be read at half the speed" in said
    with zipfile.ZipFile(next(out.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert "crossprof/ingest/kineto.sql" in names
    assert not [name for name in names if name.startswith("crossprof/ingest/_event_scan")]


def test_the_sdist_holds_the_package_once(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        names = ["/".join(name.split("/")[1:]) for name in sdist.getnames()]
    assert package_files() <= set(names)
    assert not [name for name in names if name.split("/")[0] in ROOMS]
