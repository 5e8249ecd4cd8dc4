"""Imports and exports where files, or the warehouse itself, are in a bucket."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import mere
from mere.clock import SystemClock
from mere.lake.objects.open import open_store
from mere.services.warehouse import open_warehouse
from mere.testing.s3server import S3Server
from tests.unit.interchange.conftest import contents


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server whose settings are in the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


def test_artifacts_in_a_bucket_are_fetched_once(bucket: S3Server, mlflow_db: Path) -> None:
    prefix = bucket.new_prefix("mlflow")
    store = open_store(prefix, clock=SystemClock())
    store.put("1/files/sub/a ü.txt", b"hello")
    store.put("1/files/empty", b"")
    with closing(sqlite3.connect(mlflow_db)) as database, database:
        for run, uri in (("run 1", f"{prefix}/1/files"), ("run 2", "mlflow-artifacts:/1/files")):
            database.execute("update runs set artifact_uri = ? where name = ?", (uri, run))
    report = mere.import_mlflow(mlflow_db, artifact_root=prefix)
    assert (report.files, report.files_new, report.left_out) == (6, 6, {})
    warehouse = open_warehouse()
    for run in ("run 1", "run 2"):
        run_id = warehouse.runs.find(run).run_id
        assert warehouse.artifacts.read(run_id, "sub/a ü.txt") == b"hello"
        assert warehouse.artifacts.read(run_id, "empty") == b""
    assert mere.import_mlflow(mlflow_db, artifact_root=prefix).files_new == 0


def test_from_a_folder_into_a_bucket(bucket: S3Server, wandb_folder: Path, here: Path) -> None:
    mere.import_wandb(wandb_folder)
    mere.export("folder")
    target = bucket.new_prefix("moved")
    mere.import_archive("folder", warehouse=target)
    assert contents(target) == contents(str(here / "warehouse"))
    mere.export("back", warehouse=target)
    assert mere.import_archive("back").runs_changed == 0
