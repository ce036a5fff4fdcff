"""Work shared out among threads: all items are done, an error ends the others, connections see the same tables."""

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from crossprof.store import threads
from crossprof.store.threads import shared_out, thread_count

Begin = Callable[[duckdb.DuckDBPyConnection, int], Callable[[int], int]]
ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("ATTACH ':memory:' AS other; USE other; CREATE TABLE seen (item INTEGER, thread INTEGER)")
        yield connection


def note(own: duckdb.DuckDBPyConnection, number: int) -> Callable[[int], int]:
    def work(item: int) -> int:
        own.execute("INSERT INTO seen VALUES (?, ?)", [item, number])
        return item * item

    return work


def test_each_item_is_done_once(database: duckdb.DuckDBPyConnection) -> None:
    assert sorted(shared_out(database, range(50), note)) == [item * item for item in range(50)]
    assert database.execute("SELECT count(*), count(DISTINCT item) FROM seen").fetchall() == [(50, 50)]
    assert thread_count(database) == 2


def test_what_threads_do_in_transactions_is_seen_when_all_are_done(database: duckdb.DuckDBPyConnection) -> None:
    assert sorted(shared_out(database, range(10), note, in_transactions=True)) == [item * item for item in range(10)]
    assert database.execute("SELECT count(*), count(DISTINCT item) FROM seen").fetchall() == [(10, 10)]


def test_an_error_in_a_transaction_leaves_nothing_of_it(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("SET threads = 1")

    def begin(own: duckdb.DuckDBPyConnection, number: int) -> Callable[[int], int]:
        work = note(own, number)
        return lambda item: work(item) // (item - 3)

    with pytest.raises(ZeroDivisionError):
        shared_out(database, range(10), begin, in_transactions=True)
    assert database.execute("FROM seen").fetchall() == []


def test_an_error_ends_what_other_threads_do(database: duckdb.DuckDBPyConnection) -> None:
    def begin(own: duckdb.DuckDBPyConnection, _: int) -> Callable[[int], int]:
        def work(item: int) -> int:
            if item == 1:
                raise ValueError("one")
            own.execute(ENDLESS)
            return item

        return work

    with pytest.raises(ValueError, match="one"):
        shared_out(database, range(10), begin)


def test_an_error_of_the_items_is_raised(database: duckdb.DuckDBPyConnection) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        shared_out(database, items(), note)


def test_ctrl_c_ends_all_threads(database: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = threads.wait

    def pressed(futures: Any, **options: Any) -> Any:
        if "return_when" in options:  # the main thread waits for the others
            raise KeyboardInterrupt
        return wait(futures, **options)

    monkeypatch.setattr(threads, "wait", pressed)

    def begin(own: duckdb.DuckDBPyConnection, _: int) -> Callable[[int], int]:
        return lambda _: len(own.execute(ENDLESS).fetchall())

    with pytest.raises(KeyboardInterrupt):
        shared_out(database, range(1000), begin)
