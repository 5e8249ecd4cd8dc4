"""What an unmodified MLflow client does in a day, against any tracking address.

Run by the Python of the environment that has MLflow: ``python journey.py ADDRESS [PART …]``. Each
part makes data of its own and checks, right after each write, that it is read back as written; so
it passes against two replicas only if a client that moves between them always sees its own work.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric, Param, RunTag

_BIG_BYTES = 1 << 20


def tracking(name: str) -> None:
    client = MlflowClient()
    experiment_id = client.create_experiment(name, tags={"team": "ü"})
    assert client.get_experiment_by_name(name).experiment_id == experiment_id
    expect_error("RESOURCE_ALREADY_EXISTS", client.create_experiment, name)
    run = client.create_run(experiment_id, run_name="first", tags={"a": "1"})
    run_id = run.info.run_id
    assert client.get_run(run_id).data.tags["a"] == "1"
    client.log_param(run_id, "lr", 0.1)
    assert client.get_run(run_id).data.params == {"lr": "0.1"}
    expect_error("INVALID_PARAMETER_VALUE", client.log_param, run_id, "lr", 0.2)
    for step in range(20):
        client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
        assert client.get_run(run_id).data.metrics["loss"] == 1 / (step + 1)
    assert [m.step for m in client.get_metric_history(run_id, "loss")] == list(range(20))
    client.log_batch(
        run_id,
        [Metric(f"m {i}", float(i), 1_700_000_000_000 + i, i) for i in range(900)],
        [Param(f"p{i}", str(i)) for i in range(50)],
        [RunTag(f"t/{i}", "x" * i) for i in range(50)],
    )
    data = client.get_run(run_id).data
    assert (len(data.metrics), len(data.params)) == (901, 51)
    client.log_metric(run_id, "odd", math.nan)
    assert math.isnan(client.get_run(run_id).data.metrics["odd"])
    client.set_tag(run_id, "a", "2")
    client.delete_tag(run_id, "t/0")
    tags = client.get_run(run_id).data.tags
    assert tags["a"] == "2"
    assert "t/0" not in tags
    client.set_terminated(run_id)
    assert client.get_run(run_id).info.status == "FINISHED"
    found = client.search_runs(
        [experiment_id],
        "params.lr = '0.1' and metrics.loss < 0.06 and tags.a = '2'",
        order_by=["metrics.loss DESC"],
    )
    assert [one.info.run_id for one in found] == [run_id]
    client.delete_run(run_id)
    assert client.search_runs([experiment_id]) == []
    client.restore_run(run_id)
    assert len(client.search_runs([experiment_id])) == 1
    expect_error("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)


def nested(name: str) -> None:
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_metric("a", 1)
        for number in range(3):
            with mlflow.start_run(run_name=f"child {number}", nested=True):
                mlflow.log_param("number", number)
    query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    children = mlflow.search_runs(experiment_names=[name], filter_string=query)
    assert sorted(children["params.number"]) == ["0", "1", "2"]


def autolog(name: str) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment(name)
    mlflow.sklearn.autolog(silent=True)
    try:
        features, target = load_iris(return_X_y=True, as_frame=True)
        with mlflow.start_run() as run:
            model = LogisticRegression(max_iter=200).fit(features, target)
            model.score(features, target)
    finally:
        mlflow.sklearn.autolog(disable=True)
    logged = mlflow.get_run(run.info.run_id)
    assert logged.data.params["max_iter"] == "200"
    assert logged.data.metrics["training_accuracy_score"] > 0.9
    assert len(logged.inputs.dataset_inputs) >= 1
    again = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert (again.predict(features) == model.predict(features)).all()


def models(name: str) -> None:
    from mlflow.models import infer_signature
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    client = MlflowClient()
    mlflow.set_experiment(name)
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=200).fit(features, target)
    signature = infer_signature(features, model.predict(features))
    for _ in range(2):
        with mlflow.start_run():
            info = mlflow.sklearn.log_model(
                model,
                name="iris",
                signature=signature,
                registered_model_name=name,
                pip_requirements=["scikit-learn"],  # to find them by itself takes MLflow long
            )
        assert (mlflow.pyfunc.load_model(info.model_uri).predict(features) == target).mean() > 0.9
    assert mlflow.get_logged_model(info.model_id).name == "iris"
    versions = client.search_model_versions(f"name = '{name}'")
    assert sorted(int(one.version) for one in versions) == [1, 2]
    client.set_registered_model_alias(name, "champion", "1")
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    client.set_model_version_tag(name, "2", "stage", "live")
    client.update_model_version(name, "2", "the second")
    assert client.get_model_version(name, "2").description == "the second"
    loaded = mlflow.sklearn.load_model(f"models:/{name}@champion")
    assert (loaded.predict(features) == model.predict(features)).all()
    client.delete_registered_model_alias(name, "champion")
    expect_error("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, name, "champion")


def artifacts(name: str, big_bytes: int) -> None:
    mlflow.set_experiment(name)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        mlflow.log_text("hällo", "notes/a b.txt")
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a b.txt") == "hällo"
        mlflow.log_dict({"a": [1, 2]}, "config.json")
        tree = Path(folder, "tree", "deep")
        tree.mkdir(parents=True)
        (tree / "empty").write_bytes(b"")
        (tree / "x.bin").write_bytes(bytes(range(256)))
        mlflow.log_artifacts(str(tree.parent), "copied")
        big = Path(folder, "big.bin")
        digest = write_random(big, big_bytes)
        mlflow.log_artifact(str(big))
        client = MlflowClient()
        listed = {one.path: one for one in client.list_artifacts(run.info.run_id)}
        assert set(listed) == {"notes", "config.json", "copied", "big.bin"}
        assert listed["big.bin"].file_size == big_bytes
        assert listed["copied"].is_dir
        back = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder))
        assert (back / "copied/deep/x.bin").read_bytes() == bytes(range(256))
        assert (back / "copied/deep/empty").read_bytes() == b""
        assert digest_of(back / "big.bin") == digest


def datasets(name: str) -> None:
    import pandas as pd

    mlflow.set_experiment(name)
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "ü"]})
    dataset = mlflow.data.from_pandas(frame, source="s3://somewhere/data.csv", name="data")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
    inputs = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(one.dataset.name, one.dataset.digest) for one in inputs] == [("data", dataset.digest)]


def traces(name: str) -> None:
    mlflow.set_experiment(name)

    @mlflow.trace
    def inner(number: int) -> int:
        return number + 1

    @mlflow.trace(name="outer", attributes={"kind": "test"})
    def outer(number: int) -> int:
        return inner(number) * 2

    assert outer(20) == 42
    mlflow.flush_trace_async_logging()
    trace_id = mlflow.get_last_active_trace_id()
    trace = mlflow.get_trace(trace_id)
    assert sorted(span.name for span in trace.data.spans) == ["inner", "outer"]
    mlflow.set_trace_tag(trace_id, "seen", "yes")
    found = mlflow.search_traces(
        locations=[mlflow.get_experiment_by_name(name).experiment_id],
        filter_string="tags.seen = 'yes'",
        return_type="list",
    )
    assert [one.info.trace_id for one in found] == [trace_id]
    mlflow.log_feedback(trace_id=trace_id, name="good", value=True)
    assert mlflow.get_trace(trace_id).info.assessments[0].value is True


def prompts(name: str) -> None:
    first = mlflow.genai.register_prompt(f"{name}-prompt", "Hello {{who}}")
    assert first.version == 1
    second = mlflow.genai.register_prompt(f"{name}-prompt", "Dear {{who}}")
    mlflow.genai.set_prompt_alias(f"{name}-prompt", "live", second.version)
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}-prompt@live")
    assert loaded.format(who="you") == "Dear you"


def expect_error(code: str, ask: Any, *arguments: Any) -> None:
    try:
        ask(*arguments)
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code}: {error}"
    else:
        raise AssertionError(f"{ask.__name__}{arguments} was not refused")


def write_random(file: Path, size: int) -> str:
    digest, source = hashlib.sha256(), random.Random(7)
    with file.open("wb") as out:
        while size:
            piece = source.randbytes(min(size, 1 << 20))
            digest.update(piece)
            out.write(piece)
            size -= len(piece)
    return digest.hexdigest()


def digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


PARTS: dict[str, Any] = {
    "tracking": tracking,
    "nested": nested,
    "artifacts": artifacts,
    "autolog": autolog,
    "models": models,
    "datasets": datasets,
    "traces": traces,
    "prompts": prompts,
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--name", default="journey")
    parser.add_argument("--big-bytes", type=int, default=_BIG_BYTES)
    told = parser.parse_args()
    mlflow.set_tracking_uri(told.address)
    for part in told.parts or PARTS:
        name = f"{told.name}-{part}"
        if part == "artifacts":
            artifacts(name, told.big_bytes)
        else:
            PARTS[part](name)
        print(f"done {part}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
