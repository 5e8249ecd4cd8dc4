"""`POST /api/sql`: in JSON, Arrow, CSV and Parquet; and what there is to ask."""

from __future__ import annotations

import asyncio
import io
import time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mere.config import ServerSettings
from mere.server.app import create_app
from mere.server.protocols.native.arrow import ARROW
from mere.server.protocols.native.sql import OPERATIONS
from mere.server.protocols.native.sql_rows import PARQUET
from mere.services.warehouse import close_warehouses, open_warehouse
from tests.unit.server.clients import client_of


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    warehouse = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    warehouse.lake.patch("runs", [{"run_id": "r", "params": {"lr": "0.1"}, "kind": "train"}])
    warehouse.lake.fold()
    warehouse.lake.patch("runs", [{"run_id": "s", "tags": {"t": "ü"}}])
    with client_of(warehouse, OPERATIONS) as client:
        yield client
    close_warehouses()


def test_json(client):
    query = "select run_id, params, 'nan'::double n, 1.5::decimal(4,2) d from runs order by 1"
    answer = client.post("/api/sql", json={"query": query})
    assert answer.status_code == 200
    assert answer.json() == {
        "columns": [
            {"name": "run_id", "type": "string"},
            {"name": "params", "type": "map<string, string>"},
            {"name": "n", "type": "double"},
            {"name": "d", "type": "decimal128(4, 2)"},
        ],
        "rows": [["r", {"lr": "0.1"}, "NaN", "1.50"], ["s", None, "NaN", "1.50"]],
        "row_count": 2,
    }


def test_values_of_every_type(client):
    query = (
        "select timestamptz '2020-01-01 00:00:00+01' a, date '2020-01-02' b, 'x'::blob c, "
        "[1, null] d, {'a': [{'b': 'inf'::double}]} e, map {1: [2]} f, interval 1 day g, "
        "9007199254740993 h, null i, true j, 1::hugeint k"
    )
    answer = client.post("/api/v1/sql", json={"query": query})
    row = answer.json()["rows"][0]
    assert row[:6] == [
        "2019-12-31T23:00:00Z",
        "2020-01-02",
        "78",
        [1, None],
        {"a": [{"b": "Infinity"}]},
        {"1": [2]},
    ]
    assert row[7:10] == [9007199254740993, None, True]
    assert str(row[10]) == "1"


def test_arrow(client):
    body = {"query": "select * from runs where run_id = $id", "params": {"id": "s"}}
    answer = client.post("/api/sql", json=body, headers={"Accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.to_pylist()[0]["tags"] == [("t", "ü")]


def test_states_of_the_past(client):
    body = {"query": "select count(*) n from runs", "as_of": 1}
    assert client.post("/api/sql", json=body).json()["rows"] == [[1]]
    assert client.post("/api/sql", json={**body, "as_of": "1"}).json()["rows"] == [[1]]
    for as_of, status in (
        ("2020-01-01T00:00:00", 400),
        ("2020-01-01T00:00:00Z", 404),
        ("tag", 404),
        (99, 404),
        (-1, 404),
        ("9" * 5000, 400),
        ("x/../y", 400),
    ):
        assert client.post("/api/sql", json={**body, "as_of": as_of}).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": "from read_text('/etc/passwd')"}, 400, "invalid_query"),
        ({"query": "copy runs to '/tmp/x'"}, 400, "invalid_query"),
        ({"query": "from passwords"}, 400, "unknown_table"),
        ({"query": "select ?", "params": {"a": 1}}, 400, "invalid_query"),
        ({"query": "select ?", "params": 5}, 400, "invalid_value"),
        ({}, 400, "invalid_value"),
        ({"query": "select 1" + " " * 200_000}, 400, "limit_exceeded"),
    ],
)
def test_what_is_refused(client, body, status, code):
    answer = client.post("/api/sql", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("query", "stretch"),
    [
        ("select\n 'é🦆', lss from runs", "lss"),
        ("select 'é', nofn(1)", "nofn(1)"),
        ("select 'é' from nowhere", "nowhere"),
        ("selec 1", "selec"),
        ("select cast('x' as int)", "cast('x' as int)"),
        ("from read_text('/etc/passwd')", "read_text('/etc/passwd')"),
        ("select getenv('HOME')", "getenv('HOME')"),
    ],
)
def test_an_error_says_where_it_is(client, query, stretch):
    details = client.post("/api/v1/sql", json={"query": query}).json()["error"]["details"]
    assert query[details["start"] : details["end"]] == stretch


