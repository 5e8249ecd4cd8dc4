"""What the pages of models and deployments ask over HTTP; also by who may not read it all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

import mere
from mere.entities.actor import Role, Scope
from mere.server.protocols.native.models import OPERATIONS as MODELS
from mere.server.protocols.native.registry_pages import OPERATIONS as PAGES
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

PASSWORD = "correct horse battery"
OPERATIONS = (*MODELS, *PAGES)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    url = str(tmp_path / "lake")
    opened = open_warehouse(url)
    runs = []
    for acc in (0.8, 0.9):
        with mere.start_run("team", warehouse=url, console=False, capture=False) as run:
            run.log({"acc": acc})
        runs.append(run.run_id)
    for name in ("digits", "secret"):
        opened.models.create(name)
        for one in runs:
            opened.models.versions.create(name, "s3://bucket/key", run_id=one)
        opened.models.gates.set(name, "good", "metrics.acc > 0.85", alias="champion")
        opened.deployments.deploy(name, 1, environment="production", application=name)
    yield opened
    close_warehouses()


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, OPERATIONS) as client:
        yield client


@pytest.fixture
def guest(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    """A client of somebody who may read the model ``digits``, and no experiment."""
    access = warehouse.access
    access.users.create("root", PASSWORD, role=Role.ADMIN)
    access.users.create("vera", PASSWORD, role=Role.NONE)
    access.grants.give("user", "vera", Scope.model("digits"), Role.VIEWER)
    with client_of(warehouse, OPERATIONS, sign_in=True) as client:
        client.auth = ("vera", PASSWORD)
        yield client


def good(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_windows_say_what_there_is(client: TestClient[Any]) -> None:
    told = good(client.get("/api/v1/model-catalogue", params={"search": "dig", "limit": 5}))
    assert ([one["name"] for one in told["models"]], told["total"]) == (["digits"], 1)
    versions = good(
        client.get("/api/v1/models/digits/version-window", params={"metric": ["acc", "x"]})
    )
    assert [one["metrics"] for one in versions["versions"]] == [{"acc": 0.9}, {"acc": 0.8}]
    history = good(client.get("/api/v1/models/digits/history", params={"version": 1}))
    assert [one["kind"] for one in history["events"]] == ["deployed", "version"]
    compared = good(client.get("/api/v1/models/digits/versions/2/comparison?base=1"))
    assert compared["other"]["metrics"] == {"acc": 0.8}
    assert good(client.get("/api/v1/deployments/window"))["total"] == 2
    matrix = good(client.get("/api/v1/deployments/matrix", params={"application": "digits"}))
    assert [one["name"] for one in matrix["applications"]] == ["digits"]
    assert good(client.get("/api/v1/deployments/uses?dataset=scans")) == {"uses": []}


def test_a_condition_is_tried_before_it_is_a_gate(client: TestClient[Any]) -> None:
    path = "/api/v1/models/digits/versions/1/gate-tests"
    answer = client.post(path, json={"condition": "metrics.acc > 0.5"})
    assert good(answer)["parts"] == [{"text": "metrics.acc > 0.5", "value": "0.8", "holds": True}]
    assert client.post(path, json={"condition": "metrics.acc >"}).status_code == 400
    checked = good(client.get("/api/v1/models/digits/versions/1/gates/champion"))["gates"]
    assert [(one["holds"], one["parts"][0]["value"]) for one in checked] == [(False, "0.8")]


def test_who_may_not_read_the_runs_is_told_no_numbers(guest: TestClient[Any]) -> None:
    told = good(guest.get("/api/v1/model-catalogue"))
    assert ([one["name"] for one in told["models"]], told["all"]) == (["digits"], 1)
    assert guest.get("/api/v1/models/secret/history").status_code == 403
    window = good(guest.get("/api/v1/models/digits/version-window"))
    assert [(one["metrics"], one["run_name"]) for one in window["versions"]] == [({}, None)] * 2
    checked = good(guest.get("/api/v1/models/digits/versions/1/gates/champion"))["gates"]
    assert [(one["holds"], one["parts"]) for one in checked] == [(False, [])]
    path = "/api/v1/models/digits/versions/1/gate-tests"
    assert guest.post(path, json={"condition": "metrics.acc > 0.5"}).status_code == 403
    deployed = good(guest.get("/api/v1/deployments/window"))
    assert [one["model"] for one in deployed["deployments"]] == ["digits"]
    assert good(guest.get("/api/v1/deployments/matrix"))["total"] == 1


def test_a_description_is_not_written_over(client: TestClient[Any]) -> None:
    path = "/api/v1/models/digits"
    assert good(client.patch(path, json={"description": "a", "was": ""}))["description"] == "a"
    refused = client.patch(path, json={"description": "b", "was": "", "tags": {"k": "v"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "changed_meanwhile")
    assert good(client.get(path))["tags"] == {}
