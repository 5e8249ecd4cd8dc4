from __future__ import annotations

import lzma
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import mere
from mere.services.warehouse import close_warehouses

DATA = Path(__file__).parent / "data"

RUNS = "select * exclude (created_at, updated_at, params, tags, metrics, metric_summary) from runs"
MAPS = (
    "select run_id, 'p' as kind, unnest(map_keys(params)) as key, "
    "unnest(map_values(params)) as value from runs union all "
    "select run_id, 't', unnest(map_keys(tags)), unnest(map_values(tags)) from runs union all "
    "select run_id, 'm', unnest(map_keys(metric_summary)), "
    "unnest(map_values(metric_summary))::text from runs"
)
POINTS = "select run_id, key, step, timestamp, value, logged_model_id, dataset_id from metrics"
OTHERS = (
    "experiments",
    "artifacts",
    "datasets",
    "lineage",
    "logged_models",
    "registered_models",
    "model_versions",
    "model_aliases",
)


def contents(url: str) -> dict[str, list[str]]:
    """All rows of a warehouse, without the times at which it stored them."""
    queries = {"runs": RUNS, "maps": MAPS, "metrics": POINTS, "console": "select * from console"}
    queries |= {name: f"select * exclude (created_at, updated_at) from {name}" for name in OTHERS}
    # Each warehouse numbers the snapshots of its tables by itself.
    queries["datasets"] = "select * exclude (created_at, updated_at, snapshot_id) from datasets"
    return {
        name: sorted(str(row) for row in mere.sql(query, warehouse=url).to_pylist())
        for name, query in queries.items()
    }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, and a warehouse of the test's own."""
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    close_warehouses()


@pytest.fixture
def mlflow_db(tmp_path: Path) -> Path:
    """A SQLite file that MLflow made (see tests/interchange/mlflow_source.py), 10 runs."""
    return unpacked(tmp_path)


def unpacked(folder: Path) -> Path:
    """The SQLite file in a folder, its artifacts below it."""
    path = folder / "mlflow.db"
    path.write_bytes(lzma.decompress((DATA / "mlflow.db.xz").read_bytes()))
    with closing(sqlite3.connect(path)) as database, database:
        for table, column in (("runs", "artifact_uri"), ("logged_models", "artifact_location")):
            database.execute(
                f"update {table} set {column} = replace({column}, '/tmp/mlflow-fixture', ?)",
                (str(folder),),
            )
        for uri, name in database.execute("select artifact_uri, name from runs").fetchall():
            if name in ("run 0", "run 1", "run 2"):
                for place in (Path(uri), Path(uri, "sub dir/x")):
                    place.mkdir(parents=True, exist_ok=True)
                    (place / "a ü.txt").write_text(f"hello {name}")
    return path


@pytest.fixture
def event_folder(tmp_path: Path) -> Path:
    """Event files written by tensorboardX and, in v2, by TensorBoard 2's writer."""
    return Path(shutil.copytree(DATA / "tensorboard", tmp_path / "logs"))


@pytest.fixture
def wandb_folder(tmp_path: Path) -> Path:
    """An offline run of W&B."""
    return Path(shutil.copytree(DATA / "wandb", tmp_path / "wandb"))
