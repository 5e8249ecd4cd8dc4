"""Records to measure with, the same in every run: points of metrics, and whole runs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mere.clock import SystemClock, run_id
from mere.lake import Lake
from mere.services.tables import TABLES

__all__ = ["QUERY", "build_runs", "curve", "new_ids", "points_of", "rows_of"]

_STARTED_US = 1_750_000_000_000_000
_RUNS_A_PATCH = 5_000
_RUNS_A_FOLD = 40_000

QUERY = (
    "SELECT run_id, name, metrics['m0'] AS m0 FROM runs WHERE params['lr'] = '0.01' AND "
    "metrics['m1'] > 0.5 AND tags['t0'] <> 'v7' ORDER BY metrics['m0'] DESC LIMIT 100"
)
"""A filter on three conditions, an order and a limit."""


def new_ids(number: int) -> list[str]:
    """Run ids, in ascending order."""
    clock = SystemClock()
    return sorted(run_id(clock) for _ in range(number))


def curve(steps: int, seed: int = 0) -> list[float]:
    """A loss that falls, with the noise of training: all bits of every value count."""
    noise = random.Random(seed)
    return [math.exp(-step / steps * 4) + noise.gauss(0, 0.02) for step in range(steps)]


def points_of(run: str, number: int, keys: int = 10) -> dict[str, list[Any]]:
    """Columns of points of one run, as a training loop logs them: all keys at each step."""
    keys = min(keys, number)
    values = curve(number)
    return {
        "run_id": [run] * number,
        "key": [f"metric_{i % keys}" for i in range(number)],
        "step": [i // keys for i in range(number)],
        "timestamp": [_STARTED_US + i // keys * 250_000 for i in range(number)],
        "value": values,
    }


def rows_of(number: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Finished runs with 20 params, 20 metrics and 5 tags each."""
    chance = random.Random(seed)
    clock = SystemClock()
    for index in range(number):
        began = _STARTED_US + index * 1_000_000
        yield {
            "run_id": run_id(clock),
            "experiment_id": str(index % 10),
            "kind": "train",
            "name": f"run-{index}",
            "status": "FINISHED",
            "lifecycle": "active",
            "started_at": began,
            "ended_at": began + 60_000_000,
            "created_by": "bench",
            "params": {
                "lr": chance.choice(("0.1", "0.01", "0.001", "0.0001")),
                **{f"p{i}": str(chance.randrange(1000)) for i in range(19)},
            },
            "tags": {f"t{i}": f"v{chance.randrange(50)}" for i in range(5)},
            "metric_summary": {
                f"m{i}": {
                    "step": 99,
                    "timestamp": began + 59_000_000,
                    "value": (value := chance.random()),
                    "min": value / 2,
                    "max": value * 2,
                    "count": 100,
                }
                for i in range(20)
            },
        }


def build_runs(folder: Path, number: int) -> Path:
    """A local warehouse of so many runs, folded."""
    with Lake.open(str(folder), tables=TABLES) as lake:
        pending: list[dict[str, Any]] = []
        for index, row in enumerate(rows_of(number), start=1):
            pending.append(row)
            if len(pending) == _RUNS_A_PATCH or index == number:
                lake.patch("runs", pending)
                pending = []
            if index % _RUNS_A_FOLD == 0:
                lake.fold()
        lake.fold()
    return folder
