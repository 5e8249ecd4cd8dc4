"""Makes a store of MLflow, by MLflow itself: what imports are tested against.

Runs in an environment with MLflow (``.bench``), not in mere's own::

    .bench/bin/python tests/interchange/mlflow_source.py sqlite:////tmp/source/mlflow.db 20 100

The names of metrics, params and tags have spaces, slashes and other alphabets; values are NaN and
infinite, too. Every fifth run is the child of the one before, one is deleted, one never ends.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

BEGIN_MS = 1_700_000_000_000
KEYS = ("loss", "val/acc", "ü 度", "odd")
SPECIAL = (math.nan, math.inf, -math.inf)


def make(address: str, runs: int, points: int, *, files: bool = True) -> None:
    """Fill an empty store with so many runs of so many points each."""
    client = MlflowClient(address, registry_uri=address)
    digits = client.create_experiment("digits ü/1", tags={"team": "a"})
    ids: list[str] = []
    for number in range(runs):
        ids.append(_run(client, digits if number % 2 else "0", number, points, ids))
    for number in range(min(runs, 3)):
        _add_inputs(client, ids[number], number)
        if files:
            _add_files(client, ids[number], number)
    client.delete_run(ids[3])
    _add_models(client, digits, ids)


def _run(client: MlflowClient, experiment: str, number: int, points: int, ids: list[str]) -> str:
    tags = {
        "mlflow.note.content": "# notes\nof a run",
        "mlflow.source.name": "train.py",
        "mlflow.source.git.commit": "c0ffee",
        "empty": "",
    }
    if number % 5 == 4:
        tags["mlflow.parentRunId"] = ids[-1]
    run = client.create_run(
        experiment, run_name=f"run {number}", tags=tags, start_time=BEGIN_MS + number
    )
    run_id: str = run.info.run_id
    logged = [
        Metric(KEYS[at % 4], _value(number, at), BEGIN_MS + at * 7, at // 4) for at in range(points)
    ]
    params = [Param("lr", str(0.1 / (number + 1))), Param("ü p", "x/y"), Param("long", "v" * 3000)]
    for begin in range(0, points, 1000):
        client.log_batch(
            run_id,
            metrics=logged[begin : begin + 1000],
            params=params if begin == 0 else [],
            tags=[RunTag("number", str(number))],
        )
    if number % 7 != 6:
        status = "FAILED" if number % 3 == 2 else "FINISHED"
        client.set_terminated(run_id, status, end_time=BEGIN_MS + 100_000)
    return run_id


def _value(number: int, at: int) -> float:
    return SPECIAL[at] if at < len(SPECIAL) else math.sin(at * 0.1 + number)


def _add_inputs(client: MlflowClient, run_id: str, number: int) -> None:
    source = json.dumps({"uri": "s3://bucket/data.parquet"})
    dataset = Dataset("data", f"digest{number // 2}", "local", source, "{}", '{"rows": 1}')
    tags = [InputTag("mlflow.data.context", "training"), InputTag("fold", "1")]
    client.log_inputs(run_id, [DatasetInput(dataset, tags)])


def _add_files(client: MlflowClient, run_id: str, number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a ü.txt")
        file.write_text(f"hello {number}")
        client.log_artifact(run_id, str(file))
        client.log_artifact(run_id, str(file), "sub dir/x")


def _add_models(client: MlflowClient, experiment: str, ids: list[str]) -> None:
    made = client.create_logged_model(
        experiment, "net", source_run_id=ids[1], tags={"a": "b"}, params={"p": "q"}
    )
    client.log_metric(ids[1], "acc", 0.5, timestamp=BEGIN_MS, step=3, model_id=made.model_id)
    client.finalize_logged_model(made.model_id, "READY")
    client.create_registered_model("digits net", tags={"k": "v"}, description="reads digits")
    client.create_model_version(
        "digits net",
        f"models:/{made.model_id}",
        run_id=ids[1],
        tags={"stage": "test"},
        model_id=made.model_id,
    )
    client.set_registered_model_alias("digits net", "champion", 1)


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), files="--no-files" not in sys.argv)
