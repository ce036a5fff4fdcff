"""The public names of crossprof: few, sorted, and all of them there."""

from __future__ import annotations

import inspect

import pytest

import crossprof
from crossprof import errors


def test_public_names():
    assert crossprof.__all__ == sorted(crossprof.__all__, key=lambda name: (not name[0].isupper(), name))
    assert len(crossprof.__all__) <= 10
    assert all(getattr(crossprof, name) is not None for name in crossprof.__all__)


def test_every_public_callable_is_documented():
    public = [getattr(crossprof, name) for name in crossprof.__all__ if name not in {"__version__", "errors"}]
    assert all(inspect.getdoc(one) for one in public)


def test_errors_share_one_root():
    classes = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(one, errors.CrossprofError) for one in classes)


def test_open_gives_a_store(tmp_path):
    pytest.importorskip("duckdb")
    from crossprof.store import Store

    assert isinstance(crossprof.open(tmp_path), Store)
