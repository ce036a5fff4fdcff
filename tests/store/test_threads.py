"""Work shared out among threads: all items are done, an error ends the others, connections see the same tables."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import duckdb
import pytest

from crossprof.store import threads
from crossprof.store.threads import beside, one_thread, shared_out, thread_count, transaction

Work = Callable[[int], int]
ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("ATTACH ':memory:' AS other; USE other; CREATE TABLE seen (item INTEGER)")
        yield connection


@contextmanager
def note(own: duckdb.DuckDBPyConnection) -> Iterator[Work]:
    def work(item: int) -> int:
        own.execute("INSERT INTO seen VALUES (?)", [item])
        return item * item

    yield work


def test_each_item_is_done_once(database: duckdb.DuckDBPyConnection) -> None:
    assert sorted(shared_out(database, range(50), note)) == [item * item for item in range(50)]
    assert database.execute("SELECT count(*), count(DISTINCT item) FROM seen").fetchall() == [(50, 50)]
    assert thread_count(database) == 2


@contextmanager
def note_together(own: duckdb.DuckDBPyConnection) -> Iterator[Work]:
    with note(own) as work, transaction(own):
        yield lambda item: work(item) // (item - 30)


def test_what_threads_do_in_transactions_is_seen_when_all_are_done(database: duckdb.DuckDBPyConnection) -> None:
    assert len(shared_out(database, range(30), note_together)) == 30
    assert database.execute("SELECT count(*), count(DISTINCT item) FROM seen").fetchall() == [(30, 30)]


def test_an_error_in_a_transaction_leaves_nothing_of_it(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("SET threads = 1")
    with pytest.raises(ZeroDivisionError):
        shared_out(database, range(40), note_together)
    assert database.execute("FROM seen").fetchall() == []


def test_an_error_ends_what_other_threads_do(database: duckdb.DuckDBPyConnection) -> None:
    def begin(own: duckdb.DuckDBPyConnection) -> AbstractContextManager[Work]:
        def work(item: int) -> int:
            if item == 1:
                raise ValueError("one")
            own.execute(ENDLESS)
            return item

        return nullcontext(work)

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

    def begin(own: duckdb.DuckDBPyConnection) -> AbstractContextManager[Work]:
        return nullcontext(lambda _: len(own.execute(ENDLESS).fetchall()))

    with pytest.raises(KeyboardInterrupt):
        shared_out(database, range(1000), begin)


def test_work_beside_a_block_sees_the_same_tables_and_is_waited_for(database: duckdb.DuckDBPyConnection) -> None:
    with beside(database, lambda own: own.execute("INSERT INTO seen FROM range(100000)")):
        database.execute("CREATE TABLE another AS FROM range(3)")
    assert database.execute("SELECT count(*) FROM seen").fetchall() == [(100_000,)]


def test_an_error_in_work_or_block_ends_the_other(database: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.CatalogException), beside(database, lambda own: own.execute("FROM nowhere")):
        pass
    with pytest.raises(ZeroDivisionError), beside(database, lambda own: own.execute(ENDLESS).fetchall()):
        print(1 // 0)


def test_queries_of_one_thread_leave_the_number_of_threads_as_it_was(database: duckdb.DuckDBPyConnection) -> None:
    with one_thread(database):
        assert thread_count(database) == thread_count(database.cursor()) == 1
    assert thread_count(database) == 2
    shared_out(database, range(3), note)
    with pytest.raises(ZeroDivisionError), one_thread(database):
        print(1 // 0)
    assert thread_count(database) == 2
