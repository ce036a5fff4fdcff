"""Names and threads of a large XPlane as one ENUM: they are known before the first event, which then holds numbers for them."""

from __future__ import annotations

import duckdb

from crossprof.ingest.derive import STAGED_TEXT
from crossprof.ingest.xplane_glossary import ROLES

__all__ = ["enumerate_texts"]

# What events take over from the glossary as it is. Any other text may be written out in an event.
_COLUMNS = {
    "staged_annotation": ("name", "kind", "thread"),
    "staged_kernel": ("name", "stream"),
    "staged_op": ("thread",),
    "staged_runtime_call": ("name", "thread"),
}
_KNOWN = """SELECT unnest($roles) AS text UNION SELECT '' UNION SELECT name FROM xplane_name
    UNION SELECT kernel_name FROM xplane_name UNION SELECT thread FROM xplane_timeline"""


def enumerate_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the staged relations hold numbers for the texts that xplane_header.sql knows, and for those of earlier files."""
    columns = [(table, column) for table, names in _COLUMNS.items() for column in names]
    for table, column in columns:  # an ENUM does not grow
        connection.execute(f"ALTER TABLE {table} ALTER {column} TYPE VARCHAR")
    held = " ".join(f"UNION SELECT {column} FROM {table}" for table, column in columns)
    texts = f"SELECT text FROM ({_KNOWN} {held}) WHERE text IS NOT NULL ORDER BY text"  # it sorts by number, so as texts do
    connection.execute(f"DROP TYPE IF EXISTS {STAGED_TEXT}")
    connection.execute(f"CREATE TYPE {STAGED_TEXT} AS ENUM ({texts})", {"roles": list(ROLES)})
    for table, column in columns:
        connection.execute(f"ALTER TABLE {table} ALTER {column} TYPE {STAGED_TEXT}")
