"""Whose files somebody may put and get, and where they are said to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from mere.entities.actor import Action, Actor, ActorKind, Role, Scope
from mere.server.protocols.mlflow.artifacts import OPERATIONS as ARTIFACTS
from mere.server.protocols.mlflow.experiments import OPERATIONS as EXPERIMENTS
from mere.server.protocols.mlflow.logged_models import OPERATIONS as LOGGED_MODELS
from mere.server.protocols.mlflow.presigned import OPERATIONS as PRESIGNED
from mere.server.protocols.mlflow.runs import OPERATIONS as RUNS
from mere.services.warehouse import close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

PASSWORD = "correct horse battery"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
OPERATIONS = (*EXPERIMENTS, *RUNS, *LOGGED_MODELS, *ARTIFACTS, *PRESIGNED)


@pytest.fixture
def http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient[Any]]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    warehouse = open_warehouse(str(tmp_path / "lake"))
    for name, role in (("root", Role.ADMIN), ("inner", Role.NONE), ("outer", Role.NONE)):
        warehouse.access.users.create(name, PASSWORD, role=role)
    with client_of(warehouse, OPERATIONS, sign_in=True) as client:
        client.auth = ("root", PASSWORD)
        yield client
    close_warehouses()


def make(http: TestClient[Any], path: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"/api/2.0/mlflow/{path}", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_files_are_those_of_the_experiment_whatever_their_address_says(
    http: TestClient[Any], tmp_path: Path
) -> None:
    mine, other = (make(http, "experiments/create", name=n)["experiment_id"] for n in "ab")
    run = make(http, "runs/create", experiment_id=mine)["run"]["info"]
    model = make(http, "logged-models", experiment_id=mine)["model"]["info"]
    warehouse = open_warehouse(str(tmp_path / "lake"))
    grants = warehouse.access.grants
    grants.give("user", "inner", Scope.experiment(mine), Role.VIEWER, by="root")
    grants.give("user", "outer", Scope.experiment(other), Role.ADMIN, by="root")
    for owner in (f"{run['run_id']}", f"models/{model['model_id']}"):
        file = f"{owner}/artifacts/f"
        assert http.put(f"{PROXY}/{mine}/{file}", content=b"x").status_code == 200
        for experiment in (mine, other):  # what stands before the owner opens nothing
            path = f"{PROXY}/{experiment}/{file}"
            listed = f"{PROXY}?path={experiment}/{owner}/artifacts"
            signed = path.replace("artifacts/artifacts", "artifacts/presigned")
            inner, outer = ("inner", PASSWORD), ("outer", PASSWORD)
            for address in (path, listed):
                assert http.get(address, auth=inner).status_code == 200
                assert http.get(address, auth=outer).status_code == 403
            assert http.get(signed, auth=inner).status_code == 501
            assert http.get(signed, auth=outer).status_code == 403
            for user in (inner, outer):
                assert http.put(path, content=b"y", auth=user).status_code == 403
                assert http.delete(path, auth=user).status_code == 403
        assert http.get(f"{PROXY}/{mine}/{file}").content == b"x"
    for address in (
        f"/get-artifact?run_id={run['run_id']}&path=f",
        f"/api/2.0/mlflow/artifacts/list?run_id={run['run_id']}",
        f"/api/2.0/mlflow/logged-models/{model['model_id']}",
        f"/api/2.0/mlflow/logged-models/{model['model_id']}/artifacts/directories",
    ):
        assert http.get(address, auth=("inner", PASSWORD)).status_code == 200, address
        assert http.get(address, auth=("outer", PASSWORD)).status_code == 403, address
    body = {"experiment_ids": [mine, other]}
    search = "/api/2.0/mlflow/logged-models/search"
    assert http.post(search, json=body, auth=("outer", PASSWORD)).status_code == 403
    body = {"experiment_ids": [mine]}
    assert len(http.post(search, json=body, auth=("inner", PASSWORD)).json()["models"]) == 1


def test_files_of_traces_are_taken(http: TestClient[Any]) -> None:
    path = f"{PROXY}/0/traces/tr-1/artifacts/traces.json"
    assert http.put(path, content=b"{}").status_code == 200
    assert http.get(path).json() == {}
    listed = http.get(f"{PROXY}?path=0/traces/tr-1/artifacts").json()
    assert listed == {"files": [{"path": "traces.json", "is_dir": False, "file_size": 2}]}


def test_an_experiment_s_own_root_is_in_the_addresses_of_its_runs_and_models(
    http: TestClient[Any],
) -> None:
    made = make(http, "experiments/create", name="e", artifact_location="mlflow-artifacts:/team/e")
    experiment_id = made["experiment_id"]
    run = make(http, "runs/create", experiment_id=experiment_id)["run"]["info"]
    model = make(http, "logged-models", experiment_id=experiment_id)["model"]["info"]
    for uri in (run["artifact_uri"], model["artifact_uri"]):
        assert uri.startswith("mlflow-artifacts:/team/e/")
        path = f"{PROXY}/{uri.removeprefix('mlflow-artifacts:/')}/f"
        assert http.put(path, content=b"x").status_code == 200
        assert http.get(path).content == b"x"
    elsewhere = make(http, "experiments/create", name="s3", artifact_location="s3://bucket/p")
    body = {"experiment_id": elsewhere["experiment_id"]}
    uri = make(http, "logged-models", **body)["model"]["info"]["artifact_uri"]
    assert uri.startswith("s3://bucket/p/models/m-")


def test_no_word_before_an_owner_opens_its_files(http: TestClient[Any], tmp_path: Path) -> None:
    experiment = make(http, "experiments/create", name="a")["experiment_id"]
    run_id = make(http, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    model = make(http, "logged-models", experiment_id=experiment)["model"]["info"]["model_id"]
    for owner in (run_id, model):
        assert http.put(f"{PROXY}/0/{owner}/artifacts/f", content=b"x").status_code == 200
    warehouse = open_warehouse(str(tmp_path / "lake"))
    warehouse.models.create("m")
    made = warehouse.models.versions.create("m", f"runs:/{run_id}", run_id=run_id)
    # They may write to all but these.
    warehouse.access.users.create("most", PASSWORD, role=Role.EDITOR)
    for scope in (Scope.experiment(experiment), Scope.model("m")):
        warehouse.access.grants.give("user", "most", scope, Role.NONE, by="root")
    auth = ("most", PASSWORD)
    for owner in (run_id, model, made.version_id):
        for above in ("0", "0/models", "0/traces", "versions"):
            path = f"{PROXY}/{above}/{owner}/artifacts/f"
            assert http.get(path, auth=auth).status_code == 403, path
            assert http.put(path, content=b"y", auth=auth).status_code == 403, path
            assert http.delete(path, auth=auth).status_code == 403, path
        for name in ("get-artifact?path=f&", "api/2.0/mlflow/artifacts/list?"):
            assert http.get(f"/{name}run_id={owner}", auth=auth).status_code == 403, owner
    warehouse.access.grants.give("user", "most", Scope.model("m"), Role.ADMIN, by="root")
    for above in ("0", "0/traces", "versions"):
        path = f"{PROXY}/{above}/{made.version_id}/artifacts/f"
        assert http.get(path, auth=auth).content == b"x"
        assert http.put(path, content=b"y", auth=auth).status_code == 404, "it never changes"
        assert http.delete(path, auth=auth).status_code == 404


def test_nobody_has_to_look_up_where_a_new_run_is(http: TestClient[Any], tmp_path: Path) -> None:
    experiment = make(http, "experiments/create", name="a")["experiment_id"]
    run_id = make(http, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    access = open_warehouse(str(tmp_path / "lake")).access
    access.grants.give("user", "inner", Scope.experiment(experiment), Role.VIEWER, by="root")
    inner = Actor(name="inner", kind=ActorKind.USER)
    access.authorize(inner, Action.READ, Scope.experiment(experiment))
    assert access.allows_quickly(inner, Action.READ, Scope.run(run_id)) is True
    assert access.allows_quickly(inner, Action.READ, Scope.run("f" * 32)) is None
