"""Clocks of ranks on several hosts, from the ends of collectives that they share."""

from types import ModuleType
from typing import Any

import pytest

SKEW = 40_000
STEP = 1_000_000


def aligned(tiny: ModuleType, ranks: str, kernels: str) -> tuple[list[Any], list[Any]]:
    """The rows of _clock, and the codes of findings about clocks, for a run r."""
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run, world_size) VALUES ('r', 'r', 1)")
        connection.execute(f"INSERT INTO base.rank BY NAME SELECT 'r' AS run_id, * FROM ({ranks})")
        connection.execute(
            "INSERT INTO base.kernel BY NAME SELECT 'r' AS run_id, 0 AS device_id, number AS kernel_id, "
            f"'communication' AS category, * EXCLUDE (number) FROM ({kernels})"
        )
        clocks = connection.sql("SELECT rank, count, offset_ns, residual_ns FROM _clock ORDER BY rank").fetchall()
        return clocks, connection.sql("SELECT code, rank FROM finding WHERE code LIKE 'clock%' ORDER BY ALL").fetchall()


def hosts(*names: str | None, boot: str = "NULL") -> str:
    values = ", ".join(f"({rank}, {repr(name) if name else 'NULL'}, {boot})" for rank, name in enumerate(names))
    return f"SELECT * FROM (VALUES {values}) AS t (rank, host, boot_id)"


def collectives(count: int, *, ranks: int = 2, name: str = "nccl_all_reduce", kind: str = "collective", jitter: int = 0) -> str:
    """Every rank begins when it likes and ends when all do, on a clock of its own: rank r is r * SKEW ahead."""
    return f"""
        SELECT rank::INTEGER AS rank, number, '{name}' AS name, '{kind}' AS kind, 'dp' AS process_group,
            number * {STEP} + rank * {SKEW} - 1000 * (1 + (number * 7 + rank) % 5) AS start_ns,
            1000 * (1 + (number * 7 + rank) % 5) + {jitter} * rank * ((number % 3) - 1) AS dur_ns
        FROM range({ranks}) AS a (rank), range({count}) AS b (number)"""


def test_ends_of_collectives_tell_the_offset_exactly(tiny: ModuleType) -> None:
    clocks, findings = aligned(tiny, hosts("a", "a", "b", "c"), collectives(20, ranks=4))
    assert clocks == [(2, 20, -2 * SKEW, 0), (3, 20, -3 * SKEW, 0)]
    assert findings == []


def test_what_is_left_is_published(tiny: ModuleType) -> None:
    clocks, findings = aligned(tiny, hosts("a", "b"), collectives(30, jitter=150_000))
    assert clocks == [(1, 30, -SKEW, 150_000)]
    assert findings == [("clock_residual", 1)]


@pytest.mark.parametrize(
    ("kernels", "count"),
    [
        (collectives(19), 19),
        (collectives(40, name="ncclSendRecv"), 0),
        (collectives(40, kind="kernel"), 0),
        (f"SELECT * FROM ({collectives(40)}) WHERE rank = 0 OR number > 0", 0),
    ],
    ids=["too few", "point to point", "no collectives", "unlike numbers"],
)
def test_without_twenty_there_is_no_offset_and_a_finding(tiny: ModuleType, kernels: str, count: int) -> None:
    assert aligned(tiny, hosts("a", "b"), kernels) == ([(1, count, None, None)], [("clock_unaligned", 1)])


@pytest.mark.parametrize(
    "ranks", [hosts("a", "a"), hosts(None, None), hosts("a", None), hosts("a", "b", boot="'same'")],
    ids=["one host", "unknown", "half known", "one boot"],
)  # fmt: skip
def test_ranks_of_one_host_share_its_clock(tiny: ModuleType, ranks: str) -> None:
    assert aligned(tiny, ranks, collectives(40)) == ([], [])
