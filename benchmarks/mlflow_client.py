"""MLflow's Python client with its SQLite store, in process; prints what it measured.

Large fixtures are written into its tables directly, in the form its own calls leave there:
logging them one by one would take hours.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from benchmarks.points import curve, rows_of

_STARTED_MS = 1_750_000_000_000
_SECONDS_MAX = 20.0


def main(work: str, folder: Path, template: Path, parameters: dict[str, Any]) -> None:
    """Do one kind of work and print one JSON object."""
    logging.disable(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.db"
    if not template.exists():
        # The first client makes the tables, by all of its migrations.
        making = folder / "empty.db"
        MlflowClient(f"sqlite:///{making}").search_experiments()
        shutil.copy(making, template)
    shutil.copy(template, path)
    works: dict[str, Callable[..., dict[str, Any]]] = {
        "log": _log,
        "search": _search,
        "history": _history,
    }
    answer = works[work](path, **parameters)
    path.unlink()
    print(json.dumps({"version": mlflow.__version__, **answer}))


def _client(path: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{path}")


def _repeat(work: Callable[[], Any], times: int) -> list[float]:
    """Times after one round to warm up; that round alone, where it takes very long."""
    taken: list[float] = []
    for number in range(times + 1):
        began = time.perf_counter()
        work()
        took = time.perf_counter() - began
        if number or took > _SECONDS_MAX:
            taken.append(took)
        if took > _SECONDS_MAX or sum(taken) > _SECONDS_MAX:
            break
    return taken


def _log(path: Path, singles: int, batch: int) -> dict[str, Any]:
    client = _client(path)
    run = client.create_run("0").info.run_id
    one = _repeat(lambda: client.log_metric(run, "metric_0", 0.5, _STARTED_MS, 1), singles)
    numbers = iter(range(10**9))

    def log_batch() -> None:
        start = next(numbers) * batch
        points = [
            Metric(f"metric_{i % 10}", value, _STARTED_MS + i, (start + i) // 10)
            for i, value in enumerate(curve(batch))
        ]
        client.log_batch(run, metrics=points)

    many = _repeat(log_batch, max(5, singles // 10))
    return {
        "singles_per_s": 1 / median(one),
        "batch_per_s": batch / median(many),
        "repeats": len(one),
    }


def _search(path: Path, runs: int) -> dict[str, Any]:
    client = _client(path)
    client.create_run("0")
    _insert_runs(path, runs)

    def search() -> None:
        found = client.search_runs(
            ["0"],
            "params.lr = '0.01' and metrics.m1 > 0.5 and tags.t0 != 'v7'",
            order_by=["metrics.m0 DESC"],
            max_results=100,
        )
        assert len(found) > 20

    taken = _repeat(search, 9)
    return {"search_ms": median(taken) * 1000, "repeats": len(taken)}


def _insert_runs(path: Path, runs: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -1000000")  # a gigabyte, for the building only
        for row in rows_of(runs):
            run, began = uuid.uuid4().hex, row["started_at"] // 1000
            database.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, user_id, status, "
                "start_time, end_time, lifecycle_stage, artifact_uri, experiment_id) "
                "VALUES (?, ?, 'LOCAL', '', 'bench', 'FINISHED', ?, ?, 'active', '', 0)",
                (run, row["name"], began, began + 60_000),
            )
            database.executemany(
                "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                [(key, value, run) for key, value in row["params"].items()],
            )
            database.executemany(
                "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)",
                [(key, value, run) for key, value in row["tags"].items()],
            )
            database.executemany(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
                "VALUES (?, ?, ?, 99, 0, ?)",
                [
                    (key, tally["value"], began + 59_000, run)
                    for key, tally in row["metric_summary"].items()
                ],
            )
    database.close()


def _history(path: Path, points: int) -> dict[str, Any]:
    client = _client(path)
    run = client.create_run("0").info.run_id
    before = path.stat().st_size
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
            "VALUES ('metric_0', ?, ?, ?, ?, 0)",
            (
                (value, _STARTED_MS + step * 250, run, step)
                for step, value in enumerate(curve(points))
            ),
        )
    database.close()
    size = path.stat().st_size - before
    taken = _repeat(lambda: _check(client.get_metric_history(run, "metric_0"), points), 5)
    return {
        "history_ms": median(taken) * 1000,
        "bytes_per_point": size / points,
        "repeats": len(taken),
    }


def _check(found: list[Metric], points: int) -> None:
    assert len(found) == points


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4]))
