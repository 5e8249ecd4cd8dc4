"""Saved views, links, reports and pins, asked over HTTP by people of several roles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from mere.entities.actor import Role
from mere.server.protocols.native.reports import OPERATIONS as REPORTS
from mere.server.protocols.native.views import OPERATIONS as VIEWS
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

PASSWORD = "correct horse battery"
ADA, BOB, EVE = ((name, PASSWORD) for name in ("ada", "bob", "eve"))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    for name, role in (("ada", Role.EDITOR), ("bob", Role.EDITOR), ("eve", Role.VIEWER)):
        opened.access.users.create(name, PASSWORD, role=role)
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def home(warehouse) -> str:
    return warehouse.experiments.create("digits").experiment_id


@pytest.fixture(scope="module")
def client(warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, (*VIEWS, *REPORTS), sign_in=True) as opened:
        yield opened


def test_a_view_from_its_making_to_its_end(client, home):
    said = {"page": "explore", "experiment": home, "name": "v", "state": "q=a"}
    view = client.post("/api/v1/views", json={**said, "visibility": "shared"}, auth=ADA).json()
    at = f"/api/v1/views/{view['view_id']}"
    assert (view["owner"], view["revision"], view["may_change"]) == ("ada", 1, True)
    listed = client.get(f"/api/v1/views?page=explore&experiment={home}", auth=EVE).json()["views"]
    assert [(one["name"], one["may_change"]) for one in listed] == [("v", False)]
    assert client.patch(at, json={"was": 1, "state": "q=b"}, auth=EVE).status_code == 403
    assert client.patch(at, json={"was": 1, "state": "q=b"}, auth=BOB).json()["revision"] == 2
    late = client.patch(at, json={"was": 1, "name": "w"}, auth=ADA)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "changed_meanwhile")
    assert client.patch(at, json={"name": "w"}, auth=ADA).status_code == 400
    assert client.put(f"{at}/star", json={"is_starred": True}, auth=EVE).json()["is_starred"]
    assert client.put(f"{at}/default", json={"is_default": True}, auth=EVE).status_code == 403
    assert client.put(f"{at}/default", json={"is_default": True}, auth=ADA).json()["is_default"]
    assert client.get(at, auth=BOB).json()["is_default"]
    assert client.delete(at, auth=ADA).status_code == 204
    assert client.get(at, auth=ADA).status_code == 404
    assert client.post(f"{at}/restore", json={}, auth=ADA).json()["name"] == "v"


def test_links_go_to_pages_that_may_be_read(client, home):
    address = f"/p/{home}?q=x"
    made = client.post("/api/v1/links", json={"address": address}, auth=EVE).json()
    found = client.get(f"/api/v1/links/{made['link_id']}", auth=ADA)
    assert found.json() == {"link_id": made["link_id"], "address": address}
    assert client.get(f"/api/v1/links/{made['link_id']}").status_code == 401
    away = client.post("/api/v1/links", json={"address": "//evil.example"}, auth=EVE)
    assert away.status_code == 400


def test_a_report_from_its_making_to_its_end(client, home):
    body = f'```panel\n{{"kind": "runs", "experiment": "{home}"}}\n```'
    assert client.post("/api/v1/reports", json={"title": "T"}, auth=EVE).status_code == 403
    made = client.post("/api/v1/reports", json={"title": "T", "body": body}, auth=ADA).json()
    at = f"/api/v1/reports/{made['report']['report_id']}"
    assert made["report"]["experiments"] == [home]
    assert client.get(at, auth=EVE).status_code == 404
    saved = {"title": "U", "body": "two", "was": 1}
    assert client.put(at, json=saved, auth=BOB).status_code == 404
    assert client.put(f"{at}/editors", json={"editors": ["bob"]}, auth=ADA).status_code == 200
    assert client.put(at, json=saved, auth=BOB).json()["shown"] == 2
    late = client.put(at, json=saved, auth=ADA)
    assert (late.status_code, late.json()["error"]["details"]["version"]) == (409, 2)
    assert client.put(f"{at}/published", json={"version": 1}, auth=BOB).json()["published"] == 1
    seen = client.get(at, auth=EVE).json()
    assert (seen["title"], seen["body"], seen["report"]["may_change"]) == ("T", body, False)
    assert client.get(f"{at}?version=2", auth=EVE).status_code == 404
    assert client.get("/api/v1/reports?state=published", auth=EVE).json()["total"] == 1
    versions = client.get(f"{at}/versions", auth=ADA).json()["versions"]
    assert [one["version"] for one in versions] == [2, 1]
    assert "+two" in client.get(f"{at}/diff?older=1&newer=2", auth=ADA).json()["text"]
    again = client.post(f"{at}/versions/restore", json={"version": 1, "was": 2}, auth=ADA)
    assert (again.json()["shown"], again.json()["body"]) == (3, body)
    assert client.delete(at, auth=BOB).status_code == 403
    assert client.delete(at, auth=ADA).status_code == 204
    assert client.post(f"{at}/restore", json={}, auth=ADA).json()["version"] == 3
    too_long = {"title": "T", "body": "x" * 9_000_000}
    assert client.post("/api/v1/reports", json=too_long, auth=ADA).status_code == 413


def test_pins_are_made_by_who_may_write_reports(client, home):
    window = {"experiments": [home], "columns": ["name"]}
    body = {"parts": [{"kind": "window", "request": window}, {"kind": "sql", "query": "select 1"}]}
    assert client.post("/api/v1/pins", json=body, auth=EVE).status_code == 403
    pin = client.post("/api/v1/pins", json=body, auth=ADA).json()
    assert [one["kind"] for one in pin["answers"]] == ["window", "sql"]
    assert client.get(f"/api/v1/pins/{pin['pin_id']}", auth=EVE).json() == pin
    assert client.post("/api/v1/pins", json={"parts": [{"kind": "x"}]}, auth=ADA).status_code == 400
