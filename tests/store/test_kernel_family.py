"""What a kernel is called without types, tiles, architectures and numbers. The names are of the forms that libraries give."""

from pathlib import Path
from types import ModuleType

import pytest

FAMILIES = Path(__file__).parent / "kernel_families.csv"


def test_names_of_one_family(tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'r')")
        connection.execute(f"""
            INSERT INTO base.kernel BY NAME
            SELECT 'r' AS run_id, 0 AS rank, 0 AS device_id, row_number() OVER () AS kernel_id, name, 'kernel' AS kind,
                'other' AS category, 0 AS start_ns, 1 AS dur_ns
            FROM read_csv('{FAMILIES}', all_varchar = true)
        """)
        found = connection.sql(f"""
            SELECT name, kernel_summary.family, told.family
            FROM kernel_summary
            JOIN read_csv('{FAMILIES}', all_varchar = true) AS told USING (name)
        """).fetchall()
    assert len(found) > 20
    assert [row for row in found if row[1] != row[2]] == []


@pytest.mark.parametrize("name", ["", "a::", "void <", "_Z", "(((", "::"])
def test_a_name_that_leaves_nothing_is_its_own_family(name: str, tiny: ModuleType) -> None:
    with tiny.connect() as connection:
        connection.execute("INSERT INTO base.run (run_id, run) VALUES ('r', 'r')")
        connection.execute(
            "INSERT INTO base.kernel (run_id, rank, device_id, kernel_id, name, kind, category, start_ns, dur_ns) "
            "VALUES ('r', 0, 0, 0, ?, 'kernel', 'other', 0, 1)",
            [name],
        )
        ((family,),) = connection.sql("SELECT family FROM kernel_summary").fetchall()
    assert family is not None
    assert family != "" or name == ""
