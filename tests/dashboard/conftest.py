"""A synthetic store for the pages, and one file of it for the figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _synthetic() -> ModuleType:
    spec = importlib.util.spec_from_file_location("synthetic", Path(__file__).with_name("synthetic.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault("synthetic", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def synthetic_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published store of made-up runs."""
    path: Path = _synthetic().write_store(tmp_path_factory.mktemp("synthetic"))
    return path


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    return _synthetic()
