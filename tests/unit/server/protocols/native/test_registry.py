"""The registry, deployments and webhooks, asked over HTTP in our own protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from mere.entities.actor import Role, Scope
from mere.server.protocols.mlflow.registry import OPERATIONS as MLFLOW_REGISTRY
from mere.server.protocols.native.deployments import OPERATIONS as DEPLOYMENTS
from mere.server.protocols.native.models import OPERATIONS as MODELS
from mere.server.protocols.native.webhooks import OPERATIONS as WEBHOOKS
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

OPERATIONS = (*MODELS, *DEPLOYMENTS, *WEBHOOKS, *MLFLOW_REGISTRY)
RUN = "a" * 32


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path / "lake"))
    opened.artifacts.put_bytes(RUN, "model/weights.bin", b"weights")
    yield opened
    close_warehouses()


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[TestClient[Any]]:
    with client_of(warehouse, OPERATIONS) as client:
        yield client


def good(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_a_model_from_its_name_to_its_end(client: TestClient[Any], warehouse: Warehouse) -> None:
    made = good(client.post("/api/v1/models", json={"name": "dig its ü", "tags": {"a": "1"}}), 201)
    assert (made["name"], made["lifecycle"]) == ("dig its ü", "active")
    assert client.post("/api/v1/models", json={"name": "dig its ü"}).status_code == 409
    assert client.post("/api/v1/models", json={"name": "a/b"}).status_code == 400
    one = "/api/v1/models/dig%20its%20%C3%BC"
    version = {"source": f"runs:/{RUN}/model", "run_id": RUN}
    assert good(client.post(f"{one}/versions", json=version), 201)["version"] == 1
    shown = good(client.get(f"{one}/versions/1"))
    assert [file["path"] for file in shown["files"]] == ["weights.bin"]
    assert client.get(f"{one}/versions/1/files/weights.bin").content == b"weights"
    assert client.get(f"{one}/versions/1/files/other").status_code == 404
    assert client.get(f"{one}/versions/1/files/..%2f..%2fmere.json").status_code in (400, 404)
    gate = {"condition": "review = 'approved'", "alias": "live"}
    assert good(client.put(f"{one}/gates/reviewed", json=gate))["gate"] == "reviewed"
    closed = client.put(f"{one}/aliases/live", json={"version": 1})
    assert closed.status_code == 403
    assert closed.json()["error"]["code"] == "gate_closed"
    assert not good(client.get(f"{one}/versions/1/gates/live"))["gates"][0]["holds"]
    said = {"state": "approved", "comment": "fine"}
    assert good(client.post(f"{one}/versions/1/reviews", json=said), 201)["comment"] == "fine"
    assert good(client.put(f"{one}/aliases/live", json={"version": 1}))["aliases"] == ["live"]
    assert good(client.get(f"{one}/aliases/live"))["version"] == 1
    change = {"description": "d", "tags": {"a": None, "b": "2"}, "new_name": "digits"}
    renamed = good(client.patch(one, json=change))
    assert (renamed["name"], renamed["tags"], renamed["description"]) == (
        "digits",
        {"b": "2"},
        "d",
    )
    assert client.get(one).status_code == 404
    one = "/api/v1/models/digits"
    found = good(client.get("/api/v1/models", params={"filter": "tags.b = '2'"}))
    assert [model["name"] for model in found["models"]] == ["digits"]
    found = good(client.get("/api/v1/model-versions", params={"order": ["version ASC"]}))
    assert [version["version"] for version in found["versions"]] == [1]
    changed = good(client.patch(f"{one}/versions/1", json={"description": None}))
    assert changed["description"] is None
    assert len(good(client.get(f"{one}/gates"))) == 1
    good(client.delete(f"{one}/gates/reviewed"), 204)
    good(client.delete(f"{one}/aliases/live"), 204)
    assert client.get(f"{one}/aliases/live").status_code == 404
    good(client.delete(f"{one}/versions/1"), 204)
    good(client.delete(one), 204)
    assert client.delete(one).status_code == 404
    for wrong in ({"limit": 0}, {"limit": "x"}, {"filter": "nonsense = 1"}, {"page_token": "x"}):
        assert client.get("/api/v1/models", params=wrong).status_code == 400, wrong
    assert client.get(f"{one}/versions/x").status_code == 400


def test_deployments_come_and_go(client: TestClient[Any], warehouse: Warehouse) -> None:
    warehouse.models.create("digits")
    warehouse.models.versions.create("digits", f"runs:/{RUN}/model")
    new = {"model": "digits", "version": 1, "environment": "production", "application": "shop"}
    made = good(client.post("/api/v1/deployments", json=new), 201)
    one = f"/api/v1/deployments/{made['deployment_id']}"
    assert good(client.get(one)) == made
    assert len(good(client.get("/api/v1/deployments"))["deployments"]) == 1
    assert client.delete("/api/v1/models/digits").status_code == 400
    over = good(client.post(f"{one}/retire", json={"reason": "done"}))
    assert (over["status"], over["reason"]) == ("retired", "done")
    assert good(client.get("/api/v1/deployments"))["deployments"] == []
    assert good(client.get("/api/v1/deployments?live_only=false"))["deployments"] == [over]
    assert client.get("/api/v1/deployments/none").status_code == 404
    assert client.post("/api/v1/deployments", json={**new, "traffic": 2}).status_code == 400
    assert client.post("/api/v1/deployments", json={**new, "version": 9}).status_code == 404


def test_webhooks_are_made_and_shown_without_their_secret(client: TestClient[Any]) -> None:
    new = {"name": "hook", "url": "https://example.invalid/", "events": ["deployment.created"]}
    made = good(client.post("/api/v1/webhooks", json={**new, "secret": "s3cret"}), 201)
    one = f"/api/v1/webhooks/{made['webhook_id']}"
    assert made["is_signed"]
    for answer in (client.get(one), client.get("/api/v1/webhooks")):
        assert "s3cret" not in answer.text
        assert "secrets/" not in answer.text
    assert "prompt.created" in good(client.get("/api/v1/webhooks"))["events"]
    assert good(client.patch(one, json={"status": "disabled"}))["status"] == "DISABLED"
    went = good(client.post(f"{one}/test", json={}))
    assert not went["success"]
    assert client.post(f"{one}/test", json={"event": "x"}).status_code == 400
    assert good(client.get(f"{one}/deliveries")) == {"deliveries": []}
    for url in ("http://127.0.0.1/", "http://169.254.169.254/latest", "ftp://example.org"):
        assert client.post("/api/v1/webhooks", json={**new, "url": url}).status_code == 400
    good(client.delete(one), 204)
    assert client.get(one).status_code == 404


def test_a_version_is_not_made_of_what_its_maker_may_not_read(warehouse: Warehouse) -> None:
    """Whoever may change a model must not read a run's files by way of it."""
    access = warehouse.access
    access.users.create("ann", "correct horse battery", role=Role.EDITOR)
    hidden = warehouse.experiments.create("hidden").experiment_id
    warehouse.lake.patch("runs", [{"run_id": RUN, "experiment_id": hidden}])
    access.grants.give("user", "ann", Scope.experiment(hidden), Role.NONE)
    warehouse.models.create("digits")
    sources = [
        {"source": f"runs:/{RUN}/model"},
        {"source": f"runs:/{RUN}/model", "run_id": RUN},
        {"source": f"mlflow-artifacts:/{hidden}/{RUN}/artifacts/model", "run_id": RUN},
    ]
    with client_of(warehouse, OPERATIONS, sign_in=True) as client:
        client.auth = ("ann", "correct horse battery")
        for source in sources:
            for path, more in (
                ("/api/v1/models/digits/versions", {}),
                ("/api/2.0/mlflow/model-versions/create", {"name": "digits"}),
            ):
                answer = client.post(path, json={**source, **more})
                assert answer.status_code == 403, (path, source, answer.text)
    assert warehouse.models.versions.search().items == []


def test_rights_follow_a_model_to_its_new_name(warehouse: Warehouse) -> None:
    access = warehouse.access
    access.users.create("ann", "correct horse battery", role=Role.VIEWER)
    warehouse.models.create("digits")
    access.grants.give("user", "ann", Scope.model("digits"), Role.NONE)
    warehouse.models.rename("digits", "numbers")
    found = warehouse.lake.scan("grants").to_pylist()
    assert [(one["object_id"], one["role"]) for one in found] == [("numbers", "none")]
    warehouse.models.delete("numbers")
    warehouse.models.create("numbers")
    assert warehouse.lake.scan("grants").num_rows == 0
