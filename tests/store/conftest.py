from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # the tests share small_run.py and others


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a store may be created; the quote is there since paths are written into SQL."""
    return tmp_path / "the user's store"


@pytest.fixture(scope="module")
def put_back(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], object]], Path]:
    """The one store of a module, filled once, for tests that change it: at each call it is as it was filled.

    It keeps its place: a copy elsewhere would be a moved store, which is published anew.
    """
    folder = tmp_path_factory.mktemp("store")
    place, kept = folder / "place", folder / "kept"
    root = place / "the user's store"

    def at_its_place(fill: Callable[[Path], object]) -> Path:
        if not kept.exists():
            fill(root)
            shutil.copytree(root, kept, symlinks=True)
        shutil.rmtree(place)
        shutil.copytree(kept, root, symlinks=True)
        return root

    return at_its_place
