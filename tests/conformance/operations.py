"""Each operation of MLflow's client once, against a server; says as JSON how it went.

Run by the Python of MLflow's environment: ``python operations.py ADDRESS``. The answer has for
each operation ``ok``, ``not offered`` (the server says so itself) or what went wrong.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

__all__ = ["main"]

_NOT_OFFERED = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED")
OPERATIONS: list[tuple[str, str, Callable[[World], None]]] = []


class World:
    """What operations work on, made by those before."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self.name = f"matrix-{uuid.uuid4().hex[:8]}"
        self.experiment_id = client.create_experiment(self.name)
        self.run_id = client.create_run(self.experiment_id, run_name="one").info.run_id
        self.folder = Path(tempfile.mkdtemp())
        self.model_id = ""
        self.trace_id = ""


def operation(
    group: str, name: str
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    def declare(function: Callable[[World], None]) -> Callable[[World], None]:
        OPERATIONS.append((group, name, function))
        return function

    return declare


@operation("experiments", "create, get, get by name")
def _(world: World) -> None:
    made = world.client.create_experiment(f"{world.name} ü/x", tags={"a": "b"})
    assert world.client.get_experiment(made).tags == {"a": "b"}
    assert world.client.get_experiment_by_name(f"{world.name} ü/x").experiment_id == made
    assert world.client.get_experiment_by_name("none such") is None
    assert world.client.get_experiment("0").name == "Default"


@operation("experiments", "search, with filter, order and pages")
def _(world: World) -> None:
    found = world.client.search_experiments(
        filter_string=f"name LIKE '{world.name}%'", order_by=["name ASC"], max_results=1
    )
    assert [one.name for one in found] == [world.name]
    assert found.token


@operation("experiments", "rename")
def _(world: World) -> None:
    made = world.client.create_experiment(f"{world.name}-old")
    world.client.rename_experiment(made, f"{world.name}-new")
    assert world.client.get_experiment(made).name == f"{world.name}-new"


@operation("experiments", "delete, restore")
def _(world: World) -> None:
    made = world.client.create_experiment(f"{world.name}-bin")
    world.client.delete_experiment(made)
    deleted = world.client.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert made in [one.experiment_id for one in deleted]
    world.client.restore_experiment(made)
    assert world.client.get_experiment(made).lifecycle_stage == "active"


@operation("experiments", "set and delete tags")
def _(world: World) -> None:
    world.client.set_experiment_tag(world.experiment_id, "team", "ü")
    assert world.client.get_experiment(world.experiment_id).tags["team"] == "ü"
    world.client.delete_experiment_tag(world.experiment_id, "team")
    assert "team" not in world.client.get_experiment(world.experiment_id).tags


@operation("runs", "create, get, end, nested runs")
def _(world: World) -> None:
    with (
        mlflow.start_run(experiment_id=world.experiment_id, run_name="parent") as parent,
        mlflow.start_run(nested=True, experiment_id=world.experiment_id) as child,
    ):
        pass
    assert world.client.get_run(child.info.run_id).info.status == "FINISHED"
    tags = world.client.get_run(child.info.run_id).data.tags
    assert tags["mlflow.parentRunId"] == parent.info.run_id
    assert world.client.get_run(parent.info.run_id).info.run_name == "parent"


@operation("runs", "update name and status")
def _(world: World) -> None:
    world.client.update_run(world.run_id, status="FAILED", name="other")
    info = world.client.get_run(world.run_id).info
    assert (info.status, info.run_name) == ("FAILED", "other")
    world.client.set_tag(world.run_id, "mlflow.runName", "one")
    assert world.client.get_run(world.run_id).info.run_name == "one"


@operation("runs", "delete, restore; a deleted run refuses writes")
def _(world: World) -> None:
    run_id = world.client.create_run(world.experiment_id).info.run_id
    world.client.delete_run(run_id)
    try:
        world.client.log_metric(run_id, "m", 1)
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE"
    else:
        raise AssertionError("it was logged")
    world.client.restore_run(run_id)
    world.client.log_metric(run_id, "m", 1)


@operation("runs", "log metrics: NaN, infinities, Unicode keys, negative steps")
def _(world: World) -> None:
    for key, value in (("nan", math.nan), ("inf", math.inf), ("größe/日本 1", -math.inf)):
        world.client.log_metric(world.run_id, key, value, step=-1)
    metrics = world.client.get_run(world.run_id).data.metrics
    assert math.isnan(metrics["nan"])
    assert (metrics["inf"], metrics["größe/日本 1"]) == (math.inf, -math.inf)


@operation("runs", "log params: the same again is fine, another value is refused")
def _(world: World) -> None:
    world.client.log_param(world.run_id, "lr", 0.1)
    world.client.log_param(world.run_id, "lr", 0.1)
    try:
        world.client.log_param(world.run_id, "lr", 0.2)
    except MlflowException as error:
        assert "Changing param values is not allowed" in str(error)
    else:
        raise AssertionError("it was changed")


@operation("runs", "log batches, whole or not at all")
def _(world: World) -> None:
    world.client.log_batch(
        world.run_id,
        [Metric(f"b{i % 7}", i, 1_700_000_000_000 + i, i) for i in range(1000)],
    )
    with contextlib.suppress(MlflowException):
        world.client.log_batch(world.run_id, params=[Param("lr", "9")], tags=[RunTag("no", "1")])
    assert "no" not in world.client.get_run(world.run_id).data.tags


@operation("runs", "set and delete tags")
def _(world: World) -> None:
    world.client.set_tag(world.run_id, "k", "v")
    world.client.delete_tag(world.run_id, "k")
    assert "k" not in world.client.get_run(world.run_id).data.tags


@operation("runs", "metric history")
def _(world: World) -> None:
    assert len(world.client.get_metric_history(world.run_id, "b1")) == 143


@operation("runs", "search, with filter, order and pages")
def _(world: World) -> None:
    for index in range(5):
        run = world.client.create_run(world.experiment_id, tags={"searched": "yes"})
        world.client.log_metric(run.info.run_id, "acc", index)
    first = world.client.search_runs(
        [world.experiment_id],
        "tags.searched = 'yes' and metrics.acc >= 1",
        order_by=["metrics.acc DESC"],
        max_results=3,
    )
    rest = world.client.search_runs(
        [world.experiment_id],
        "tags.searched = 'yes' and metrics.acc >= 1",
        order_by=["metrics.acc DESC"],
        max_results=3,
        page_token=first.token,
    )
    assert [run.data.metrics["acc"] for run in [*first, *rest]] == [4, 3, 2, 1]
    assert not rest.token


@operation("runs", "log inputs: datasets")
def _(world: World) -> None:
    import numpy as np

    data = mlflow.data.from_numpy(np.arange(6), name="numbers")
    with mlflow.start_run(run_id=world.run_id):
        mlflow.log_input(data, context="training")
    inputs = world.client.get_run(world.run_id).inputs.dataset_inputs
    assert [one.dataset.name for one in inputs] == ["numbers"]


@operation("artifacts", "log, list, download")
def _(world: World) -> None:
    (world.folder / "a ü.txt").write_text("hello")
    world.client.log_artifact(world.run_id, str(world.folder / "a ü.txt"), "sub")
    world.client.log_dict(world.run_id, {"a": 1}, "d.json")
    assert [one.path for one in world.client.list_artifacts(world.run_id, "sub")] == ["sub/a ü.txt"]
    got = world.client.download_artifacts(world.run_id, "sub/a ü.txt")
    assert Path(got).read_text() == "hello"


@operation("logged models", "log, load, search")
def _(world: World) -> None:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    with mlflow.start_run(experiment_id=world.experiment_id):
        info = mlflow.sklearn.log_model(model, name="m")
    world.model_id = info.model_id
    loaded = mlflow.sklearn.load_model(f"models:/{info.model_id}")
    assert round(float(loaded.predict([[2.0]])[0]), 6) == 2
    found = world.client.search_logged_models([world.experiment_id])
    assert info.model_id in [one.model_id for one in found]


@operation("logged models", "tags, delete")
def _(world: World) -> None:
    world.client.set_logged_model_tags(world.model_id, {"a": "b"})
    assert world.client.get_logged_model(world.model_id).tags["a"] == "b"
    world.client.delete_logged_model_tag(world.model_id, "a")


@operation("logged models", "autologging with scikit-learn")
def _(world: World) -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment(experiment_id=world.experiment_id)
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            LogisticRegression().fit([[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1])
    finally:
        mlflow.sklearn.autolog(disable=True)
    data = world.client.get_run(run.info.run_id).data
    assert data.params["max_iter"] == "100"
    assert "training_accuracy_score" in data.metrics


@operation("registry", "register a version, aliases, tags, stages")
def _(world: World) -> None:
    name = f"{world.name}-model"
    world.client.create_registered_model(name, description="d")
    version = world.client.create_model_version(name, f"models:/{world.model_id}")
    world.client.set_registered_model_alias(name, "best", version.version)
    assert world.client.get_model_version_by_alias(name, "best").version == version.version
    world.client.set_model_version_tag(name, version.version, "a", "b")
    assert world.client.get_model_version(name, version.version).tags == {"a": "b"}


@operation("registry", "search models and versions")
def _(world: World) -> None:
    found = world.client.search_registered_models(f"name = '{world.name}-model'")
    assert [one.name for one in found] == [f"{world.name}-model"]
    assert len(world.client.search_model_versions(f"name = '{world.name}-model'")) == 1


@operation("registry", "rename, delete")
def _(world: World) -> None:
    name = f"{world.name}-model"
    world.client.rename_registered_model(name, f"{name}-2")
    world.client.delete_registered_model(f"{name}-2")


@operation("prompts", "register, load, aliases")
def _(world: World) -> None:
    name = f"{world.name}-prompt"
    mlflow.genai.register_prompt(name, "Say {{word}}")
    assert mlflow.genai.load_prompt(f"prompts:/{name}/1").template == "Say {{word}}"
    mlflow.genai.set_prompt_alias(name, "live", 1)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@live").version == 1


@operation("traces", "log, get, search, tag")
def _(world: World) -> None:
    mlflow.set_experiment(experiment_id=world.experiment_id)
    with mlflow.start_span("root") as span:
        span.set_inputs({"q": "?"})
        span.set_outputs("!")
    mlflow.flush_trace_async_logging()
    world.trace_id = span.trace_id
    trace = mlflow.get_trace(span.trace_id)
    assert [one.name for one in trace.data.spans] == ["root"]
    mlflow.set_trace_tag(span.trace_id, "k", "v")
    found = mlflow.search_traces(locations=[world.experiment_id], return_type="list")
    assert span.trace_id in [one.info.trace_id for one in found]


@operation("traces", "assessments")
def _(world: World) -> None:
    mlflow.log_feedback(trace_id=world.trace_id, name="good", value=True)
    names = [one.name for one in mlflow.get_trace(world.trace_id).info.assessments]
    assert names == ["good"]


@operation("traces", "delete")
def _(world: World) -> None:
    ids = [world.trace_id]
    assert world.client.delete_traces(experiment_id=world.experiment_id, trace_ids=ids) == 1


@operation("evaluation", "datasets with records")
def _(world: World) -> None:
    from mlflow.genai.datasets import create_dataset

    made = create_dataset(name=f"{world.name}-data", experiment_id=world.experiment_id)
    made.merge_records([{"inputs": {"q": "a"}, "expectations": {"r": "b"}}])
    assert len(made.to_df()) == 1


@operation("webhooks", "create, list, delete")
def _(world: World) -> None:
    made = world.client.create_webhook(
        name=world.name, url="https://example.com/hook", events=["registered_model.created"]
    )
    assert made.webhook_id in [one.webhook_id for one in world.client.list_webhooks()]
    world.client.delete_webhook(made.webhook_id)


@operation("workspaces", "list")
def _(world: World) -> None:
    del world
    mlflow.list_workspaces()


@operation("gateway", "list secrets")
def _(world: World) -> None:
    world.client._tracking_client.store.list_secret_infos()


def _outcome(function: Callable[[World], None], world: World) -> str:
    try:
        function(world)
    except MlflowException as error:
        if error.error_code in _NOT_OFFERED:
            return "not offered"
        return f"failed: {error.error_code}: {str(error)[:300]}"
    except Exception as error:  # noqa: BLE001  whatever it is, the next operation is tried
        return f"failed: {type(error).__name__}: {str(error)[:300]}"
    return "ok"


def main(address: str) -> list[dict[str, Any]]:
    """Do all operations; returns how each went."""
    mlflow.set_tracking_uri(address)
    world = World(MlflowClient())
    return [
        {"group": group, "operation": name, "outcome": _outcome(function, world)}
        for group, name, function in OPERATIONS
    ]


if __name__ == "__main__":
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    results = main(sys.argv[1])
    print("RESULTS " + json.dumps(results))
