"""Every attack is stopped: by the check on statements, by DuckDB and Landlock without that check, and without Landlock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from crossprof.dashboard.sandbox import child, landlock
from crossprof.dashboard.sandbox.child import Confinement
from crossprof.dashboard.sandbox.statement import Refusal, check, functions
from crossprof.store import Layout

ATTACKS = tomllib.loads(Path(__file__).with_name("attacks.toml").read_text("utf-8"))
OUTSIDE, INSIDE = ATTACKS["outside"], ATTACKS["inside"]
UNWIELDY = {
    "NUL": "select 'a\0b'",
    "half a character": "select '\ud800'",
    "very long": "select '" + "x" * 100_001 + "'",
    "deep parentheses": "select " + "(" * 3000 + "1" + ")" * 3000,
    "deep subqueries": "select * from (" * 900 + "select 1" + ")" * 900,
    "many terms": "select " + " + ".join(["1"] * 20_000),
}
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")
PACKAGES = str(Path(child.__file__).parents[3])
VIEWS = ("run", "op", "kernel", "run_metric", "metric", "step_time")

# Runs statements in a confined process without the check on statements, and says of each whether it went through.
PROBE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from crossprof.dashboard.sandbox import child
allowed = child.Confinement(**json.loads(sys.argv[2]))
child.confine(allowed)
connection = child.connect(allowed)
secret_frame = {"a": [1]}
for sql in json.load(sys.stdin):
    try:
        connection.execute(sql).fetchall()
        said = "went through"
    except Exception as error:
        said = str(error)
    print(json.dumps(said), flush=True)
"""


