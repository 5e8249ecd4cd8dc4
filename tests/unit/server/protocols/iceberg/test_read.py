"""The Iceberg REST catalog as clients find it: what is listed, loaded and refused."""

from __future__ import annotations

import pytest

from mere.config import IcebergSettings, S3Config
from mere.server.protocols.iceberg import catalog, guests, tables
from mere.services.warehouse import close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

V1 = "/iceberg/v1"
OPERATIONS = (*catalog.OPERATIONS, *tables.OPERATIONS, *guests.OPERATIONS)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    one = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    one.lake.patch("runs", [{"run_id": "r"}])
    one.lake.append("metrics", [{"run_id": "r", "key": "loss", "step": 1, "value": 0.5}])
    one.lake.patch("users", [{"name": "ann"}])
    one.lake.patch("passwords", [{"name": "ann", "hash": "x"}])
    one.lake.fold()
    one.lake.tag("first")
    one.lake.patch("experiments", [{"experiment_id": "7", "name": "e"}])
    one.lake.patch("runs", [{"run_id": "s"}])
    one.lake.fold()
    yield one
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse):
    with client_of(warehouse, OPERATIONS) as client:
        yield client


def names(client, path: str) -> list[str]:
    answer = client.get(V1 + path)
    assert answer.status_code == 200
    return [one["name"] for one in answer.json()["identifiers"]]


def refused(answer) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "code"}
    assert error["code"] == answer.status_code
    return answer.status_code, error["type"]


def test_config_tells_the_prefix_and_what_there_is(client, warehouse):
    for wanted in (None, "", "mere", warehouse.lake.warehouse.location, warehouse.url):
        params = {} if wanted is None else {"warehouse": wanted}
        answer = client.get(f"{V1}/config", params=params)
        assert answer.json()["overrides"] == {"prefix": "mere"}, wanted
    routes = {(one.method, path[8:]) for one in OPERATIONS for path in one.paths}
    for endpoint in answer.json()["endpoints"]:
        assert tuple(endpoint.split(" ")) in routes


def test_another_warehouse_is_not_found(client):
    for wanted in ("other", "s3://other/place", "mere@", "mere@no-such-tag", "mere@99"):
        answer = client.get(f"{V1}/config", params={"warehouse": wanted})
        assert refused(answer) == (404, "NoSuchNamespaceException"), wanted
    assert refused(client.get(f"{V1}/other/namespaces"))[0] == 404


def test_the_namespace(client):
    assert client.get(f"{V1}/mere/namespaces").json() == {"namespaces": [["mere"]]}
    assert client.get(f"{V1}/namespaces").json() == {"namespaces": [["mere"]]}
    assert client.get(f"{V1}/namespaces?parent=mere").json() == {"namespaces": []}
    assert client.get(f"{V1}/mere/namespaces/mere").json()["namespace"] == ["mere"]
    assert client.head(f"{V1}/mere/namespaces/mere").status_code == 204
    assert client.head(f"{V1}/mere/namespaces/other").status_code == 404
    assert client.get(f"{V1}/mere/namespaces/mere/views").json() == {"identifiers": []}
    for namespace in ("other", "mere%1Finner", "..", "m%C3%A9re"):
        answer = client.get(f"{V1}/mere/namespaces/{namespace}/tables")
        assert refused(answer)[0] == 404


def test_tables_are_those_that_are_folded_without_secrets(client):
    listed = names(client, "/mere/namespaces/mere/tables")
    assert listed == ["experiments", "metrics", "runs", "users"]
    for table in ("passwords", "sessions", "spans", "nothing", "%2e%2e%2fmere.json"):
        answer = client.get(f"{V1}/mere/namespaces/mere/tables/{table}")
        assert refused(answer)[0] == 404


def test_tables_come_page_by_page_to_who_asks(client):
    path = f"{V1}/mere/namespaces/mere/tables"
    first = client.get(f"{path}?pageToken=&pageSize=3").json()
    assert [one["name"] for one in first["identifiers"]] == ["experiments", "metrics", "runs"]
    rest = client.get(path, params={"pageToken": first["next-page-token"], "pageSize": 3}).json()
    assert [one["name"] for one in rest["identifiers"]] == ["users"]
    assert "next-page-token" not in rest
    for size in ("0", "-1", "x", "1e9"):
        answer = client.get(f"{path}?pageToken=&pageSize={size}")
        assert refused(answer) == (400, "BadRequestException")


def test_a_table_is_loaded_as_it_lies_in_the_store(client, warehouse):
    answer = client.get(f"{V1}/mere/namespaces/mere/tables/runs")
    body = answer.json()
    key = warehouse.lake.view().root.tables["runs"]
    assert body["metadata-location"] == f"{warehouse.lake.warehouse.location}/{key}"
    assert (
        body["metadata"]["current-snapshot-id"] == body["metadata"]["snapshots"][-1]["snapshot-id"]
    )
    assert len(body["metadata"]["snapshots"]) == 2
    assert body["config"] == {}
    assert client.head(f"{V1}/mere/namespaces/mere/tables/runs").status_code == 204
    assert client.head(f"{V1}/mere/namespaces/mere/tables/nothing").status_code == 404


