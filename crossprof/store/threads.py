"""Work shared out among the threads of one database, each with a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from graphlib import TopologicalSorter
from itertools import chain
from threading import Event, Lock
from typing import Any, TypeVar

import duckdb

__all__ = ["another_connection", "beside", "done_in_order", "ended", "one_thread", "shared_out", "thread_count", "transaction"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def shared_out(
    connection: duckdb.DuckDBPyConnection,
    items: Iterable[_Item],
    begin: Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[Callable[[_Item], _Result]]],
) -> list[_Result]:
    """What becomes of items that all threads take, one after the other, in no order.

    `begin` is called once a thread, with its connection; in the block that it opens it says what is to be done with an item.
    Temporary tables, macros and variables of one connection are not there in another. An error or Ctrl-C ends all threads.
    Meanwhile no query is shared out in its turn.
    """
    waiting, lock, is_over = iter(items), Lock(), Event()

    def take(own: duckdb.DuckDBPyConnection) -> list[_Result]:
        results = []
        with begin(own) as work:
            while not is_over.is_set():
                with lock:
                    item = next(waiting, is_over)
                if item is is_over:
                    break
                results.append(work(item))  # type: ignore[arg-type]  # is_over marks the end
        return results

    owns = [another_connection(connection) for _ in range(thread_count(connection))]
    try:
        with one_thread(connection), ThreadPoolExecutor(len(owns)) as pool:
            futures = [pool.submit(take, own) for own in owns]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                is_over.set()
                ended(futures, owns)
        failed = [error for future in futures if (error := future.exception())]
        if failed:
            raise next((error for error in failed if not isinstance(error, duckdb.InterruptException)), failed[0])
        return [result for future in futures for result in future.result()]
    finally:
        for own in owns:
            own.close()


def done_in_order(
    connection: duckdb.DuckDBPyConnection,
    before: Mapping[str, Collection[str]],
    work: Callable[[duckdb.DuckDBPyConnection, str], None],
    *,
    at_once: int,
) -> None:
    """Does the work for each name once it is done for those before it, `at_once` at a time, each with a connection of its own.

    What others wait for comes first. An error or Ctrl-C ends what runs.
    """
    order, awaited = TopologicalSorter(before), set(chain.from_iterable(before.values()))
    order.prepare()
    ready: list[str] = []
    running: dict[Future[None], tuple[str, duckdb.DuckDBPyConnection]] = {}
    with ExitStack() as stack:
        idle = [stack.enter_context(another_connection(connection)) for _ in range(at_once)]
        pool = stack.enter_context(ThreadPoolExecutor(at_once))  # ends before its connections
        stack.callback(lambda: ended(running, [own for _, own in running.values()]))
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=lambda name: name not in awaited)
            while ready and idle:
                name, own = ready.pop(0), idle.pop()
                running[pool.submit(work, own, name)] = name, own
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, own = running.pop(future)
                idle.append(own)
                future.result()
                order.done(name)


def ended(futures: Collection[Future[Any]], connections: Collection[duckdb.DuckDBPyConnection]) -> None:
    """Interrupts connections until no future runs any more."""
    while wait(futures, timeout=0).not_done:  # an interrupt between two statements is lost
        for own in connections:
            own.interrupt()
        time.sleep(0.01)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Does the block in one transaction, which an error in it voids.

    What it inserts is compressed and written once, in whole row groups, and not again with each further insert; of each table
    one row group is held in memory. Other threads wait only while it ends.
    """
    connection.execute("SET write_buffer_row_group_count = 1; BEGIN")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def beside(connection: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], object]) -> Iterator[None]:
    """Does work with a connection of its own beside the block, and waits for it at its end. An error or Ctrl-C ends both."""
    with another_connection(connection) as own, ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, own)
        try:
            yield
            wait([future])
        finally:
            ended([future], [own])
        future.result()


@contextmanager
def one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Has each query keep to one thread, of whatever connection: where others run beside it, or it is short.

    To wake another thread for a query takes longer than what that could do then.
    """
    threads = thread_count(connection)
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        with suppress(duckdb.Error):  # a void transaction says what failed
            connection.execute(f"SET threads = {threads}")


def another_connection(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further connection to the same tables."""
    database = connection.execute("SELECT current_database()").fetchall()[0][0]
    further = connection.cursor()
    further.execute(f'USE "{database}"')
    return further


def thread_count(connection: duckdb.DuckDBPyConnection) -> int:
    """The threads that the database may use."""
    return int(connection.execute("SELECT current_setting('threads')").fetchall()[0][0])
