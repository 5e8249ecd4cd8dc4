"""Foreign SQL: what it may read, what it is refused, and what it may take."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from mere.clock import SystemClock
from mere.errors import ErrorCode, InvalidInput, Unavailable
from mere.lake import Lake
from mere.lake.sandbox import Sandbox, SandboxLimits, SandboxRules, Stop

LIMITS = SandboxLimits(
    rows_max=5_000,
    bytes_max=4 << 20,
    time_ms_max=1_000,
    memory_bytes_max=200 << 20,
    processes=2,
    waiting_max=3,
    waiting_each_max=2,
    wait_ms_max=8_000,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    one = Sandbox(SystemClock(), LIMITS)
    yield one
    one.close()


@pytest.fixture
def lake(open_lake) -> Lake:
    """Some rows in files, some in the tail, one changed by the tail."""
    lake = open_lake()
    lake.append("points", {"series": ["a", "b"], "step": [1, 2], "value": [0.5, float("nan")]})
    lake.patch("items", [{"id": "x", "name": "Näme", "size": 1}, {"id": "y", "name": "secret"}])
    lake.fold()
    lake.append("points", {"series": ["a"], "step": [3], "value": [2.5]})
    lake.patch("items", [{"id": "x", "size": 7, "tags": {"k": "v"}}])
    return lake


def ask(sandbox: Sandbox, lake: Lake, query: str, params=None, **more) -> list[dict]:
    return sandbox.query(lake.view(), query, params, **more).to_pylist()


def test_a_query_reads_files_and_tail_as_the_engine_does(sandbox, lake):
    query = "select i.*, p.step from items i left join points p on p.series = 'a' order by all"
    assert sandbox.query(lake.view(), query).to_pylist() == lake.sql(query).to_pylist()
    assert ask(sandbox, lake, "select size, tags['k'] t from items where id = 'x'") == [
        {"size": 7, "t": "v"}
    ]


def test_parameters_are_values(sandbox, lake):
    assert ask(sandbox, lake, "select count(*) n from points where series = ?", ["a"]) == [{"n": 2}]
    assert ask(sandbox, lake, "select $x::int + 1 n", {"x": 4}) == [{"n": 5}]
    query = "select count(*) n from items where name = ?"
    assert ask(sandbox, lake, query, ["' or 1=1 --"]) == [{"n": 0}]


@pytest.mark.parametrize(
    "query",
    [
        "with recursive t(a) as (select 1 union all select a + 1 from t where a < 9) from t",
        "describe items",
        "summarize points",
        "show tables",
        "select * from (pivot points on series in ('a', 'b') using sum(value))",
        "select unnest([1, 2]), row_number() over (order by 1)",
        "from (values (1), (2)) t(a) where a in (select count(*) from items)",
        "select [x + 1 for x in [1, 2]], {'a': 1}.a, $$text$$, cast('2020-01-01' as date)",
        "from range(3) union all by name select 1 range order by all limit 2",
        "select columns('s.*') from points",
        "select case when 1 between 0 and 2 then try_cast('x' as int) end, now() is not null",
        "select key, value from json_each('{\"a\": 1}')",
        "select 1 where exists (from items) and 1 in (1, 2) -- a comment",
        "from points asof join items on series = id and step >= size",
        "select approx_quantile(value, 0.5), list(step order by step) from points group by all",
    ],
)
def test_what_people_write_is_understood(sandbox, lake, query):
    assert sandbox.query(lake.view(), query).num_columns


REFUSED = [
    "select * from read_csv('/etc/passwd')",
    "select * from read_csv_auto('/etc/passwd')",
    "select * from read_parquet('/etc/passwd')",
    "select * from parquet_scan(['/etc/passwd'])",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_json('/etc/passwd')",
    "select * from read_ndjson_objects('/etc/passwd')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_metadata('/etc/passwd')",
    "select * from glob('/**')",
    "select * from '/etc/passwd'",
    "from '/etc/passwd.csv'",
    'select * from "file.parquet"',
    "from 'http://127.0.0.1:1/a.parquet'",
    "from 's3://bucket/a.parquet'",
    "select * from read_csv('https://example.org/a.csv')",
    'with "/etc/passwd.csv" as (select 1) from "/etc/passwd.csv"',
    "attach '/tmp/x.db'",
    "attach ':memory:' as other",
    "copy items to '/tmp/x.csv'",
    "copy (select 1) to '/tmp/x.csv'",
    "export database '/tmp/x'",
    "import database '/tmp/x'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "pragma version",
    "call pragma_version()",
    "set memory_limit = '100GB'",
    "reset memory_limit",
    "set variable x = 1",
    "use other",
    "checkpoint",
    "vacuum",
    "begin",
    "explain select 1",
    "prepare p as select 1",
    "execute p",
    "create table t (a int)",
    "create macro m() as 1",
    "create secret s (type s3)",
    "insert into items values (1)",
    "update items set name = 'x'",
    "delete from items",
    "drop view items",
    "with t as (delete from items returning *) select * from t",
    "with t as (insert into items values (1) returning *) select * from t",
    "select getenv('HOME')",
    "select current_setting('allowed_paths')",
    "select getvariable('x')",
    "select current_query()",
    "select nextval('s')",
    "select write_log('x')",
    "select stats(name) from items",
    "select sleep_ms(10)",
    "select main.current_setting('threads')",
    "select json_serialize_plan('select 1')",
    "from duckdb_secrets()",
    "from duckdb_settings()",
    "from duckdb_views()",
    "from duckdb_tables",
    "from duckdb_logs",
    "from information_schema.tables",
    "from sqlite_master",
    "from pg_catalog.pg_tables",
    "from system.main.duckdb_views",
    "from memory.main.items",
    "from main.items",
    'from hidden."tail of items"',
    "from query('select 1')",
    "from query_table('items')",
    "from json_execute_serialized_sql('{}')",
    "from arrow_scan(1, 2, 3)",
    "from python_map_function(1)",
    "from pandas_scan(1)",
    "from seq_scan(1)",
    "from test_all_types()",
    "from enable_logging()",
    "from pragma_storage_info('items')",
    "from items at (version => 1)",
    "show all tables",
    "describe",
    "show databases",
    "from repeat('x', 1000000000)",
    "select 1; select 2",
    "select 1; copy items to '/tmp/x.csv'",
    "",
    "   ",
    ";",
    "-- nothing",
    "selec 1",
    "select",
    "from nothing",
    "select no_such_column from items",
    "select no_such_function(1)",
    "select error('boom')",
    "select cast('x' as int)",
    "select ?",
    "select \x00",
]


@pytest.mark.parametrize("query", REFUSED)
def test_everything_else_is_refused(sandbox, lake, query):
    with pytest.raises(InvalidInput) as refused:
        sandbox.query(lake.view(), query)
    assert refused.value.code in (ErrorCode.INVALID_QUERY, ErrorCode.UNKNOWN_TABLE)
    assert "/cache/" not in refused.value.message


def test_files_of_tables_stay_shut_even_where_the_check_is_passed(lake, tmp_path, monkeypatch):
    """The second wall: DuckDB itself opens the offered tables' files and nothing else."""
    import duckdb

    from mere.lake import sandbox_process

    mine, other = tmp_path / "mine.parquet", tmp_path / "other.parquet"
    connection = duckdb.connect()
    for path in (mine, other):
        connection.execute(f"copy (select 1 a) to '{path}'")
    told = {"memory_bytes": 100 << 20, "threads": 1}
    sandbox_process._lock(connection, [str(mine)], told)
    assert connection.execute(f"from '{mine}'").fetchall() == [(1,)]
    for query in (
        f"from '{other}'",
        "from read_text('/etc/passwd')",
        "from glob('/*')",
        f"copy (select 1) to '{tmp_path}/new.csv'",
        f"attach '{tmp_path}/new.db'",
        "install httpfs",
        "load httpfs",
        "from 'http://127.0.0.1:1/a.csv'",
        "set enable_external_access = true",
        "set allowed_paths = ['/etc/passwd']",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(query).fetchall()
    assert sorted(p.name for p in tmp_path.glob("*.*")) == ["mine.parquet", "other.parquet"]


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("from range(1000000)", "rows"),
        ("select repeat('x', 1000000) from range(1000)", "rows|memory"),
        ("with recursive t(a) as (select 1 union all select a + 1 from t) from t", "rows|memory"),
        (
            "with recursive t(a) as (select 1 union all select a+1 from t) select max(a) from t",
            "s:",
        ),
        ("select count(*) from range(10000000) a, range(10000000) b", "s:"),
        ("select length(repeat('x', 3000000000))", "memory|s:"),
        ("select list_sort(range(200000000))", "memory|s:"),
        ("select string_agg(repeat('x', 1000)) from range(100000000)", "memory"),
        ("select levenshtein(repeat('x', 1000000), repeat('y', 1000000))", "s:"),
        ("select list_reduce(range(50000000), lambda a, b: a + b)", "memory|s:"),
        ("from items where name in (select repeat(name, 100000000) from range(100))", "memory|s:"),
    ],
)
@pytest.mark.slow
def test_bombs_are_put_out(sandbox, lake, query, what):
    started = time.monotonic()
    with pytest.raises(InvalidInput, match=what) as refused:
        sandbox.query(lake.view(), query)
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED
    assert time.monotonic() - started < 10
    assert ask(sandbox, lake, "select 1 a") == [{"a": 1}]


