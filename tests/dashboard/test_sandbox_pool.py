"""The server's side of the sandbox: whatever a process for queries does, the server answers, lives and stays small."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pyarrow as pa
import pyarrow.parquet
import pytest

from crossprof.dashboard.sandbox import child, landlock, pool, service
from crossprof.dashboard.sandbox.answer import PAGE_BYTES, PAGE_ROWS
from crossprof.dashboard.sandbox.child import Confinement
from crossprof.dashboard.sandbox.pool import Rows, Sandbox, SandboxError
from crossprof.dashboard.snapshot import Snapshot
from crossprof.errors import CrossprofError
from crossprof.store import Layout

ATTACKS = tomllib.loads(Path(__file__).with_name("attacks.toml").read_text("utf-8"))
BOMBS = ATTACKS["bombs"]
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")
FAST_BOMBS = ("a list", "a text", "a product", "a recursion")


def allowed_over(store: Path, *, seconds: float = 60, is_native: bool = False) -> Confinement:
    layout = Layout(store.resolve())
    folders = () if is_native else (str(layout.runs), str(layout.packs))
    return Confinement(str(layout.current()), folders, seconds, bool(landlock.version()) and not is_native)


@pytest.fixture(scope="module")
def sandbox(synthetic_store: Path) -> Iterator[Sandbox]:
    made = Sandbox(lambda: allowed_over(synthetic_store))
    yield made
    made.close()


class Hurried:
    """A sandbox for bombs, with little time for them and enough for what comes after."""

    def __init__(self, store: Path, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self.sandbox = Sandbox(lambda: allowed_over(self._store, seconds=self._seconds))

    def is_unharmed_by(self, bomb: str) -> bool:
        """The server stays below 1 GB, half of it its own: other tests may have filled this process with frameworks."""
        before, began = resident(), time.monotonic()
        refused(self.sandbox, bomb)
        assert time.monotonic() - began < 30
        assert resident() < before + (512 << 20)
        self._seconds = 60
        return self.sandbox.rows("select 1").rows == [["1"]]


def refused(sandbox: Sandbox, sql: str) -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        sandbox.rows(sql)
    assert "\n" not in str(caught.value)
    return caught.value


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


@needs_landlock
def test_rows_come_as_texts_with_the_names_of_the_query(sandbox: Sandbox) -> None:
    found = sandbox.rows(
        "select run, 1.50 as \"größer\", null as nothing, 9007199254740993 as big from run where run = 'bert-base'"
    )
    assert [(column.name, column.is_number) for column in found.columns] == [
        ("run", False),
        ("größer", True),
        ("nothing", False),
        ("big", True),
    ]
    assert found.rows == [["bert-base", "1.50", None, "9007199254740993"]]
    assert (found.limit, found.seconds > 0) == (None, True)


@needs_landlock
def test_views_over_the_files_of_runs_are_read(sandbox: Sandbox) -> None:
    ((count,),) = sandbox.rows("select count(*) from op").rows
    assert int(count or 0) > 100


def test_only_tables_of_the_catalog_are_read_natively(synthetic_store: Path) -> None:
    native = Sandbox(lambda: allowed_over(synthetic_store, is_native=True))
    try:
        assert len(native.rows("select distinct run from step_time").rows) > 1
        assert "reads files of runs" in str(refused(native, "select count(*) from op"))
        for sql in ("copy (select 1) to '/tmp/out.csv'", "from read_text('/etc/passwd')", "attach ':memory:' as m"):
            refused(native, sql)
    finally:
        native.close()


@needs_landlock
def test_too_many_rows_and_too_much_text_are_cut_and_said(sandbox: Sandbox) -> None:
    many = sandbox.rows(f"from range({PAGE_ROWS + 1})")
    assert (len(many.rows), many.limit) == (PAGE_ROWS, "rows")
    assert sandbox.rows(f"from range({PAGE_ROWS})").limit is None
    large = sandbox.rows("select repeat('x', 100000) from range(1000)")
    assert large.limit == "bytes"
    assert sum(len(row[0] or "") for row in large.rows) < PAGE_BYTES
    wide = "select " + ", ".join(f"{place} as c{place}" for place in range(501))
    assert "501 columns" in str(refused(sandbox, wide))


@needs_landlock
def test_an_error_says_where(sandbox: Sandbox) -> None:
    for sql in ("select 'é', foo from run", "explain select 'é', foo from run"):
        error = refused(sandbox, sql)
        assert 'Referenced column "foo" not found' in str(error)
        assert error.position == sql.index("foo")
    assert "Possible solutions" not in str(refused(sandbox, BOMBS["a list"]))
    assert "Arrow" not in str(refused(sandbox, "select cast('x' as int)"))


@needs_landlock
def test_files_hold_what_the_page_cuts(sandbox: Sandbox) -> None:
    sql = f"select range as n, 'a,\"b' as t from range({PAGE_ROWS + 5})"
    rows = sandbox.file(sql, "csv").decode().splitlines()
    assert (len(rows), rows[0], rows[1]) == (PAGE_ROWS + 6, "n,t", '0,"a,""b"')
    table = pyarrow.parquet.read_table(io.BytesIO(sandbox.file(sql, "parquet")))
    assert (table.num_rows, str(table.schema.field("n").type)) == (PAGE_ROWS + 5, "int64")
    assert pa.ipc.open_stream(sandbox.file(sql, "arrow")).read_all().equals(table)
    with pytest.raises(SandboxError, match="over 64 MiB"):
        sandbox.file("select repeat('x', 1000000) from range(100)", "csv")


@needs_landlock
@pytest.mark.parametrize("name", FAST_BOMBS)
def test_what_would_fill_memory_or_never_end_is_stopped(synthetic_store: Path, name: str) -> None:
    hurried = Hurried(synthetic_store, 0.4)
    assert hurried.is_unharmed_by(BOMBS[name])
    hurried.sandbox.close()


@needs_landlock
@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_every_bomb_is_stopped_and_the_server_stays_below_a_gigabyte(synthetic_store: Path, name: str) -> None:
    hurried = Hurried(synthetic_store, 3)
    assert hurried.is_unharmed_by(BOMBS[name])
    hurried.sandbox.close()


@needs_landlock
@pytest.mark.slow
@pytest.mark.parametrize("name", [*ATTACKS["outside"], *ATTACKS["inside"]])
def test_every_attack_is_refused_from_end_to_end(sandbox: Sandbox, synthetic_store: Path, name: str) -> None:
    sql = (ATTACKS["outside"] | ATTACKS["inside"])[name]
    for place in ("runs", "store", "secret", "part", "parent"):
        sql = sql.replace("{" + place + "}", str(synthetic_store / "runs"))
    refused(sandbox, sql)


HOSTILE = {
    "says nothing": "import time; time.sleep(60)",
    "ends": "pass",
    "dies": "import os; os.abort()",
    "writes nonsense": "print('x' * 1000000)",
    "writes for ever": "import os\nwhile True: os.write(1, b'x' * 65536)",
    "promises an exabyte": "import os, time; os.write(1, b'redy' + bytes(8) + b'data' + b'\\xff' * 8); time.sleep(60)",
    "promises, keeps nothing": "import os, time; os.write(1, b'redy' + bytes(8) + b'data' + bytes(6) + b'xx'); time.sleep(9)",
    "reads nothing": "import os, time; os.write(1, b'redy' + bytes(8)); time.sleep(60)",
}
UNSOUND = [
    "",
    "[" * 100_000,
    "{}",
    "1",
    '{"columns": [], "rows": [[1]], "limit": null}',
    '{"columns": [{"name": "a", "type": "b", "is_number": true}], "rows": [[{}]], "limit": null}',
    '{"columns": [{"name": "a", "type": "b", "is_number": true}], "rows": {"a": 1}, "limit": null}',
    '{"columns": [], "rows": [], "limit": "<script>"}',
    '{"columns": {"a": 1}, "rows": [], "limit": null}',
    "9" * 100_000,
    "\\ud800",
]


def hostile(monkeypatch: pytest.MonkeyPatch, code: str) -> Sandbox:
    monkeypatch.setattr(pool, "_START", code)
    monkeypatch.setattr(pool, "_START_S", 1.0)
    return Sandbox(lambda: Confinement("absent", (), 0.5, False))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_process_that_misbehaves_costs_one_answer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    sandbox = hostile(monkeypatch, HOSTILE[name])
    before, began = resident(), time.monotonic()
    refused(sandbox, "select '" + "x" * 90_000 + "'")
    sandbox.close()
    assert time.monotonic() - began < 20
    assert resident() < before + (100 << 20)


@pytest.mark.parametrize("payload", UNSOUND)
def test_an_answer_that_is_no_answer_is_refused(monkeypatch: pytest.MonkeyPatch, payload: str) -> None:
    sandbox = Sandbox(lambda: Confinement("absent", (), 1, False))
    monkeypatch.setattr(sandbox, "_ask", lambda sql, form, key: payload.encode("utf-8", "surrogatepass"))
    assert str(refused(sandbox, "select 1")) == "The answer can't be read."


@pytest.mark.parametrize("payload", ["", "{}", "[]", '{"message": "a", "position": "x"}', '{"message": "a", "position": 99}'])
def test_a_failure_that_is_no_failure_is_one_all_the_same(payload: str) -> None:
    assert pool._failure("select", payload.encode()).position is None


@needs_landlock
def test_a_process_answers_once_and_the_next_waits_already(synthetic_store: Path) -> None:
    sandbox = Sandbox(lambda: allowed_over(synthetic_store))
    assert sandbox._spare is None, "a server that is asked nothing starts nothing"
    sandbox.warm()
    first = sandbox._spare
    sandbox.rows("select 1")
    second = sandbox._spare
    assert first is not None
    assert second is not None
    assert first is not second
    assert first._process.poll() is not None
    sandbox.close()
    assert second._process.poll() is not None
    sandbox.rows("select 1")
    assert sandbox._spare is None, "nothing is started ahead once it is closed"


@needs_landlock
def test_a_new_catalog_is_asked_at_once(tmp_path: Path, synthetic: ModuleType) -> None:
    snapshot = Snapshot(tmp_path)
    sandbox = service.sandbox_over(snapshot)
    sandbox.warm()
    assert sandbox.rows("from run").rows == []
    assert sandbox.rows("select count(*) > 10 from metric").rows == [["true"]]
    synthetic.write_store(tmp_path, synthetic.DEMO[:1])
    assert len(sandbox.rows("from run").rows) == 1
    snapshot.close()
    assert sandbox._spare is None


@needs_landlock
def test_two_queries_run_at_once_and_a_third_is_told(synthetic_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PATIENCE_S", 0.1)
    sandbox = Sandbox(lambda: allowed_over(synthetic_store, seconds=0.8))
    errors: list[str] = []

    def ask() -> None:
        errors.append(str(refused(sandbox, BOMBS["a product"])))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sandbox.close()
    assert sorted(error[:7] for error in errors) == ["2 queri", "Stopped", "Stopped"]


def test_a_process_ends_with_its_server(synthetic_store: Path) -> None:
    waiting = pool._Child(allowed_over(synthetic_store))
    process = waiting._process
    assert process.stdin is not None
    process.stdin.close()  # as when the server dies
    assert process.wait(timeout=60) is not None
    waiting.end()


def test_a_process_has_no_environment_and_gives_way(synthetic_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSPROF_TOKEN", "hush")
    waiting = pool._Child(allowed_over(synthetic_store))
    try:
        assert waiting._frame(time.monotonic() + 60, 12) == (b"redy", b"")
        seen = psutil.Process(waiting._process.pid)
        assert "CROSSPROF_TOKEN" not in seen.environ()
        assert seen.nice() > os.nice(0)
        assert seen.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert seen.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert 0 < seen.rlimit(psutil.RLIMIT_AS)[0] <= 4 << 30
    finally:
        waiting.end()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("CROSSPROF_SQL", "off", "SQL is off"),
        ("CROSSPROF_SQL", "some", "all, native or off"),
        ("CROSSPROF_SQL_SECONDS", "soon", "a number of seconds"),
        ("CROSSPROF_SQL_SECONDS", "-1", "a number of seconds"),
        ("CROSSPROF_SQL_SECONDS", "inf", "a number of seconds"),
    ],
)
def test_settings_are_checked(
    synthetic_store: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(setting, value)
    snapshot = Snapshot(synthetic_store)
    with pytest.raises(CrossprofError, match=said):
        service.confinement_of(snapshot)()
    snapshot.close()


def test_without_landlock_the_page_is_told(synthetic_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    snapshot = Snapshot(synthetic_store)
    allowed = service.confinement_of(snapshot)()
    assert (allowed.folders, allowed.is_landlocked) == ((), False)
    assert "no Landlock" in service.reach().note
    monkeypatch.setenv("CROSSPROF_SQL", "native")
    assert "CROSSPROF_SQL=native" in service.reach().note
    snapshot.close()


ASKED = {
    "rows": lambda payload: len(json.loads(payload)["rows"]) > 0,
    "csv": lambda payload: payload.startswith(b"run_id,"),
    "parquet": lambda payload: payload.startswith(b"PAR1"),
    "arrow": lambda payload: pa.ipc.open_stream(payload).read_all().num_rows > 0,
}


def test_what_the_process_does_once_it_is_confined(tmp_path: Path, synthetic: ModuleType) -> None:
    """In this process, where it can be looked at, and over a store that no other test holds open."""
    synthetic.write_store(tmp_path, synthetic.DEMO[:1])
    connection = child.connect(allowed_over(tmp_path))
    child.load()
    try:
        for form, is_sound in ASKED.items():
            kind, payload = child.answered(connection, {"sql": "from run", "form": form})
            assert kind == b"data", payload
            assert is_sound(payload)
        for sql in (
            "from nothing",
            "select foo from run",
            "select cast(run as int) from run",
            "select 1/0 from",
            "set threads = 1",
        ):
            kind, payload = child.answered(connection, {"sql": sql, "form": "rows"})
            assert kind == b"fail"
            assert json.loads(payload)["message"]
        assert json.loads(child.answered(connection, {"sql": "explain from run", "form": "rows"})[1])["rows"]
        kind, payload = child.answered(connection, {"sql": "select interval 1 day", "form": "parquet"})
        assert kind == b"fail"
    finally:
        connection.close()


def test_rows_are_what_they_say() -> None:
    said = {"columns": [{"name": "a", "type": "INTEGER", "is_number": True}], "rows": [["1"], [None]], "limit": "rows"}
    found: Rows = pool._rows(json.dumps(said).encode(), 0.5)
    assert (found.rows, found.limit, found.seconds, found.columns[0].is_number) == ([["1"], [None]], "rows", 0.5, True)


def test_a_query_is_stopped_by_its_key(sandbox: Sandbox) -> None:
    said: list[str] = []

    def ask() -> None:
        try:
            sandbox.rows("select count(*) from range(1000000000) as a, range(1000000000) as b", key="mine")
        except SandboxError as error:
            said.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():
        sandbox.stop("another's")
        sandbox.stop("mine")
        asking.join(0.05)
    assert len(said) == 1
    assert "Stopped." in said[0]
    assert sandbox.rows("select 1").rows == [["1"]]
