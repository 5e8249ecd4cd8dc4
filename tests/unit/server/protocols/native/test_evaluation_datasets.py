"""Evaluation datasets of the portal over HTTP: found, looked through, changed, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from mere.entities.actor import Role, Scope
from mere.server.protocols.native.evaluation_datasets import OPERATIONS
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

PASSWORD = "correct horse battery"
PATH = "/api/v1/evaluation-datasets"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("evaluation") / "lake"))
    home = opened.experiments.create("home").experiment_id
    opened.experiments.create("hidden")
    opened.access.users.create("vera", PASSWORD, role=Role.NONE)
    opened.access.users.create("emil", PASSWORD, role=Role.NONE)
    opened.access.grants.give("user", "vera", Scope.experiment(home), Role.VIEWER)
    opened.access.grants.give("user", "emil", Scope.experiment(home), Role.EDITOR)
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, OPERATIONS, fold_s=0.0) as opened:
        yield opened


def home_of(warehouse: Warehouse, name: str = "home") -> str:
    return warehouse.experiments.get_or_create(name).experiment_id


def dataset(warehouse: Warehouse, name: str, *homes: str, records: int = 3) -> str:
    made = warehouse.evaluation_datasets.create(name, experiment_ids=homes).dataset_id
    asked = [{"inputs": {"q": number}} for number in range(records)]
    warehouse.evaluation_datasets.upsert_records(made, asked, by="ada")
    return made


def test_one_is_looked_through_changed_and_deleted(
    client: TestClient[Any], warehouse: Warehouse
) -> None:
    home = home_of(warehouse)
    one = f"{PATH}/{dataset(warehouse, 'looked through', home)}"
    assert client.get(one).json()["records"] == 3
    listed = client.get(PATH, params={"text": "looked"}).json()
    assert (listed["total"], listed["datasets"][0]["records"]) == (1, 3)
    page = client.get(f"{one}/records", params={"limit": 2}).json()
    assert (page["total"], [row["inputs"] for row in page["records"]]) == (
        3,
        ['{"q":0}', '{"q":1}'],
    )
    first, second = (row["record_id"] for row in page["records"])
    assert client.get(f"{one}/records/{first}").json()["inputs"] == {"q": 0}
    removed = client.post(f"{one}/records/remove", json={"records": [first, "dr-none"]})
    assert removed.json() == {"removed": 1}
    assert client.get(f"{one}/records/{first}").status_code == 404
    assert client.get(f"{one}/records/{second}").status_code == 200
    other = home_of(warehouse, "other")
    change = {"tags": {"use": "gate"}, "experiments": {other: True, home: False}}
    changed = client.patch(one, json=change).json()
    assert (changed["tags"], changed["experiment_ids"]) == ({"use": "gate"}, [other])
    assert client.patch(one, json={"experiments": {"404": True}}).status_code == 404
    assert client.patch(one, json={"tags": {"use": None}}).json()["tags"] == {}
    assert client.delete(one).status_code == 200
    for path in (one, f"{one}/records", f"{one}/records/{second}"):
        assert client.get(path).status_code == 404, path


def test_each_sees_and_changes_what_they_may(warehouse: Warehouse) -> None:
    home, hidden = home_of(warehouse), home_of(warehouse, "hidden")
    open_to_them = dataset(warehouse, "may be read", home)
    closed = [
        dataset(warehouse, "partly hidden", home, hidden),
        dataset(warehouse, "of the warehouse"),
    ]
    record = warehouse.evaluation_datasets.records(open_to_them)[0][0].record_id
    with client_of(warehouse, OPERATIONS, fold_s=0.0, sign_in=True) as opened:

        def status(method: str, path: str, body: object = None) -> int:
            return opened.request(method, f"{PATH}/{path}", json=body).status_code

        for user, may_edit in (("vera", False), ("emil", True)):
            opened.auth = (user, PASSWORD)
            names = {one["name"] for one in opened.get(PATH).json()["datasets"]}
            assert "may be read" in names
            assert names.isdisjoint({"partly hidden", "of the warehouse"})
            for path in ("", "/records", f"/records/{record}"):
                assert status("GET", open_to_them + path) == 200
                for one in closed:
                    assert status("GET", one + path) in (403, 404)
            tags = {"tags": {"seen": user}}
            assert status("PATCH", open_to_them, tags) == (200 if may_edit else 403)
            into = {"experiments": {hidden: True}}
            assert status("PATCH", open_to_them, into) in (403, 404)
            taken = {"records": ["dr-none"]}
            expected = 200 if may_edit else 403
            assert status("POST", f"{open_to_them}/records/remove", taken) == expected
            for one in closed:
                assert status("PATCH", one, tags) in (403, 404)
                assert status("POST", f"{one}/records/remove", taken) in (403, 404)
                assert status("DELETE", one) in (403, 404)
        opened.auth = ("vera", PASSWORD)
        assert status("DELETE", open_to_them) == 403
        opened.auth = ("emil", PASSWORD)
        assert status("DELETE", open_to_them) == 200