@pytest.mark.parametrize(
    "query",
    [
        "select " + "(" * 20_000 + "1" + ")" * 20_000,
        "select " + "1 + " * 20_000 + "1",
        "select " + "not " * 20_000 + "true",
        "select " + "[" * 3_000 + "]" * 3_000,
        "select 1 " + "union select 1 " * 3_000,
        "from " + "(from " * 2_000 + "items" + ")" * 2_000,
        "select x" + ".x" * 20_000,
    ],
)
@pytest.mark.slow
def test_nesting_without_end_harms_nobody(sandbox, lake, query):
    with pytest.raises(InvalidInput):
        sandbox.query(lake.view(), query)
    assert ask(sandbox, lake, "select 1 a") == [{"a": 1}]


def test_a_query_too_long_is_refused(sandbox, lake):
    with pytest.raises(InvalidInput, match="characters"):
        sandbox.query(lake.view(), "select 1 --" + "x" * 200_000)


def test_the_process_knows_no_secret_of_ours(sandbox, lake, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    with sandbox._process() as process:
        environ = Path(f"/proc/{process._popen.pid}/environ").read_bytes()
        process.is_good = True
    assert b"do-not-tell" not in environ
    assert b"LANG" in environ


def test_only_offered_tables_exist(sandbox, lake):
    rules = SandboxRules(tables=frozenset({"points"}))
    assert ask(sandbox, lake, "select count(*) n from points", rules=rules) == [{"n": 3}]
    for query in (
        "from items",
        'from "ITEMS"',
        "describe items",
        "with items as (from items) from items",
    ):
        with pytest.raises(InvalidInput):
            ask(sandbox, lake, query, rules=rules)
    assert ask(sandbox, lake, "show tables", rules=rules) == []


ONE = SandboxRules(
    filters={
        "items": 'id IN (SELECT id FROM hidden."mine")',
        "points": "series IN (SELECT lower(id[1:1]) FROM hidden.items WHERE id = 'x') OR step = 3",
    },
    lookups={"mine": ["x"]},
    reads={"points": ("items",)},
)


def test_filtered_rows_do_not_exist(sandbox, lake):
    assert ask(sandbox, lake, "select id from items", rules=ONE) == [{"id": "x"}]
    assert ask(sandbox, lake, "select step from points", rules=ONE) == [{"step": 3}]
    joined = "select count(*) n from items, points"
    assert ask(sandbox, lake, joined, rules=ONE) == [{"n": 1}]


def test_errors_do_not_tell_of_filtered_rows(sandbox, lake):
    """No condition of the query is evaluated on a row that is filtered away."""
    query = "select id from items where case when name = 'secret' then error('found') else true end"
    with pytest.raises(InvalidInput, match="found"):
        ask(sandbox, lake, query)
    assert ask(sandbox, lake, query, rules=ONE) == [{"id": "x"}]
    cast = "select id from items where name <> 'Näme' and name::int > 0"
    with pytest.raises(InvalidInput, match="secret"):
        ask(sandbox, lake, cast)
    assert ask(sandbox, lake, cast, rules=ONE) == []


@pytest.mark.slow
def test_one_person_does_not_hold_all_turns(lake):
    sandbox = Sandbox(SystemClock(), LIMITS)
    view = lake.view()
    slow = "select count(*) from range(10000000) a, range(10000000) b"
    done: list[str] = []

    def run(who: str, query: str) -> None:
        try:
            sandbox.query(view, query, who=who)
            done.append(who)
        except (InvalidInput, Unavailable) as error:
            done.append(f"{who} {error.code}")

    greedy = [threading.Thread(target=run, args=("greedy", slow)) for _ in range(4)]
    for thread in greedy:
        thread.start()
    time.sleep(0.3)
    run("greedy", "select 1")  # two run, two wait: the fifth is refused at once
    assert done == ["greedy too_many_requests"]
    modest = threading.Thread(target=run, args=("modest", "select 1"))
    modest.start()
    time.sleep(0.1)
    run("third", "select 1")  # three wait already
    assert done[1] == "third store_unavailable"
    modest.join()
    assert "modest" in done
    assert done.index("modest") < 5, done
    for thread in greedy:
        thread.join()
    assert done.count("greedy limit_exceeded") == 4
    sandbox.close()


def test_queries_are_stopped_where_they_run_and_where_they_wait(lake):
    limits = SandboxLimits(processes=1, time_ms_max=20_000)
    sandbox = Sandbox(SystemClock(), limits)
    slow = "select count(*) from range(10000000) a, range(10000000) b"
    stops = [Stop(), Stop()]
    codes: list[ErrorCode] = []

    def run(stop: Stop) -> None:
        with pytest.raises(InvalidInput) as refused:
            sandbox.query(lake.view(), slow, stop=stop)
        codes.append(refused.value.code)

    threads = [threading.Thread(target=run, args=(stop,)) for stop in stops]
    for thread in threads:
        thread.start()
        time.sleep(0.5)
    for stop, thread in zip(reversed(stops), reversed(threads), strict=True):
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
    assert codes == [ErrorCode.QUERY_STOPPED] * 2
    assert sandbox.query(lake.view(), "select 1 a").to_pylist() == [{"a": 1}]
    sandbox.close()


def test_a_forked_child_leaves_its_parent_s_processes_alone(lake):
    sandbox = Sandbox(SystemClock(), LIMITS)
    assert ask(sandbox, lake, "select 1 a") == [{"a": 1}]
    sandbox._pid = os.getpid() + 1  # as a child sees what it was forked with
    kept = list(sandbox._idle)
    assert ask(sandbox, lake, "select 2 a") == [{"a": 2}]
    assert kept[0]._popen.poll() is None
    kept[0].kill()
    sandbox.close()


def test_results_of_every_type_come_through(sandbox, lake):
    query = (
        "select 1::hugeint h, 'a'::enum('a', 'b') e, map {'k': 1.5} m, [null, 1] l, "
        "{'x': timestamptz '2020-01-01 00:00:00+00'} s, 'x'::blob b, interval 1 day i, "
        "uuid '00000000-0000-0000-0000-000000000001' u, null n, 'nan'::double d"
    )
    found = sandbox.query(lake.view(), query)
    assert isinstance(found, pa.Table)
    assert found.num_rows == 1
    assert sandbox.query(lake.view(), "from items where false").num_rows == 0