def test_a_result_can_be_cut(client):
    body = {"query": "select i from range(20000) t(i)", "limit": 10_000}
    answer = client.post("/api/v1/sql", json=body)
    assert answer.headers["server-timing"].startswith("sql;dur=")
    assert (answer.json()["row_count"], answer.json()["cut"]) == (10_000, "rows")
    arrow = client.post("/api/v1/sql", json=body, headers={"Accept": ARROW})
    assert pa.ipc.open_stream(arrow.content).schema.metadata == {b"cut": b"rows"}
    whole = client.post("/api/v1/sql", json={**body, "limit": 20_000}).json()
    assert whole["row_count"] == 20_000
    assert "cut" not in whole
    wide = {"query": "select repeat('x', 1000000) from range(100)", "limit": 100}
    answer = client.post("/api/v1/sql", json=wide).json()
    assert answer["cut"] == "bytes"
    assert 0 < answer["row_count"] < 40
    for limit in (0, -1, 10_000_000):
        assert client.post("/api/v1/sql", json={**body, "limit": limit}).status_code == 400


def test_csv_and_parquet(client):
    query = (
        "select 1.5::decimal(4,2) d, 'a,\"b' s, null n, [1, 2] l, {'x': 'nan'::double} o, "
        "map {'k': 'v'} m, interval 1 day i, '\\xff'::blob b, timestamptz '2020-01-01 00:00Z' t"
    )
    answer = client.post("/api/v1/sql", json={"query": query}, headers={"Accept": "text/csv"})
    head, row = answer.text.splitlines()
    assert head == '"d","s","n","l","o","m","i","b","t"'
    assert row.startswith('1.50,"a,""b",,"[1,2]","{""x"":""NaN""}","{""k"":""v""}",')
    assert ',"ff",2020-01-01' in row
    answer = client.post("/api/v1/sql", json={"query": query}, headers={"Accept": PARQUET})
    assert pq.read_table(io.BytesIO(answer.content)).column("l").to_pylist() == [[1, 2]]


def test_tables_and_their_columns(client):
    found = {one["name"]: one for one in client.get("/api/v1/sql/tables").json()["tables"]}
    assert not {"passwords", "sessions"} & found.keys()
    assert found["runs"]["rows"] == 1
    columns = {one["name"]: one for one in found["runs"]["columns"]}
    assert columns["params"] == {
        "name": "params",
        "type": "map<string, string>",
        "doc": "what went in; a param never changes",
    }
    assert "updated_at" in columns
    assert client.get("/api/v1/sql/tables/runs").json() == found["runs"]
    assert client.get("/api/v1/sql/tables/runs?as_of=1").json() == found["runs"]
    for path in ("passwords", "nothing"):
        assert client.get(f"/api/v1/sql/tables/{path}").status_code == 404
    assert client.get("/api/v1/sql/tables?as_of=99").status_code == 404


def test_states(client):
    found = client.get("/api/v1/sql/states").json()
    assert [one["root"] for one in found["roots"]] == [1]
    assert (found["tags"], found["before"]) == ([], None)
    assert client.get("/api/v1/sql/states?before=1").json()["roots"] == []
    assert client.get("/api/v1/sql/states?limit=0").status_code == 400


def test_a_query_ends_when_whoever_asked_goes_away(tmp_path):
    warehouse = open_warehouse(str(tmp_path))
    app = create_app(
        ServerSettings(warehouse=warehouse.url), operations=OPERATIONS, warehouse=warehouse
    )
    slow = b'{"query": "select count(*) from range(10000000) a, range(10000000) b"}'

    async def asked() -> float:
        events = [{"type": "http.request", "body": slow, "more_body": False}]

        async def receive():
            if events:
                return events.pop()
            await asyncio.sleep(0.5)
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        async with app.lifespan():
            began = time.monotonic()
            await app(scope, receive, send)
            return time.monotonic() - began

    sent: list = []
    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/sql",
        "raw_path": b"/api/v1/sql",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", str(len(slow)).encode())],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    assert asyncio.run(asked()) < 15  # the limit of time is 30 s
    assert b"query_stopped" in sent[1]["body"]


def test_times_beyond_what_python_has(client):
    query = (
        "select timestamp '290000-01-01' a, 'infinity'::timestamptz b, '-infinity'::date c, "
        "null::date d union all select timestamp '2020-01-01', null, null, null"
    )
    rows = client.post("/api/v1/sql", json={"query": query}).json()["rows"]
    assert sorted(rows)[1] == ["290000-01-01T00:00:00.000000", "infinity", "-infinity", None]
    query = "select ['infinity'::timestamp] x"
    assert client.post("/api/v1/sql", json={"query": query}).status_code == 400
