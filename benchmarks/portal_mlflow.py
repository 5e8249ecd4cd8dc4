"""Fill MLflow's database with the runs that are shown side by side.

    python -m benchmarks.portal_mlflow DATABASE RUNS HISTORIES POINTS

Runs by the Python that has MLflow. The rows go into its tables directly, in the form that its own
calls leave there; only the first runs have a history, the others what is shown in a list.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa  # type: ignore[import-not-found]  # not where types are checked
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from benchmarks.portal_data import (
    METRIC,
    STARTED_MS,
    base_of,
    curve_of,
    id_of,
    name_of,
    params_of,
)
from benchmarks.server_mlflow import fill_runs

__all__ = ["main"]

_AT_ONCE = 20_000


def main(database: str, runs: str, histories: str, points: str) -> None:
    """Insert the runs, and the points of those that have a history."""
    logging.disable(logging.WARNING)
    SqlAlchemyStore(database, "artifacts")  # makes the tables, and experiment 0
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as lines:
        lines.writelines(f"{json.dumps(_run(n, int(runs)))}\n" for n in range(int(runs)))
        lines.flush()
        fill_runs(database, lines.name)
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        waiting: list[dict[str, Any]] = []
        for number in range(int(histories)):
            waiting += _points(number, int(runs), int(points))
            if len(waiting) >= _AT_ONCE or number == int(histories) - 1:
                connection.execute(sa.insert(models.SqlMetric.__table__), waiting)
                waiting = []
    engine.dispose()


def _run(number: int, runs: int) -> dict[str, Any]:
    return {
        "run_id": id_of(number),
        "name": name_of(number),
        "started_ms": STARTED_MS + number * 1000,
        "params": params_of(number),
        "tags": {"mlflow.runName": name_of(number)},
        "metrics": {METRIC: base_of(number, runs)},
    }


def _points(number: int, runs: int, points: int) -> Iterator[dict[str, Any]]:
    for step, value in enumerate(curve_of(number, runs, points)):
        yield {
            "run_uuid": id_of(number),
            "key": METRIC,
            "value": value,
            "timestamp": STARTED_MS + number * 1000 + step * 250,
            "step": step,
            "is_nan": False,
        }


if __name__ == "__main__":
    main(*sys.argv[1:])
