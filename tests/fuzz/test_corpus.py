"""Every kept input of the fuzzer comes through: what crashed a reader once never does again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz.target import target

CORPUS = sorted(path for path in (Path(__file__).parent / "corpus").iterdir())


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[[bytes], None]]:
    with target() as reader:
        yield reader


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_an_input_is_read_or_refused(read: Callable[[bytes], None], path: Path) -> None:
    read(path.read_bytes())