@pytest.fixture(scope="module")
def places(synthetic_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where attacks reach for: a copy of a store, and secrets beside it."""
    import shutil

    home = tmp_path_factory.mktemp("attacked")
    store, secret = home / "store", home / "secret"
    shutil.copytree(synthetic_store, store, symlinks=True)
    (secret / "runs" / "run_id=a" / "part-1").mkdir(parents=True)
    (secret / "secret.csv").write_text("a,b\nhush,1\n")
    (secret / "secret.json").write_text('{"a": "hush"}\n')
    (store / "runs" / "link").symlink_to(secret)
    (store / "edits.sqlite").write_bytes(b"SQLite format 3\0hush")
    with duckdb.connect(str(secret / "secret.duckdb")) as connection:
        connection.execute("create table secret as select 'hush' as a")
        connection.execute(f"copy secret to '{secret}/runs/run_id=a/part-1/op.parquet'")
    part = next((store / "runs").glob("run_id=*/part-*/op.parquet"))
    return {
        "store": str(store),
        "runs": str(store / "runs"),
        "secret": str(secret),
        "part": str(part),
        "parent": str(os.getpid()),
    }


def spelled(sql: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        sql = sql.replace("{" + name + "}", path)
    return sql


def confinement(places: dict[str, str], *, is_landlocked: bool, reads_parts: bool = True, seconds: float = 5) -> Confinement:
    layout = Layout(Path(places["store"]))
    folders = (str(layout.runs), str(layout.packs)) if reads_parts else ()
    return Confinement(str(layout.current()), folders, seconds, is_landlocked)


def contents(places: dict[str, str]) -> dict[str, bytes]:
    found = (path for root in ("store", "secret") for path in Path(places[root]).rglob("*"))
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in found}


def probe(allowed: Confinement, statements: list[str]) -> list[str]:
    command = [sys.executable, "-E", "-P", "-X", "utf8", "-c", PROBE, PACKAGES, allowed.as_json()]
    done = subprocess.run(
        command, input=json.dumps(statements), capture_output=True, text=True, env={}, timeout=60, check=False
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(statements), f"ended at {statements[len(said)]!r}: {done.returncode} {done.stderr[-500:]}"
    return said


@pytest.fixture(scope="module")
def parser() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("name", [*OUTSIDE, *INSIDE, *UNWIELDY])
def test_the_check_on_statements_refuses(parser: duckdb.DuckDBPyConnection, places: dict[str, str], name: str) -> None:
    sql = spelled((OUTSIDE | INSIDE | UNWIELDY)[name], places)
    with pytest.raises(Refusal) as refused:
        check(parser, sql, VIEWS)
    assert "\n" not in str(refused.value)


DISGUISES = {
    "in a subquery": "select * from ({})",
    "in a common table": "with z as materialized ({}) select * from z",
    "in a list": "select array({})",
    "in a join": "from run left join ({}) as z on true",
    "in a union": "select 1 union all by name ({})",
    "explained": "explain {}",
    "after another": "select 1; {}",
    "described": "describe ({})",
    "in a lambda": "select list_filter([1], lambda x: exists ({}))",
    "as a parameter": "from json_each((select z.a from ({}) as z(a)))",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_disguise_helps(parser: duckdb.DuckDBPyConnection, places: dict[str, str], disguise: str) -> None:
    said = [sql for sql in (OUTSIDE | INSIDE).values() if sql and not sql.startswith("--")]
    for sql in said:
        for text in (sql, sql.replace(" ", "/**/ ")):
            with pytest.raises(Refusal):
                check(parser, DISGUISES[disguise].format(spelled(text, places)), VIEWS)


@needs_landlock
def test_duckdb_and_landlock_stop_what_reaches_outside_without_that_check(places: dict[str, str]) -> None:
    before = contents(places)
    said = probe(confinement(places, is_landlocked=True), [spelled(sql, places) for sql in OUTSIDE.values()])
    assert [name for name, answer in zip(OUTSIDE, said, strict=True) if answer == "went through"] == []
    assert [answer for answer in said if "hush" in answer] == []
    assert contents(places) == before


def test_without_landlock_settings_stop_it_where_no_folder_is_allowed(places: dict[str, str]) -> None:
    before = contents(places)
    allowed = confinement(places, is_landlocked=False, reads_parts=False)
    said = probe(allowed, [spelled(sql, places) for sql in OUTSIDE.values()])
    assert [name for name, answer in zip(OUTSIDE, said, strict=True) if answer == "went through"] == []
    assert contents(places) == before


@needs_landlock
def test_landlock_stops_python_itself(places: dict[str, str]) -> None:
    """As if DuckDB had a hole: the process reads parts of the store and Python's own files, writes nowhere, calls nobody."""
    code = PROBE.partition("connection =")[0] + (
        "import os, signal, socket\n"
        "def tried(work, *arguments):\n"
        "    try: work(*arguments)\n"
        "    except Exception as error: return type(error).__name__\n"
        "    return 'went through'\n"
        f"print(tried(open, {places['part']!r}))\n"
        f"print(tried(open, {places['secret'] + '/secret.csv'!r}), tried(open, '/etc/passwd'), tried(os.listdir, '/home'))\n"
        f"print(tried(open, {places['part']!r}, 'ab'), tried(open, {places['runs'] + '/new'!r}, 'w'))\n"
        f"print(tried(os.unlink, {places['part']!r}), tried(os.mkdir, {places['runs'] + '/new'!r}))\n"
        "print(tried(socket.create_connection, ('127.0.0.1', 9)), tried(os.kill, os.getppid(), signal.SIGTERM))\n"
        "print(tried(bytearray, 5 << 30))\n"
    )
    allowed = confinement(places, is_landlocked=True)
    done = subprocess.run(
        [sys.executable, "-E", "-P", "-c", code, PACKAGES, allowed.as_json()],
        capture_output=True,
        text=True,
        env={},
        check=True,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["went", "through"]
    assert set(lines[1] + lines[2] + lines[3]) == {"PermissionError"}
    assert lines[4][0] == "PermissionError"
    assert lines[4][1:] in (["PermissionError"], ["went", "through"] if landlock.version() < 6 else ["PermissionError"])
    assert lines[5] == ["MemoryError"]


QUESTIONS = [
    "from run",
    "select run, max(value) filter (metric = 'step_time') from run_metric group by all order by 2 desc limit 3 offset 1",
    "with a as materialized (select 1 as x), b as (from a) select row_number() over (order by x) from b semi join a using (x)",
    "with recursive a as (select 1 as n union all select n + 1 from a where n < 5) select list(n) from a",
    "select * exclude (run) replace (upper(run_id) as run_id), COLUMNS('run.*') from run",
    "select unnest([1, 2]), list_transform([1], lambda x: x + 1), {'a': 1}.a, [x for x in [1, 2] if x > 1], ('a', 1)",
    "from range(3) as t(i), lateral (select i + 1), generate_series(1, 2), unnest([3])",
    "from run asof join (select 1 as started_ns) as o on run.started_ns >= o.started_ns",
    "from (pivot run on framework in ('torch', 'jax') using count(*))",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "select coalesce(try_cast('x' as int), 0), interval 1 day, now() > timestamp '2020-01-01', extract('year' from today())",
    "select grouping(framework), count(distinct run) from run group by rollup (framework) having count(*) > 0 qualify true",
    "values (1, 'a'), (2, null)",
    "table run",
    "select config->>'$.a', tags['x'], key from run, json_each(config)",
    "select 'a' collate nocase = 'A', 'x' like '%x', 'x' similar to 'x', 1 between 0 and 2, 1 in (select 1)",
    "select run is not distinct from 'a', not is_pinned, run[1:2], -part_count, run || 'a' from run",
    "describe run",
    "summarize from run",
    "show tables",
    "explain select count(*) from run",
    "EXPLAIN /* of */ from run;",
    "select first_value(run) over w, lag(run) over w, ntile(2) over w from run window w as (order by run)",
    "from run tablesample 10 rows",
    "select 'größer' as \"Größe\"",
    "(select 1) union by name (select 2) intersect select 1 except all select 3 order by all",
    "from main.run",
]


@pytest.mark.parametrize("sql", QUESTIONS)
def test_questions_are_asked(parser: duckdb.DuckDBPyConnection, sql: str) -> None:
    check(parser, sql, VIEWS)


def test_a_name_that_is_almost_a_view_is_told(parser: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(Refusal, match=r"no view 'kernle'. Did you mean 'kernel'\?"):
        check(parser, "from kernle", VIEWS)


def test_where_a_query_is_wrong_is_counted_in_characters(parser: duckdb.DuckDBPyConnection) -> None:
    for sql in ("select 'größer' frm run x y", "explain select 'größer' frm run x y"):
        with pytest.raises(Refusal) as refused:
            check(parser, sql, VIEWS)
        assert refused.value.position is not None
        assert sql[refused.value.position :].startswith(("run", "x", "y"))


def test_every_allowed_function_is_one_of_duckdb_and_new_ones_wait(parser: duckdb.DuckDBPyConnection) -> None:
    rows = parser.execute(
        "select function_name, max(stability), bool_or(has_side_effects) from duckdb_functions() group by 1"
    ).fetchall()
    known = {name.lower() for name, _, _ in rows}
    ranking = {"row_number", "rank", "rank_dense", "dense_rank", "percent_rank", "cume_dist", "ntile"}
    places = {"lag", "lead", "first_value", "last_value", "nth_value", "fill"}
    grammar = {"coalesce", "unnest", "count_star", *ranking, *places}
    assert functions() - known <= grammar
    changing = {name.lower() for name, _, has_effects in rows if has_effects}
    assert changing & functions() == {"error", "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7"}
    settings = {"getvariable", "current_setting", "getenv", "nextval", "query", "read_text", "sleep_ms", "write_log"}
    assert not settings & functions()
