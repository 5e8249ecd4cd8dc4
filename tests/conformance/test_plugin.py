"""MLflow's newest client on a warehouse without a server, by the plugin."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mere.services.warehouse import open_warehouse
from mere.testing.s3server import S3Server
from tests.server.replicas import MLFLOW, journey

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow's client is not installed"),
]

_QUICK = ("tracking", "nested", "artifacts", "datasets", "traces", "prompts")
_MODELS = ("models", "autolog")
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}


def start(program: str, address: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    before = f"import json, os, sys, mlflow\nmlflow.set_tracking_uri({address!r})\n"
    return subprocess.Popen(
        [str(MLFLOW), "-c", before + textwrap.dedent(program)],
        cwd=folder,
        env={**os.environ, **_QUIET, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> Any:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-4000:]
    assert "nanobind" not in errors
    return json.loads(out.strip().splitlines()[-1])


def run(program: str, address: str, folder: Path, **variables: str) -> Any:
    return result(start(program, address, folder, **variables))


@pytest.mark.parametrize("parts", [_QUICK, _MODELS], ids=["quick", "models"])
def test_a_day_of_a_client_on_a_folder(parts: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "größe 1" / "lake"
    journey(f"mere+file://{folder}", tmp_path, *parts)
    runs = open_warehouse(str(folder)).sql("select count(*) as n from runs").to_pylist()
    assert runs[0]["n"] >= 1


@pytest.mark.parametrize("parts", [_QUICK, _MODELS], ids=["quick", "models"])
def test_a_day_of_a_client_on_a_bucket(
    parts: tuple[str, ...], tmp_path: Path, s3_server: S3Server
) -> None:
    address = f"mere+{s3_server.new_prefix()}"
    journey(address, tmp_path, *parts, environment=s3_server.environment, big_bytes=20 << 20)


def test_two_processes_log_to_one_run_at_once(tmp_path: Path) -> None:
    address = f"mere+file://{tmp_path}/lake"
    run_id = run(
        "print(json.dumps(mlflow.start_run().info.run_id)); mlflow.log_metric('a', 0, step=0)",
        address,
        tmp_path,
    )
    program = """
        client = mlflow.MlflowClient()
        first = int(os.environ["FIRST"])
        for step in range(first, first + 100):
            client.log_metric(os.environ["RUN"], "a", step, step=step)
        client.log_param(os.environ["RUN"], f"p{first}", "x")
        print(json.dumps(len(client.get_metric_history(os.environ["RUN"], "a"))))
    """
    both = [start(program, address, tmp_path, RUN=run_id, FIRST=str(n)) for n in (1, 101)]
    assert max(result(one) for one in both) >= 101
    row = open_warehouse(f"{tmp_path}/lake").runs.row(run_id)
    history = open_warehouse(f"{tmp_path}/lake").sql(
        "select count(*) as n, count(distinct step) as steps from metrics where run_id = ?",
        [run_id],
    )
    assert history.to_pylist() == [{"n": 201, "steps": 201}]
    assert set(row["params"]) == {"p1", "p101"}
    # The first process ended without ending its run, and MLflow ended it then.
    assert row["status"] == "FINISHED"


def test_a_forked_child_begins_anew(tmp_path: Path) -> None:
    found = run(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore")
        client = mlflow.MlflowClient()
        run = client.create_run("0").info.run_id
        client.log_metric(run, "parent", 1)

        def work():
            client.log_metric(run, "child", 2)
            assert client.get_run(run).data.metrics == {"parent": 1, "child": 2}

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join(120)
        client.log_metric(run, "after", 3)
        print(json.dumps([child.exitcode, client.get_run(run).data.metrics]))
        """,
        f"mere+file://{tmp_path}/lake",
        tmp_path,
    )
    assert found == [0, {"parent": 1, "child": 2, "after": 3}]


def test_a_forked_child_of_a_bucket_s_user_is_told_why(tmp_path: Path, s3_server: S3Server) -> None:
    found = run(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore")
        client = mlflow.MlflowClient()
        run = client.create_run("0").info.run_id
        queue = multiprocessing.get_context("fork").SimpleQueue()

        def work():
            try:
                client.log_metric(run, "child", 2)
            except mlflow.MlflowException as error:
                queue.put(str(error))

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        print(json.dumps(queue.get()))
        """,
        f"mere+{s3_server.new_prefix()}",
        tmp_path,
        **s3_server.environment,
    )
    assert "'spawn' or 'forkserver'" in found


def test_what_is_refused_is_said_in_mlflow_s_words(tmp_path: Path) -> None:
    found = run(
        """
        client = mlflow.MlflowClient()
        said = []
        for ask in (lambda: client.get_run("0" * 32), lambda: client.get_experiment("77")):
            try:
                ask()
            except mlflow.MlflowException as error:
                said.append(error.error_code)
        print(json.dumps(said))
        """,
        f"mere+file://{tmp_path}/lake",
        tmp_path,
    )
    assert found == ["RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST"]


def test_importing_mlflow_loads_nothing_heavy_of_ours(tmp_path: Path) -> None:
    found = run(
        """
        ours = sorted(name for name in sys.modules if name.startswith("mere"))
        print(json.dumps([ours, "litestar" in sys.modules, "pyiceberg" in sys.modules]))
        """,
        f"mere+file://{tmp_path}/lake",
        tmp_path,
    )
    assert found == [
        ["mere", "mere.plugins", "mere.plugins.mlflow", "mere.plugins.mlflow.entry"],
        False,
        False,
    ]
    assert not (tmp_path / "lake").exists()
