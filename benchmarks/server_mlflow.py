"""What only MLflow's environment can do: fill its databases quickly, and be an unmodified client.

    python -m benchmarks.server_mlflow fill-runs DATABASE JSON
    python -m benchmarks.server_mlflow client ADDRESS JSON

Runs by the Python that has MLflow. Large fixtures are written into the tables directly, in the
form that MLflow's own calls leave there.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Any

import mlflow
import sqlalchemy as sa  # type: ignore[import-not-found]  # not where types are checked
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.store.tracking.dbmodels import models

from benchmarks.points import curve

_STARTED_MS = 1_750_000_000_000
_AT_ONCE = 5_000
_ENOUGH_MS = 60_000
"""What took this long in all is not repeated once more."""


def fill_runs(database: str, lines: str) -> None:
    """Insert the runs that a file holds, a JSON object a line."""
    engine = sa.create_engine(database)
    with engine.begin() as connection, open(lines) as file:
        while some := [json.loads(line) for line in islice(file, _AT_ONCE)]:
            connection.execute(sa.insert(models.SqlRun.__table__), [_run(one) for one in some])
            for kind in ("params", "tags"):
                table = {"params": models.SqlParam, "tags": models.SqlTag}[kind].__table__
                rows = [
                    {"run_uuid": one["run_id"], "key": key, "value": value}
                    for one in some
                    for key, value in one[kind].items()
                ]
                connection.execute(sa.insert(table), rows)
            rows = [
                {
                    "run_uuid": one["run_id"],
                    "key": key,
                    "value": value,
                    "timestamp": one["started_ms"],
                    "step": 99,
                    "is_nan": False,
                }
                for one in some
                for key, value in one["metrics"].items()
            ]
            connection.execute(sa.insert(models.SqlLatestMetric.__table__), rows)
    engine.dispose()


def _run(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_uuid": one["run_id"],
        "name": one["name"],
        "source_type": "LOCAL",
        "source_name": "",
        "user_id": "bench",
        "status": "FINISHED",
        "start_time": one["started_ms"],
        "end_time": one["started_ms"] + 60_000,
        "lifecycle_stage": "active",
        "artifact_uri": "",
        "experiment_id": 0,
    }


def fill_points(database: str, run: str, points: int) -> None:
    """Insert the history of one metric."""
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        numbered = enumerate(curve(points))
        while some := list(_points(islice(numbered, _AT_ONCE), run)):
            connection.execute(sa.insert(models.SqlMetric.__table__), some)
    engine.dispose()


def _points(numbered: Iterator[tuple[int, float]], run: str) -> Iterator[dict[str, Any]]:
    for number, value in numbered:
        yield {
            "run_uuid": run,
            "key": "metric_0",
            "value": value,
            "timestamp": _STARTED_MS + number * 250,
            "step": number,
            "is_nan": False,
        }


def client(address: str, work: str, times: int, fields: dict[str, Any]) -> dict[str, Any]:
    """Do one kind of work with the client; its times in milliseconds."""
    used = MlflowClient(address)
    works: dict[str, Any] = {
        "cycle": _cycle,
        "search": _search,
        "history": _history,
        "log": _log,
        "batch": _batch,
    }
    taken: list[float] = []
    while len(taken) <= times and sum(taken) < _ENOUGH_MS:
        number = len(taken)
        began = time.perf_counter()
        works[work](used, number=number, **fields)
        taken.append((time.perf_counter() - began) * 1000)
    kept = taken[1:] or taken
    return {
        "median_ms": median(kept),
        "best_ms": min(kept),
        "worst_ms": max(kept),
        "repeats": len(kept),
        "version": mlflow.__version__,
    }


def _cycle(used: MlflowClient, number: int) -> None:
    run = used.create_run("0", run_name=f"cycle {number}").info.run_id
    used.log_param(run, "lr", 0.1)
    used.set_tag(run, "a", "b")
    for step in range(5):
        used.log_metric(run, "loss", 1 / (step + 1), step=step)
    used.set_terminated(run)


def _search(used: MlflowClient, number: int, query: str, order: str) -> None:
    del number
    found = used.search_runs(["0"], query, order_by=[order], max_results=100)
    assert len(found) > 5, len(found)


def _history(used: MlflowClient, number: int, run: str, points: int) -> None:
    del number
    assert len(used.get_metric_history(run, "metric_0")) == points


def _log(used: MlflowClient, number: int, run: str) -> None:
    used.log_metric(run, "single", 0.5, step=number)


def _batch(used: MlflowClient, number: int, run: str) -> None:
    points = [
        Metric(f"metric_{n % 10}", n / 7, _STARTED_MS + n, number * 100 + n // 10)
        for n in range(1000)
    ]
    used.log_batch(run, metrics=points)


def main(what: str, where: str, told: dict[str, Any]) -> None:
    """Do one thing, and print one JSON object."""
    logging.disable(logging.WARNING)
    answer: Any = {}
    if what == "fill-runs":
        fill_runs(where, **told)
    elif what == "fill-points":
        fill_points(where, **told)
    else:
        answer = client(where, **told)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
