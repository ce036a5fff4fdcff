from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # the tests share small_run.py and others


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a store may be created; the quote is there since paths are written into SQL."""
    return tmp_path / "the user's store"
