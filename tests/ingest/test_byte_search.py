"""byte_search.py: what is found is what Python finds, with the C library and without it."""

import pytest

from crossprof.ingest import byte_search
from crossprof.ingest.byte_search import holds


@pytest.mark.parametrize("is_native", [True, False])
def test_what_python_finds_is_found_and_nothing_else(monkeypatch: pytest.MonkeyPatch, is_native: bool) -> None:
    if not is_native:
        monkeypatch.setattr(byte_search, "_memmem", None)
    assert byte_search._memmem or not is_native
    for text in (b"", b"Byte", b"Bytes", b"\0\0Bytes\0", b"xBytesBytes", b"x" * 5000 + b"Bytes", b"x" * 5000 + b"bytes"):
        assert holds(text, b"Bytes") == (b"Bytes" in text)
    assert holds(b"a\0b", b"\0b")