def test_only_snapshots_that_are_named_are_sent_to_who_asks(client):
    path = f"{V1}/mere/namespaces/mere/tables/runs"
    metadata = client.get(f"{path}?snapshots=refs").json()["metadata"]
    assert [s["snapshot-id"] for s in metadata["snapshots"]] == [metadata["current-snapshot-id"]]
    assert refused(client.get(f"{path}?snapshots=some"))[0] == 400


def test_what_a_client_has_is_not_sent_again(client, warehouse):
    path = f"{V1}/mere/namespaces/mere/tables/metrics"
    first = client.get(path)
    tag = first.headers["etag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    refs = client.get(f"{path}?snapshots=refs", headers={"If-None-Match": tag})
    assert refs.status_code == 200
    warehouse.lake.append("metrics", [{"run_id": "r", "key": "loss", "step": 2, "value": 0.25}])
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    warehouse.lake.fold()
    newer = client.get(path, headers={"If-None-Match": tag})
    assert newer.status_code == 200
    assert newer.headers["etag"] != tag


def test_a_setting_folds_before_a_table_is_loaded(client, warehouse, monkeypatch):
    monkeypatch.setattr(tables, "settings", lambda: IcebergSettings(is_folding=True))
    warehouse.lake.append("metrics", [{"run_id": "r", "key": "loss", "step": 3, "value": 0.1}])
    metadata = client.get(f"{V1}/mere/namespaces/mere/tables/metrics").json()["metadata"]
    newest = metadata["snapshots"][-1]["summary"]
    assert newest["total-records"] == str(warehouse.lake.view().table("metrics").state.rows)
    assert not warehouse.lake.view().tail


def test_a_past_state_is_a_catalog_of_its_own(client):
    config = client.get(f"{V1}/config", params={"warehouse": "mere@first"}).json()
    assert config["overrides"] == {"prefix": "mere@first"}
    assert names(client, "/mere@first/namespaces/mere/tables") == ["metrics", "runs", "users"]
    path = "namespaces/mere/tables/runs"
    past = client.get(f"{V1}/mere@first/{path}").json()["metadata"]
    assert len(past["snapshots"]) == 1
    assert refused(client.get(f"{V1}/mere@other/{path}"))[0] == 404
    assert refused(client.get(f"{V1}/mere@/{path}"))[0] == 404


def test_the_store_is_told_of_and_keys_only_where_set(client, warehouse, monkeypatch):
    s3 = S3Config(
        access_key_id="id", secret_access_key="secret", endpoint="http://s3:9000", region="here"
    )
    monkeypatch.setattr(
        type(warehouse.open_tables), "location", property(lambda _: "s3://bucket/lake")
    )
    path = f"{V1}/mere/namespaces/mere/tables/runs"
    monkeypatch.setattr(tables, "settings", lambda: IcebergSettings(s3=s3))
    config = client.get(path).json()["config"]
    assert config == {
        "s3.endpoint": "http://s3:9000",
        "s3.region": "here",
        "client.region": "here",
        "s3.path-style-access": "true",
        "s3.force-virtual-addressing": "false",
    }
    monkeypatch.setattr(tables, "settings", lambda: IcebergSettings(s3=s3, has_credentials=True))
    assert client.get(path).json()["config"]["s3.secret-access-key"] == "secret"


def test_tokens_are_exchanged_for_themselves(client):
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "a token"}
    answer = client.post(f"{V1}/oauth/tokens", data=form)
    assert answer.json()["access_token"] == "a token"
    for wrong in ({}, {"grant_type": "password"}, {"grant_type": "client_credentials"}):
        assert client.post(f"{V1}/oauth/tokens", data=wrong).status_code == 400


def test_nothing_can_be_written_where_it_is_not_set(client):
    schema = {"type": "struct", "fields": []}
    name = {"namespace": ["other"], "name": "t"}
    for method, path, body in (
        ("POST", "/mere/namespaces", {"namespace": ["other"]}),
        ("DELETE", "/mere/namespaces/mere", {}),
        ("POST", "/mere/namespaces/mere/properties", {}),
        ("POST", "/mere/namespaces/mere/tables", {"name": "t", "schema": schema}),
        ("POST", "/mere/namespaces/mere/tables/runs", {"updates": []}),
        ("DELETE", "/mere/namespaces/mere/tables/runs?purgeRequested=true", {}),
        ("POST", "/mere/tables/rename", {"source": name, "destination": name}),
        ("POST", "/mere/transactions/commit", {"table-changes": []}),
        ("POST", "/mere/namespaces/mere/register", {"name": "t", "metadata-location": "x"}),
    ):
        answer = client.request(method, V1 + path, json=body)
        assert refused(answer) == (406, "UnsupportedOperationException"), path
    assert names(client, "/mere/namespaces/mere/tables")
