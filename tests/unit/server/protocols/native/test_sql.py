"""`POST /api/sql`: in JSON and Arrow."""

from __future__ import annotations

import pyarrow as pa
import pytest
from litestar.testing import TestClient

from mere.config import ServerSettings
from mere.server.app import create_app
from mere.server.protocols.native.sql import ARROW, OPERATIONS
from mere.services.warehouse import close_warehouses, open_warehouse


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    warehouse = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    warehouse.lake.patch("runs", [{"run_id": "r", "params": {"lr": "0.1"}, "kind": "train"}])
    warehouse.lake.fold()
    warehouse.lake.patch("runs", [{"run_id": "s", "tags": {"t": "ü"}}])
    settings = ServerSettings(warehouse=warehouse.url)
    with TestClient(
        create_app(settings, operations=OPERATIONS, warehouse=warehouse),
        base_url="http://127.0.0.1",
    ) as client:
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
