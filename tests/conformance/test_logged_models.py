"""Logged models and the links of runs, with MLflow's newest client against our server."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mere.services.warehouse import close_warehouses, open_warehouse
from tests.conformance.servers import MLFLOW, run_mere

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow is not installed: make mlflow"),
]


class Server:
    """A server on a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def call(self, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        address = f"{self.url}/api/2.0/mlflow/{path}"
        answer = httpx.request(method, address, json=body or None, timeout=60)
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("models") / "lake"
    with run_mere(folder) as url:
        yield Server(url, folder)
    close_warehouses()


def of_client(server: Server, tmp_path: Path, program: str) -> Any:
    """Run a program with MLflow's client; returns what it puts into `found`."""
    script = tmp_path / "program.py"
    script.write_text(
        "import json, sys, mlflow\nimport numpy as np\nfrom mlflow import MlflowClient\n"
        "from mlflow.exceptions import MlflowException\n"
        f"mlflow.set_tracking_uri({server.url!r})\nclient, found = MlflowClient(), {{}}\n"
        f"experiment = mlflow.set_experiment({tmp_path.name!r}).experiment_id\n"
        f"{textwrap.dedent(program)}\nprint('FOUND', json.dumps(found))\n"
    )
    done = subprocess.run(
        [MLFLOW, script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    return json.loads(line.removeprefix("FOUND "))


def test_a_model_is_logged_and_loaded(server: Server, tmp_path: Path) -> None:
    found = of_client(
        server,
        tmp_path,
        """
        from sklearn.linear_model import LogisticRegression
        features = np.random.default_rng(0).random((60, 3))
        target = (features[:, 0] > 0.5).astype(int)
        model = LogisticRegression().fit(features, target)
        with mlflow.start_run() as run:
            data = mlflow.data.from_numpy(features, targets=target, name="train")
            mlflow.log_input(data, context="training")
            info = mlflow.sklearn.log_model(
                model, name="clf", params={"C": 1.0}, tags={"team": "ü"},
                input_example=features[:2])
            mlflow.log_metric("acc", 0.9, step=3, model_id=info.model_id, dataset=data)
        loaded = mlflow.sklearn.load_model(info.model_uri)
        by_id = mlflow.pyfunc.load_model(f"models:/{info.model_id}")
        found["same"] = bool((loaded.predict(features) == model.predict(features)).all()
                             and (by_id.predict(features) == model.predict(features)).all())
        logged = mlflow.get_logged_model(info.model_id)
        found["model"] = [logged.status.value, logged.name, logged.params["C"],
                          logged.tags["team"], logged.source_run_id == run.info.run_id]
        [metric] = logged.metrics
        found["metric"] = [metric.key, metric.value, metric.step, metric.dataset_name,
                           metric.run_id == run.info.run_id]
        found["files"] = sorted(f.path for f in client.list_logged_model_artifacts(info.model_id))
        again = client.get_run(run.info.run_id)
        [read] = again.inputs.dataset_inputs
        found["input"] = [read.dataset.name, read.dataset.digest == data.digest,
                          {t.key: t.value for t in read.tags}]
        found["outputs"] = [o.model_id == info.model_id for o in again.outputs.model_outputs]
        version = mlflow.register_model(info.model_uri, "registered")
        found["version"] = int(version.version)
        found["by version"] = bool(
            (mlflow.pyfunc.load_model("models:/registered/1").predict(features)
             == model.predict(features)).all())
        found["id"], found["run"] = info.model_id, run.info.run_id
        """,
    )
    assert found["same"]
    assert found["by version"]
    assert found["model"] == ["READY", "clf", "1.0", "ü", True]
    assert found["metric"] == ["acc", 0.9, 3, "train", True]
    assert {"MLmodel", "requirements.txt", "input_example.json"} <= set(found["files"])
    assert found["input"] == ["train", True, {"mlflow.data.context": "training"}]
    assert found["outputs"] == [True]
    warehouse = open_warehouse(str(server.folder))
    [row] = warehouse.sql(
        "select digest, files, map_keys(flavors) as flavors, metrics['acc'] as acc "
        "from logged_models where model_id = $id",
        {"id": found["id"]},
    ).to_pylist()
    assert len(row["digest"]) == 64
    assert (row["files"], row["acc"]) == (len(found["files"]), 0.9)
    assert "sklearn" in row["flavors"]
    for address in (
        "model-versions/get-artifact?name=registered&version=1&path=MLmodel",
        f"ajax-api/2.0/mlflow/logged-models/{found['id']}/artifacts/files?artifact_file_path=MLmodel",
    ):
        answer = httpx.get(f"{server.url}/{address}")
        assert answer.text.startswith("artifact_path:"), address
        assert answer.headers["Content-Disposition"].startswith("attachment;")
    edges = warehouse.lineage.of(found["run"]).to_pylist(maps_as_pydicts="lossy")
    assert {(e["direction"], e["asset"].partition(":")[0], e["context"]) for e in edges} == {
        ("read", "dataset", "training"),
        ("write", "logged_model", None),
    }
    graph = warehouse.lineage.graph(f"run:{found['run']}")
    assert f"logged_model:{found['id']}" in [node.node for node in graph.nodes]


def test_a_model_that_changes_when_it_is_ready_has_a_new_digest(
    server: Server, tmp_path: Path
) -> None:
    found = of_client(
        server,
        tmp_path,
        """
        from mlflow.models import infer_signature, set_signature

        class Model(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input: list[str]) -> list[str]:
                return model_input

        with mlflow.start_run():
            info = mlflow.pyfunc.log_model(name="m", python_model=Model())
        found["id"] = info.model_id
        """,
    )
    warehouse = open_warehouse(str(server.folder))
    before = warehouse.logged_models.get(found["id"])
    path = f"{before.experiment_id}/models/{found['id']}/artifacts/more.txt"
    address = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{path}"
    assert httpx.put(address, content=b"more").status_code == 200
    after = warehouse.logged_models.get(found["id"])
    assert after.digest != before.digest
    assert (after.files or 0) - (before.files or 0) == 1
    assert httpx.delete(address).status_code == 200
    assert warehouse.logged_models.get(found["id"]).digest == before.digest


def test_models_are_found_ordered_and_paged(server: Server, tmp_path: Path) -> None:
    found = of_client(
        server,
        tmp_path,
        """
        with mlflow.start_run():
            for number in range(5):
                model = mlflow.create_external_model(
                    name=f"m{number}", model_type="agent", params={"depth": str(number)})
                for name, value in (("a", number / 10), ("b", -number / 10)):
                    data = mlflow.data.from_numpy(np.array([number, ord(name)]), name=name)
                    mlflow.log_metric("acc", value, model_id=model.model_id, dataset=data)

        def names(**query):
            query.setdefault("output_format", "list")
            return [m.name for m in mlflow.search_logged_models([experiment], **query)]

        found["all"] = names()
        found["params"] = names(filter_string="params.depth = '3'")
        found["attributes"] = names(filter_string="name LIKE 'm%' AND model_type = 'agent'")
        found["metric"] = names(filter_string="metrics.acc > 0.2",
                                datasets=[{"dataset_name": "a"}])
        found["best"] = names(order_by=[
            {"field_name": "metrics.acc", "ascending": False, "dataset_name": "a"}])
        found["worst"] = names(order_by=[
            {"field_name": "metrics.acc", "ascending": False, "dataset_name": "b"}])
        found["oldest"] = names(order_by=[{"field_name": "creation_timestamp"}], max_results=2)
        pages, token = [], None
        while True:
            page = client.search_logged_models([experiment], max_results=2, page_token=token)
            pages.append([m.name for m in page])
            token = page.token
            if not token:
                break
        found["pages"] = pages
        try:
            names(filter_string="nothing.x = 1")
        except MlflowException as error:
            found["error"] = error.error_code
        """,
    )
    newest = ["m4", "m3", "m2", "m1", "m0"]
    assert found["all"] == newest
    assert found["params"] == ["m3"]
    assert found["attributes"] == newest
    assert found["metric"] == ["m4", "m3"]
    assert found["best"] == newest
    assert found["worst"] == newest[::-1]
    assert found["oldest"] == ["m0", "m1"]
    assert found["pages"] == [["m4", "m3"], ["m2", "m1"], ["m0"]]
    assert found["error"] == "INVALID_PARAMETER_VALUE"


def test_a_model_s_life(server: Server, tmp_path: Path) -> None:
    found = of_client(
        server,
        tmp_path,
        """
        from mlflow.entities import LoggedModelInput, LoggedModelOutput
        many = {f"p{n}": str(n) for n in range(250)}
        model = mlflow.initialize_logged_model(name="m", params=many)
        found["pending"] = model.status.value
        found["params"] = len(mlflow.get_logged_model(model.model_id).params)
        mlflow.set_logged_model_tags(model.model_id, {"a/b": "1", "c": "2"})
        mlflow.delete_logged_model_tag(model.model_id, "a/b")
        found["tags"] = {k: v for k, v in mlflow.get_logged_model(model.model_id).tags.items()
                         if not k.startswith("mlflow.")}
        found["failed"] = mlflow.finalize_logged_model(model.model_id, "FAILED").status.value
        with mlflow.start_run() as run:
            pass
        client.log_inputs(run.info.run_id, models=[LoggedModelInput(model.model_id)])
        client.log_outputs(run.info.run_id, models=[LoggedModelOutput(model.model_id, 7)])
        seen = client.get_run(run.info.run_id)
        found["read"] = [m.model_id == model.model_id for m in seen.inputs.model_inputs]
        found["made"] = [[m.model_id == model.model_id, m.step]
                         for m in seen.outputs.model_outputs]
        client.delete_logged_model(model.model_id)
        try:
            mlflow.get_logged_model(model.model_id)
        except MlflowException as error:
            found["gone"] = [error.error_code, str(error).endswith("not found.")]
        try:
            mlflow.delete_logged_model_tag("m-" + "0" * 32, "x")
        except MlflowException as error:
            found["never"] = error.error_code
        """,
    )
    assert (found["pending"], found["failed"]) == ("PENDING", "FAILED")
    assert found["params"] == 250
    assert found["tags"] == {"c": "2"}
    assert found["read"] == [True]
    assert found["made"] == [[True, 7]]
    assert found["gone"] == ["RESOURCE_DOES_NOT_EXIST", True]
    assert found["never"] == "RESOURCE_DOES_NOT_EXIST"


def test_wrong_requests_are_refused(server: Server) -> None:
    _, made = server.call("POST", "logged-models", experiment_id="0", name="m")
    model = f"logged-models/{made['model']['info']['model_id']}"
    _, run = server.call("POST", "runs/create", experiment_id="0")
    run_id = run["run"]["info"]["run_id"]
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    for method, path, body, status in (
        ("POST", "logged-models", {"name": "m"}, 400),
        ("POST", "logged-models", {"experiment_id": "0", "name": "a/b"}, 400),
        ("POST", "logged-models", {"experiment_id": "777", "name": "m"}, 404),
        ("POST", "logged-models", {"experiment_id": "0", "params": [{"value": "x"}]}, 400),
        ("PATCH", model, {"status": "NONE"}, 400),
        ("PATCH", model, {}, 400),
        ("PATCH", "logged-models/m-1", {"status": 2}, 404),
        ("POST", "logged-models/search", {}, 400),
        ("POST", "logged-models/search", {"experiment_ids": ["0"], "max_results": -1}, 400),
        ("POST", "logged-models/search", {"experiment_ids": ["0"], "page_token": "x"}, 400),
        ("POST", "logged-models/search", {"experiment_ids": ["0"], "datasets": [{}]}, 400),
        (
            "POST",
            "logged-models/search",
            {"experiment_ids": ["0"], "order_by": [{"field_name": "params.x"}]},
            400,
        ),
        ("GET", f"{model}/artifacts/directories?artifact_directory_path=..", {}, 400),
        ("POST", "runs/log-inputs", {"run_id": run_id, "datasets": [{}]}, 400),
        (
            "POST",
            "runs/log-inputs",
            {"run_id": run_id, "datasets": [{"dataset": {**dataset, "digest": "x" * 37}}]},
            400,
        ),
        ("POST", "runs/log-inputs", {"run_id": "0" * 32, "datasets": []}, 404),
        ("POST", "runs/outputs", {"run_id": run_id}, 400),
        ("POST", "runs/outputs", {"run_id": run_id, "models": [{"step": 1}]}, 400),
    ):
        answer, said = server.call(method, path, **body)
        assert answer == status, (path, body, said)
        assert set(said) == {"error_code", "message"}
    server.call("POST", "runs/delete", run_id=run_id)
    body = {"run_id": run_id, "datasets": [{"dataset": dataset}]}
    assert server.call("POST", "runs/log-inputs", **body)[0] == 400


def test_the_same_dataset_is_one_version(server: Server) -> None:
    dataset = {"name": "same", "digest": "1", "source_type": "local", "source": "{}"}
    for _ in range(2):
        _, run = server.call("POST", "runs/create", experiment_id="0")
        body = {
            "run_id": run["run"]["info"]["run_id"],
            "datasets": [
                {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "eval"}]},
                {"dataset": {**dataset, "digest": "2", "profile": '{"rows": 3}'}},
                {"dataset": dataset},
            ],
        }
        assert server.call("POST", "runs/log-inputs", **body) == (200, {})
    warehouse = open_warehouse(str(server.folder))
    rows = warehouse.sql("select digest, version, kind from datasets where name = 'same'")
    assert sorted(map(tuple, (row.values() for row in rows.to_pylist()))) == [
        ("1", 1, "reference"),
        ("2", 2, "reference"),
    ]
    _, found = server.call(
        "POST",
        "runs/search",
        experiment_ids=["0"],
        filter="datasets.digest = '2' and datasets.context = 'eval'",
    )
    assert len(found["runs"]) == 2
    inputs = found["runs"][0]["inputs"]["dataset_inputs"]
    assert sorted(one["dataset"]["digest"] for one in inputs) == ["1", "2"]
