from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

sys.path.append(str(Path(__file__).parent))  # the tests share small_run.py and tiny.py


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a store may be created; the quote is there since paths are written into SQL."""
    return tmp_path / "the user's store"


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that makes connections with the tiny runs of tiny.sql."""
    return importlib.import_module("tiny")


@pytest.fixture(scope="session")
def tiny_runs(tiny: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tiny runs as a publish leaves them. Tests only read it."""
    with tiny.rolled_up() as connection:
        yield connection
